package tools

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Verdict is what is to happen with a call.
type Verdict string

// The verdicts, the stricter the later. No verdict at all leaves a call to
// what its effect says: reading runs, everything else is asked about.
const (
	Allow Verdict = "allow"
	Ask   Verdict = "ask"
	Deny  Verdict = "deny"
)

// strictness orders verdicts; one that is not known is as strict as any.
func (v Verdict) strictness() int {
	return map[Verdict]int{"": 1, Allow: 2, Ask: 3}[v] // 0, the unknown, comes last
}

// stricter reports whether v binds more than o does.
func (v Verdict) stricter(o Verdict) bool {
	a, b := v.strictness(), o.strictness()
	return b != 0 && (a == 0 || a > b)
}

// Ruling is a verdict on one call with who gave it and why.
type Ruling struct {
	Verdict Verdict `json:"verdict"`
	By      string  `json:"by,omitempty"` // "policy .minivess/policy.yaml:12"
	Reason  string  `json:"reason,omitempty"`
	Hint    string  `json:"hint,omitempty"`
	// Person says that a general yes does not cover the call: a person has to
	// look at this very one.
	Person bool `json:"person,omitempty"`
	// Reads are the files, links resolved, that the question is about without
	// any argument naming them; an approval is good for those that it names.
	Reads []string `json:"reads,omitempty"`
	// Notes are what a person should know before saying yes.
	Notes []string `json:"notes,omitempty"`
}

// Stricter returns the stricter of two rulings, a where they are alike, with
// the notes of both.
func Stricter(a, b Ruling) Ruling {
	out := a
	if b.Verdict.stricter(a.Verdict) {
		out = b
	}
	if a.Verdict == b.Verdict {
		out.Person = a.Person || b.Person
	}
	out.Notes = slices.Concat(a.Notes, b.Notes)
	out.Reads = slices.Concat(a.Reads, b.Reads)
	return out
}

// Ruler judges calls. Preview gives the call's preview where a judgement needs
// one; it may fail, and what cannot be known then has to count against the call.
type Ruler interface {
	Rule(ctx context.Context, d Descriptor, c Call, preview func() (Preview, error)) Ruling
}

// Rulers judge together: the strictest ruling stands.
type Rulers []Ruler

// Rule implements Ruler.
func (all Rulers) Rule(ctx context.Context, d Descriptor, c Call, preview func() (Preview, error)) Ruling {
	var out Ruling
	for _, r := range all {
		out = Stricter(out, r.Rule(ctx, d, c, preview))
	}
	return out
}

type rulingKey struct{}

// RulingFrom returns the ruling on the call that ctx belongs to.
func RulingFrom(ctx context.Context) (Ruling, bool) {
	r, ok := ctx.Value(rulingKey{}).(Ruling)
	return r, ok
}

// policyTTL is how long the approval that a policy gives holds: until the gate
// behind this one has looked at it.
const policyTTL = time.Minute

// RuleGate has every call judged and hands the ruling down. What is allowed
// gets an approval by whoever allowed it, as general as any rule is, so that it
// never covers a Destroy tool. It belongs outside the audit gate, which records
// who approved; ObeyGate, inside it, does what the ruling says.
func RuleGate(ruler Ruler, now func() time.Time) Gate {
	return func(d Descriptor, next Handler) Handler {
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			var reads []string
			ruling := judge(ctx, ruler, d, c, sync.OnceValues(func() (Preview, error) {
				p, err := previewFrom(ctx, c)
				reads = p.Reads
				return p, err
			}))
			ctx = context.WithValue(ctx, rulingKey{}, ruling)
			if ruler != nil {
				ctx = withReads(ctx, reads)
			}
			if _, asked := ApprovalFrom(ctx); ruling.Verdict == Allow && !asked && now != nil {
				at := now()
				ctx = WithApproval(ctx, Approval{
					Fingerprint: Fingerprint(c.Tool, c.Args), By: ruling.By, At: at, ExpiresAt: at.Add(policyTTL), Blanket: true,
				})
			}
			return next(ctx, c, emit)
		}
	}
}

// judge asks the ruler; one that panics denies what does more than read.
func judge(ctx context.Context, ruler Ruler, d Descriptor, c Call, preview func() (Preview, error)) (r Ruling) {
	if ruler == nil {
		return Ruling{}
	}
	defer func() {
		if p := recover(); p != nil {
			r = Ruling{Verdict: Deny, By: "the rules", Reason: "judging the call failed; this is a defect in minivess"}
		}
	}()
	return ruler.Rule(ctx, d, c, preview)
}

// ObeyGate refuses what was denied. Without a ruling nothing but reading goes on.
func ObeyGate() Gate {
	return func(d Descriptor, next Handler) Handler {
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			r, judged := RulingFrom(ctx)
			if !judged && d.Effect != Read {
				return Result{}, Errorf(CodeRefused, "%s is refused: nobody judged the call", c.Tool)
			}
			if refusal := r.Refusal(c.Tool); refusal != nil {
				return Result{}, refusal
			}
			return next(ctx, c, emit)
		}
	}
}

// Refusal is the error of a call that was denied, and nil for any other.
func (r *Ruling) Refusal(tool string) *Error {
	if r == nil || !r.Verdict.stricter(Ask) {
		return nil
	}
	e := Errorf(CodeRefused, "%s is refused by %s: %s", tool, r.By, r.Reason)
	if r.Hint != "" {
		return e.WithHint("%s", r.Hint)
	}
	return e
}

// demand says why a call needs the word of a person though its effect alone
// would not ask for it.
func demand(ctx context.Context) string {
	r, ok := RulingFrom(ctx)
	if !ok || r.Verdict != Ask {
		return ""
	}
	if r.Reason == "" {
		return r.By + " asks for a word"
	}
	return r.By + " asks for a word: " + r.Reason
}

type previewKey struct{}

// withPreviewer lets the gates of a call see its preview.
func withPreviewer(ctx context.Context, preview func(context.Context, Call) (Preview, error)) context.Context {
	return context.WithValue(ctx, previewKey{}, preview)
}

// previewFrom previews the call that ctx belongs to.
func previewFrom(ctx context.Context, c Call) (Preview, error) {
	preview, ok := ctx.Value(previewKey{}).(func(context.Context, Call) (Preview, error))
	if !ok {
		return Preview{}, Errorf(CodeFailed, "%s: there is no preview to judge by", c.Tool)
	}
	return preview(ctx, c)
}

// foretell adds to a preview what the rules will say to the call.
func foretell(ctx context.Context, ruler Ruler, d Descriptor, c Call, p Preview) Preview {
	r := judge(ctx, ruler, d, c, func() (Preview, error) { return p, nil })
	p.Notes = append(slices.Clip(p.Notes), r.Notes...)
	if r.Verdict == "" {
		return p
	}
	p.Ruling = &r
	switch r.Verdict {
	case Allow:
		p.Notes = append(p.Notes, "allowed by "+r.By)
	case Ask:
		p.Notes = append(p.Notes, demand(context.WithValue(ctx, rulingKey{}, r)))
	default:
		p.Notes = append(p.Notes, "this will be refused by "+r.By+": "+r.Reason)
	}
	return p
}

// Judge says what would happen to a call if it were made now, without making
// it. What the rules leave to the effect is said so, too.
func (r *Registry) Judge(ctx context.Context, c Call) (Ruling, error) {
	e, err := r.entry(c.Tool)
	if err != nil {
		return Ruling{}, err
	}
	ctx = r.enter(ctx, c)
	ruling := judge(ctx, r.ruler, e.descriptor, c, sync.OnceValues(func() (Preview, error) { return e.preview(ctx, c) }))
	if ruling.Verdict != "" {
		return ruling, nil
	}
	ruling.Verdict, ruling.By, ruling.Reason = Ask, "default", "it would "+consequence(e.descriptor.Effect)
	if e.descriptor.Effect == Read {
		ruling.Verdict, ruling.Reason = Allow, "it only reads"
	}
	return ruling, nil
}
