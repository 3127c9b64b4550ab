package tools

import (
	"context"
	"time"

	"github.com/minivess/minivess/engine/journal"
)

// The kinds of record in a ledger.
const (
	ledgerUsed      = "approval_used"
	ledgerCompleted = "call_completed"
)

// Ledger is the durable Uses and Calls: a journal of spent approvals and of
// completed calls with their results. Like the audit log it holds the file
// only for a moment, so several processes share it. Create with NewLedger.
type Ledger struct {
	log   follower
	used  map[string]string
	calls map[string]Completed
}

type usedRecord struct {
	Approval string `json:"approval"`
	Call     string `json:"call,omitempty"`
}

// NewLedger returns the ledger in the journal at path, which is created with
// the first record.
func NewLedger(path string, now func() time.Time) *Ledger {
	l := &Ledger{log: follower{path: path, now: now}, used: map[string]string{}, calls: map[string]Completed{}}
	l.log.take = l.take
	return l
}

// Use implements Uses. The look and the record happen under the journal's
// lock, so of two processes with the same approval one is refused.
func (l *Ledger) Use(ctx context.Context, key, call string) (bool, error) {
	l.log.Lock()
	defer l.log.Unlock()
	fresh := false
	err := l.log.turn(ctx, func(w *journal.Writer) error {
		spentOn, spent := l.used[key]
		if spent {
			fresh = call != "" && spentOn == call
			return nil
		}
		fresh = true
		_, err := w.Append(ledgerUsed, usedRecord{Approval: key, Call: call})
		return err
	})
	return fresh && err == nil, err
}

// Completed implements Calls.
func (l *Ledger) Completed(_ context.Context, id string) (Completed, bool, error) {
	l.log.Lock()
	defer l.log.Unlock()
	if err := l.log.catchUp(); err != nil {
		return Completed{}, false, err
	}
	c, ok := l.calls[id]
	return c, ok, nil
}

// Complete implements Calls. The first completion of an id stands. It is
// recorded even when ctx has ended, because the call has been carried out.
func (l *Ledger) Complete(ctx context.Context, c Completed) error {
	l.log.Lock()
	defer l.log.Unlock()
	return l.log.turn(context.WithoutCancel(ctx), func(w *journal.Writer) error {
		if _, done := l.calls[c.ID]; done {
			return nil
		}
		_, err := w.Append(ledgerCompleted, c)
		return err
	})
}

func (l *Ledger) take(rec journal.Record) error {
	switch rec.Kind {
	case ledgerUsed:
		var u usedRecord
		if err := rec.Decode(&u); err != nil {
			return err
		}
		if _, known := l.used[u.Approval]; !known {
			l.used[u.Approval] = u.Call
		}
	case ledgerCompleted:
		var c Completed
		if err := rec.Decode(&c); err != nil {
			return err
		}
		if _, known := l.calls[c.ID]; !known {
			l.calls[c.ID] = c
		}
	}
	return nil
}
