package tools

import (
	"context"
	"sync"
	"time"
)

// Completed is what is remembered of a call that was carried out.
type Completed struct {
	ID          string    `json:"id"`
	Tool        string    `json:"tool"`
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"`
	Result      Result    `json:"result"`
}

// Calls remembers, for good, which calls were carried out.
type Calls interface {
	Completed(ctx context.Context, id string) (Completed, bool, error)
	Complete(ctx context.Context, c Completed) error
}

// OnceGate makes a call with a non-empty ID act once, in this process and in
// later ones: the second time, the first result is returned and nothing is
// done. The same ID with another tool or other arguments is a conflict. It
// belongs outside the approval gate, since what is only repeated from memory
// needs no approval.
func OnceGate(calls Calls, now func() time.Time) Gate {
	var running keyedLocks
	return func(d Descriptor, next Handler) Handler {
		if d.Effect == Read {
			return next
		}
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			if calls == nil || now == nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: there is no record of calls to keep it from acting twice", c.Tool)
			}
			if c.ID == "" {
				return next(ctx, c, emit)
			}
			defer running.lock(c.ID)()
			fingerprint := Fingerprint(c.Tool, c.Args)
			first, found, err := calls.Completed(ctx, c.ID)
			switch {
			case err != nil:
				return Result{}, Errorf(CodeRefused, "%s is refused: the record of calls cannot be read: %w", c.Tool, err)
			case found && first.Fingerprint != fingerprint:
				return Result{}, Errorf(CodeConflict, "call %s was already made to %s with other arguments", c.ID, first.Tool).
					WithHint("give every call an id of its own")
			case found:
				return first.Result, nil
			}
			res, err := next(ctx, c, emit)
			if err != nil {
				return res, err
			}
			done := Completed{ID: c.ID, Tool: c.Tool, Fingerprint: fingerprint, At: now(), Result: res}
			if err := calls.Complete(ctx, done); err != nil {
				return res, Errorf(CodeFailed, "%s was done (%s), but it could not be recorded: %w", c.Tool, res.Summary, err).
					WithHint("look at its effect before calling it again")
			}
			return res, nil
		}
	}
}

// keyedLocks lets calls with different ids run side by side and those with the
// same one after another.
type keyedLocks struct {
	mu   sync.Mutex
	held map[string]*keyedLock
}

type keyedLock struct {
	mu      sync.Mutex
	waiting int
}

func (l *keyedLocks) lock(key string) (unlock func()) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*keyedLock{}
	}
	k := l.held[key]
	if k == nil {
		k = &keyedLock{}
		l.held[key] = k
	}
	k.waiting++
	l.mu.Unlock()
	k.mu.Lock()
	return func() {
		k.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.waiting--; k.waiting == 0 {
			delete(l.held, key)
		}
	}
}
