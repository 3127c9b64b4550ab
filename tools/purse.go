package tools

import (
	"context"
	"errors"
	"time"

	"github.com/minivess/minivess/engine/journal"
)

// PurseName is the ledger of budgets in a workspace, beside the audit trail.
const PurseName = "budget.jsonl"

// The kinds of record in a purse's ledger.
const (
	purseSpent = "spent"
	purseBack  = "given_back"
)

// Purse remembers, for good, what was counted against the budgets. Looking and
// counting happen under the lock of its journal, so that several processes
// together cannot overspend. Create with NewPurse.
type Purse struct {
	log     follower
	charges map[int64]spentCharge // by sequence number
	calls   map[string]int64      // of those with a call's key
}

type spentCharge struct {
	Charge
	day string
}

type backRecord struct {
	Of int64 `json:"of"`
}

// NewPurse returns the purse in the journal at path, which is created with the
// first charge.
func NewPurse(path string, now func() time.Time) *Purse {
	p := &Purse{log: follower{path: path, now: now}, charges: map[int64]spentCharge{}, calls: map[string]int64{}}
	p.log.take = p.take
	return p
}

// Spend counts a charge, if the limits have room for it, and returns what to
// give back if nothing comes of it. A call that was counted before, and was not
// given back, is not counted again.
func (p *Purse) Spend(ctx context.Context, c Charge, l Limits) (id int64, err error) {
	if p == nil || p.log.now == nil {
		return 0, errors.New("there is no ledger, or no clock, to count with")
	}
	p.log.Lock()
	defer p.log.Unlock()
	err = p.log.turn(ctx, func(w *journal.Writer) error {
		if before, counted := p.calls[c.Call]; counted {
			id = before
			return nil
		}
		now := p.log.now().UTC()
		if over := l.Day.room("day", p.sum("", now), c); over != nil {
			over.renews = now.Truncate(24 * time.Hour).Add(24 * time.Hour)
			return over
		}
		if c.Thread != "" {
			if over := l.Thread.room("conversation", p.sum(c.Thread, now), c); over != nil {
				return over
			}
		}
		rec, err := w.Append(purseSpent, c)
		id = rec.Seq
		return err
	})
	if over, ok := errors.AsType[*overspent](err); ok {
		return 0, over
	}
	return id, err
}

// GiveBack takes a charge back, also when ctx has ended.
func (p *Purse) GiveBack(ctx context.Context, id int64) error {
	p.log.Lock()
	defer p.log.Unlock()
	return p.log.turn(context.WithoutCancel(ctx), func(w *journal.Writer) error {
		if _, there := p.charges[id]; !there {
			return nil
		}
		_, err := w.Append(purseBack, backRecord{Of: id})
		return err
	})
}

// Spent adds up what counts today and, for a conversation that is named, what
// counts in it.
func (p *Purse) Spent(thread string) (day, ofThread Spent, err error) {
	p.log.Lock()
	defer p.log.Unlock()
	if err := p.log.catchUp(); err != nil {
		return Spent{}, Spent{}, err
	}
	now := p.log.now().UTC()
	if thread != "" {
		ofThread = p.sum(thread, now)
	}
	return p.sum("", now), ofThread, nil
}

// sum adds up a conversation's charges or, without one, those of now's day.
func (p *Purse) sum(thread string, now time.Time) (s Spent) {
	today := now.Format(time.DateOnly)
	for _, c := range p.charges {
		if thread == "" && c.day == today || thread != "" && c.Thread == thread {
			s = s.plus(c.Charge)
		}
	}
	return s
}

func (p *Purse) take(rec journal.Record) error {
	switch rec.Kind {
	case purseSpent:
		var c Charge
		if err := rec.Decode(&c); err != nil {
			return err
		}
		p.charges[rec.Seq] = spentCharge{Charge: c, day: rec.Time.UTC().Format(time.DateOnly)}
		if c.Call != "" {
			p.calls[c.Call] = rec.Seq
		}
	case purseBack:
		var b backRecord
		if err := rec.Decode(&b); err != nil {
			return err
		}
		delete(p.calls, p.charges[b.Of].Call)
		delete(p.charges, b.Of)
	}
	return nil
}
