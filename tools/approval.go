package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Approval is one person's yes to one call. It holds for the call with that
// fingerprint, once, until it expires.
type Approval struct {
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
	ExpiresAt   time.Time `json:"expires_at"`
	// Blanket marks a yes that was given to everything at once (--yes, a
	// policy, approve all). It never covers a Destroy tool.
	Blanket bool `json:"blanket,omitempty"`
	// Reads are the files outside of the project that the call was shown to read
	// without any argument naming them: Ruling.Reads of the preview.
	Reads []string `json:"reads,omitempty"`
}

// Key identifies the approval among all others; it is what is remembered when
// the approval has been used.
func (a Approval) Key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%d\n%d\n%t",
		a.Fingerprint, a.By, a.At.UnixNano(), a.ExpiresAt.UnixNano(), a.Blanket))
	return hex.EncodeToString(sum[:])
}

type approvalKey struct{}

// WithApproval hands the approval for the next call down to the gate.
func WithApproval(ctx context.Context, a Approval) context.Context {
	return context.WithValue(ctx, approvalKey{}, a)
}

// ApprovalFrom returns the approval that WithApproval put into ctx.
func ApprovalFrom(ctx context.Context) (Approval, bool) {
	a, ok := ctx.Value(approvalKey{}).(Approval)
	return a, ok
}

// Uses remembers, for good, which approvals were used and for which call.
// Use records that the approval with this key is spent on the call and reports
// whether it may be: false when it was spent before, unless on the same
// non-empty call, which is how an interrupted call is taken up again.
type Uses interface {
	Use(ctx context.Context, key, call string) (bool, error)
}

// ApprovalGate lets Read tools run unasked, unless the ruling on a call says
// otherwise. Anything else needs an approval in the context that fits the call,
// has not expired and was not used before. What cannot be checked or recorded
// is refused.
func ApprovalGate(uses Uses, now func() time.Time) Gate {
	return func(d Descriptor, next Handler) Handler {
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			why := demand(ctx)
			if d.Effect == Read && why == "" {
				return next(ctx, c, emit)
			}
			if uses == nil || now == nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: there is no record of used approvals to check against", c.Tool)
			}
			a, ok := ApprovalFrom(ctx)
			reason := unfit(a, ok, d.Effect, c, now())
			ruling, _ := RulingFrom(ctx)
			switch {
			case reason != "":
			case a.Blanket && ruling.Person:
				reason = "a general yes does not cover it"
			default:
				reason = unshown(ruling, a)
			}
			if reason != "" {
				if why != "" {
					reason += "; " + why
				}
				return Result{}, Errorf(CodeNeedsApproval, "%s needs approval: %s", c.Tool, reason).
					WithHint("look at its preview and approve this call")
			}
			fresh, err := uses.Use(ctx, a.Key(), c.ID)
			if err != nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: the approval could not be recorded as used: %w", c.Tool, err)
			}
			if !fresh {
				return Result{}, Errorf(CodeNeedsApproval, "%s needs approval: the approval given was used before", c.Tool).
					WithHint("look at its preview and approve this call")
			}
			return next(ctx, c, emit)
		}
	}
}

// unfit says why an approval does not cover a call; empty means that it does.
func unfit(a Approval, ok bool, effect Effect, c Call, now time.Time) string {
	switch {
	case !ok:
		return fmt.Sprintf("it would %s", consequence(effect))
	case a.Fingerprint != Fingerprint(c.Tool, c.Args):
		return "the approval was given for other arguments"
	case a.By == "":
		return "the approval does not say who gave it"
	case a.At.After(now):
		return "the approval is dated in the future"
	case !now.Before(a.ExpiresAt):
		return "the approval has expired"
	case a.Blanket && effect != Read && effect != Write && effect != Launch:
		return fmt.Sprintf("it would %s, which a general yes does not cover", consequence(effect))
	}
	return ""
}

func consequence(e Effect) string {
	switch e {
	case Read:
		return "read"
	case Write:
		return "add something to the workspace"
	case Launch:
		return "start costly work"
	case Destroy:
		return "end or remove something"
	}
	return "have an unknown effect"
}
