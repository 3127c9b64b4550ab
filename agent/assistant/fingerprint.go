package assistant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// fingerprint names what a person approves when they approve a step: the tool
// with its effect as the catalogue has it now, the arguments, and the state of
// things as far as the preview showed it: the arguments with all defaults and
// names resolved, what would be written, whether it can be undone. Estimates
// of time and memory are no part of it, because they change by themselves.
func (a *Assistant) fingerprint(s *Step) string {
	h := sha256.New()
	fmt.Fprintf(h, "minivess step 1\n%s\n%s\n", tools.Fingerprint(s.Tool, s.Args), a.tools[s.Tool].Effect)
	if p := s.Preview; p != nil {
		shown, err := tools.CanonicalJSON(p.Args)
		if err != nil {
			shown = p.Args
		}
		writes, err := json.Marshal(p.Writes)
		if err != nil {
			writes = nil // a list of texts always marshals
		}
		fmt.Fprintf(h, "%s\n%s\n%t\n", shown, writes, p.Irreversible)
		for _, path := range slices.Concat(p.Reads, p.Ruling.Unnamed()) {
			fmt.Fprintf(h, "reads %q\n", path)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// binding is what an answer to a review is good for, beside the plan as it was
// shown and the thread's state: what each step that waits would do as things are.
func (a *Assistant) binding(p *Plan) []string {
	var all []string
	for _, id := range p.waiting() {
		all = append(all, id+" "+a.fingerprint(p.Step(id)))
	}
	return all
}

// changedSince says in words why an approval does not hold any more: the steps
// that wait are previewed again, and it must still be what was asked about.
func (a *Assistant) changedSince(ctx context.Context, p *Plan, rt *graph.Runtime) ([]string, error) {
	changed := a.refresh(ctx, p)
	if err := ended(ctx); err != nil {
		return nil, err
	}
	err := rt.StillBound(a.binding(p))
	if errors.Is(err, graph.ErrStale) && len(changed) == 0 {
		return []string{"the plan was shown by another version of minivess, or what may be done unasked is different now"}, nil
	}
	if errors.Is(err, graph.ErrStale) {
		err = nil
	}
	return changed, err
}

// refresh previews the steps that wait for a word again and says in words what
// has become different since the plan was shown. What is different has its new
// preview, effect or error in p.
func (a *Assistant) refresh(ctx context.Context, p *Plan) (changed []string) {
	var before []tools.Planned
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State == StepPlanned {
			if difference := a.refreshStep(tools.WithPlanned(ctx, slices.Clone(before)), s); difference != "" {
				changed = append(changed, fmt.Sprintf("step %s (%s): %s", s.ID, s.Tool, difference))
			}
		}
		before = append(before, tools.Planned{ID: s.ID, Tool: s.Tool, Args: s.Args})
	}
	return changed
}

// refreshStep says how a step differs from what was shown; empty means that it
// does not.
func (a *Assistant) refreshStep(ctx context.Context, s *Step) string {
	known, ok := a.tools[s.Tool]
	if !ok {
		s.Error = &Problem{
			Code: string(tools.CodeUnknownTool), Message: fmt.Sprintf("this version of minivess has no tool %q", s.Tool),
			Hint: fmt.Sprintf("drop step %s, or say what you want instead", s.ID),
		}
		return s.Error.Message
	}
	was, effect := a.fingerprint(s), s.Effect
	fresh := *s
	fresh.Effect, fresh.Error = known.Effect, nil
	a.previewStep(ctx, &fresh)
	if ctx.Err() != nil {
		return "" // nothing is known
	}
	switch {
	case fresh.Error != nil:
		*s = fresh
		return fresh.Error.Message
	case effect != known.Effect:
		*s = fresh
		return fmt.Sprintf("the tool now counts as one that %s", consequence(known.Effect))
	case a.fingerprint(&fresh) != was:
		text := "it now means: " + fresh.Preview.Summary
		if s.Preview != nil && s.Preview.Summary == fresh.Preview.Summary {
			text = fmt.Sprintf("its arguments or what it writes are different now: %s", fresh.Preview.Args)
		}
		*s = fresh
		return text
	}
	return ""
}

// consequence says what a tool of an effect does.
func consequence(e tools.Effect) string {
	switch e {
	case tools.Read:
		return "only reads"
	case tools.Write:
		return "adds something"
	case tools.Launch:
		return "starts costly work"
	case tools.Destroy:
		return "ends or removes something"
	}
	return "has an unknown effect"
}

// approved says whether the step still has what its approval was given for.
func (a *Assistant) approved(s *Step) bool {
	return s.Approval != nil && s.Approval.Fingerprint == a.fingerprint(s)
}
