package tools

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Limit is how much may be done; a nil field is no limit.
type Limit struct {
	Launches *int64   `json:"launches,omitempty"` // calls of Launch tools
	Seconds  *float64 `json:"seconds,omitempty"`  // of their estimates
	Bytes    *int64   `json:"bytes,omitempty"`    // that launches and writes are estimated to write
}

// Set reports whether there is any limit.
func (l Limit) Set() bool { return l.Launches != nil || l.Seconds != nil || l.Bytes != nil }

// Limits are those of one conversation and of one day, which is UTC's. By says
// who set them.
type Limits struct {
	Thread Limit  `json:"thread"`
	Day    Limit  `json:"day"`
	By     string `json:"by,omitempty"`
}

// Charge is what one call is counted with.
type Charge struct {
	Call     string  `json:"call,omitempty"` // its idempotency key: charged once
	Tool     string  `json:"tool"`
	Thread   string  `json:"thread,omitempty"`
	Launches int64   `json:"launches,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Bytes    int64   `json:"bytes,omitempty"`
}

// Spent adds charges up.
type Spent struct {
	Launches int64   `json:"launches"`
	Seconds  float64 `json:"seconds"`
	Bytes    int64   `json:"bytes"`
}

func (s Spent) plus(c Charge) Spent {
	return Spent{s.Launches + c.Launches, s.Seconds + c.Seconds, s.Bytes + c.Bytes}
}

// BudgetGate counts what Launch and Write tools are estimated to cost, and
// refuses a call that would go over a limit, with what is left and when it
// renews. A call that failed without a run is given back. Where limits are set
// and something cannot be known or recorded, the call is refused.
func BudgetGate(p *Purse, limits func() (Limits, error)) Gate {
	return func(d Descriptor, next Handler) Handler {
		if d.Effect != Launch && d.Effect != Write || limits == nil {
			return next
		}
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			l, err := limits()
			if err != nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: the budget cannot be read: %w", c.Tool, err)
			}
			if !l.Thread.Set() && !l.Day.Set() {
				return next(ctx, c, emit)
			}
			charge, err := chargeOf(ctx, d, c)
			if err != nil {
				return Result{}, err
			}
			id, err := p.Spend(ctx, charge, l)
			if over, ok := err.(*overspent); ok { //nolint:errorlint // Spend returns it unwrapped
				return Result{}, over.refusal(c.Tool, l.By)
			}
			if err != nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: the budget cannot be counted: %w", c.Tool, err).
					WithHint("nothing was done; make the ledger %s readable and writable", PurseName)
			}
			res, err := next(ctx, c, emit)
			if err != nil && res.Run == "" {
				if back := p.GiveBack(ctx, id); back != nil {
					e := AsError(err)
					return res, e.WithHint("%s (and it still counts against the budget: %v)", e.Hint, back)
				}
			}
			return res, err
		}
	}
}

// chargeOf estimates a call by its preview.
func chargeOf(ctx context.Context, d Descriptor, c Call) (Charge, error) {
	p, err := previewFrom(ctx, c)
	if err != nil {
		return Charge{}, err
	}
	charge := Charge{Call: c.ID, Tool: c.Tool, Thread: OriginFrom(ctx).Thread, Bytes: max(0, p.Cost.DiskBytes)}
	if d.Effect == Launch {
		charge.Launches, charge.Seconds = 1, p.Cost.Seconds
	}
	if math.IsNaN(charge.Seconds) || math.IsInf(charge.Seconds, 0) || charge.Seconds < 0 {
		return Charge{}, Errorf(CodeRefused, "%s is refused: there is a budget, and nobody knows how long it would take", c.Tool)
	}
	return charge, nil
}

// overspent is a charge that a limit does not leave room for.
type overspent struct {
	of, what, left string
	renews         time.Time
}

// Error implements error.
func (o *overspent) Error() string {
	return fmt.Sprintf("the budget of this %s has %s left, and %s", o.of, o.left, o.what)
}

func (o *overspent) refusal(tool, by string) *Error {
	e := Errorf(CodeRefused, "%s is refused by %s: %w", tool, by, o)
	if o.renews.IsZero() {
		return e.WithHint("a conversation's budget does not renew; begin a new one, or raise the limit in the policy")
	}
	return e.WithHint("it renews at %s UTC; or raise the limit in the policy", o.renews.Format("2006-01-02 15:04"))
}

// room says what a limit has no room for; nil means that all fits.
func (l Limit) room(of string, spent Spent, c Charge) *overspent {
	after := spent.plus(c)
	switch {
	case l.Launches != nil && c.Launches > 0 && after.Launches > *l.Launches:
		return &overspent{of: of, left: fmt.Sprintf("%d of %d launches", max(0, *l.Launches-spent.Launches), *l.Launches), what: "this is one more"}
	case l.Seconds != nil && c.Seconds > 0 && after.Seconds > *l.Seconds:
		return &overspent{of: of, left: Duration(max(0, *l.Seconds-spent.Seconds)), what: "this is estimated to take " + Duration(c.Seconds)}
	case l.Bytes != nil && c.Bytes > 0 && after.Bytes > *l.Bytes:
		return &overspent{of: of, left: Bytes(max(0, *l.Bytes-spent.Bytes)), what: "this is estimated to write " + Bytes(c.Bytes)}
	}
	return nil
}
