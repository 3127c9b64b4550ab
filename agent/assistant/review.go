package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// review is the node that lets nothing but reading go on without a word. It
// pauses with a Review, and takes the Decision when it is there.
func (a *Assistant) review(ctx context.Context, s state, rt *graph.Runtime) (result, error) {
	p := s.Plan.clone()
	allowed := a.applyPolicy(p, &s)
	if answer, ok := rt.Answer(); ok {
		var d Decision
		if err := json.Unmarshal(answer.Value, &d); err != nil {
			return result{}, fmt.Errorf("read decision: %w", err)
		}
		return a.decide(ctx, p, d, rt)
	}
	waiting := p.waiting()
	if len(waiting) > 0 && !p.canRun() {
		return graph.Ask[state](graph.Question{
			Payload: Review{Steps: waiting, Confirm: p.confirm(), Plan: p, Changed: s.Changed},
			Binding: a.binding(p), Allow: []Verdict{Approve, Edit, Reject, Respond}, Expires: a.options.ApprovalTTL,
		}), nil
	}
	if len(allowed) > 0 {
		emitter(rt)(Event{Kind: EventDecision, Decision: &Decision{
			Verdict: Approve, Steps: allowed, By: a.options.User, At: a.options.Now().UTC(), Text: "by policy",
		}})
	}
	p.approveReads()
	return a.to(nodeAct, a.fields.plan.Set(p)), nil
}

// applyPolicy approves what the policy allows and returns those steps. What was
// tried before and failed, or has changed since somebody looked at it, needs a
// person; so does what a model asks for after it has read text from data.
func (a *Assistant) applyPolicy(p *Plan, at *state) []string {
	if len(at.Changed) > 0 || a.options.Swayable && at.hasRead() {
		return nil
	}
	var ids []string
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State != StepPlanned || s.Error != nil || len(s.Attempts) > 0 || s.Effect != tools.Write && s.Effect != tools.Launch {
			continue
		}
		if by := a.allows(s); by != "" {
			a.approve(s, Decision{By: by, At: a.options.Now().UTC()}, true)
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// allows says who allows a step without its being looked at, if anybody does:
// a rule of the policy file, or the user with a general yes.
func (a *Assistant) allows(s *Step) string {
	if s.Preview != nil && s.Preview.Ruling != nil {
		switch r := s.Preview.Ruling; {
		case r.Verdict == tools.Allow:
			return r.By
		case r.Person:
			return ""
		}
	}
	if a.options.Policy == AllButDestroying {
		return a.options.User
	}
	return ""
}

// free says whether a step needs no word: it only reads, and no rule asks.
func (s *Step) free() bool {
	asked := s.Preview != nil && s.Preview.Ruling != nil && s.Preview.Ruling.Verdict == tools.Ask
	return s.Effect == tools.Read && !asked
}

func (a *Assistant) approve(s *Step, d Decision, blanket bool) {
	s.State = StepApproved
	s.Approval = &Approval{
		Fingerprint: a.fingerprint(s), By: d.By, At: d.At, Expires: d.At.Add(a.options.ApprovalTTL), Blanket: blanket,
	}
}

// waiting lists the steps that need a word.
func (p *Plan) waiting() []string {
	var ids []string
	for i := range p.Steps {
		if s := &p.Steps[i]; s.State == StepPlanned && !s.free() {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// confirm lists the waiting steps that destroy something.
func (p *Plan) confirm() []string {
	return slices.DeleteFunc(p.waiting(), func(id string) bool { return p.Step(id).Effect != tools.Destroy })
}

// canRun says whether there is an approved change whose needs are met, or will
// be by reading alone: then it is done before the rest is asked about.
func (p *Plan) canRun() bool {
	reachable := make(map[string]bool)
	for i := range p.Steps {
		s := &p.Steps[i]
		met := true
		for _, n := range s.Needs {
			met = met && reachable[n]
		}
		switch s.State {
		case StepDone:
			reachable[s.ID] = true
		case StepApproved:
			if met && !s.free() {
				return true
			}
			reachable[s.ID] = met
		case StepPlanned:
			reachable[s.ID] = met && s.free()
		case StepRunning, StepFailed, StepSkipped, StepRejected:
		}
	}
	return false
}

// approveReads lets the reading steps run: they need no word once the plan as
// a whole has been looked at.
func (p *Plan) approveReads() {
	for i := range p.Steps {
		if s := &p.Steps[i]; s.State == StepPlanned && s.free() {
			s.State = StepApproved
		}
	}
}

// decide does what a person decided.
func (a *Assistant) decide(ctx context.Context, p *Plan, d Decision, rt *graph.Runtime) (result, error) {
	emitter(rt)(Event{Kind: EventDecision, Decision: &d})
	switch d.Verdict {
	case Approve:
		changed, err := a.changedSince(ctx, p, rt)
		if err != nil {
			return result{}, err
		}
		if len(changed) > 0 {
			return a.askAgain(p, changed, rt), nil
		}
		for _, id := range d.approves(p) {
			a.approve(p.Step(id), d, false)
		}
		p.approveReads()
		return a.to(nodeAct, a.fields.plan.Set(p), a.fields.changed.Set(nil)), nil
	case Edit:
		edited, err := a.edited(ctx, p, d)
		if err != nil {
			return result{}, err
		}
		emitter(rt)(Event{Kind: EventPlan, Plan: edited})
		return a.to(nodeReview, a.fields.plan.Set(edited), a.fields.changed.Set(nil)), nil
	case Reject, Respond:
		return a.turnDown(p, d, rt), nil
	default:
		return result{}, fmt.Errorf("%w: unknown verdict %q", ErrDecision, d.Verdict)
	}
}

// askAgain refuses an approval that was given for what is no longer so, and
// shows the plan as it would be now.
func (a *Assistant) askAgain(p *Plan, changed []string, rt *graph.Runtime) result {
	emitter(rt)(Event{Kind: EventProblem, Problem: &Problem{
		Code:    CodeStale,
		Message: "the approval does not hold: since the plan was shown, something has changed\n  " + strings.Join(changed, "\n  "),
		Hint:    "look at the plan as it is now and decide again",
	}})
	emitter(rt)(Event{Kind: EventPlan, Plan: p})
	return a.to(nodeReview, a.fields.plan.Set(p), a.fields.changed.Set(changed))
}

// approves lists the steps that an approval covers: those named, or, if none
// is named, all that wait and destroy nothing.
func (d *Decision) approves(p *Plan) []string {
	waiting := p.waiting()
	return slices.DeleteFunc(waiting, func(id string) bool {
		if len(d.Steps) > 0 {
			return !slices.Contains(d.Steps, id)
		}
		return p.Step(id).Effect == tools.Destroy
	})
}

// fits checks a decision before it is taken, so that a slip costs nothing.
func (a *Assistant) fits(ctx context.Context, r *Review, d Decision) error {
	if d.Review != "" && d.Review != r.ID {
		return fmt.Errorf("%w: it is about review %q, and %q is pending", ErrNoReview, d.Review, r.ID)
	}
	for _, id := range d.Steps {
		if !slices.Contains(r.Steps, id) {
			return fmt.Errorf("%w: step %q does not wait for one; those that do: %v", ErrDecision, id, r.Steps)
		}
	}
	switch d.Verdict {
	case Approve:
		if len(d.approves(r.Plan)) == 0 {
			return fmt.Errorf("%w: approve %s, if that is what you want", ErrUnconfirmed, strings.Join(r.Confirm, " "))
		}
		for _, id := range d.approves(r.Plan) {
			if s := r.Plan.Step(id); s.Error != nil {
				return fmt.Errorf("%w: step %s cannot be done: %s", ErrDecision, id, s.Error)
			}
		}
	case Edit:
		if len(d.Args) == 0 && len(d.Set) == 0 && len(d.Drop) == 0 {
			return fmt.Errorf("%w: an edit that changes nothing", ErrDecision)
		}
		if _, err := a.edited(ctx, r.Plan, d); err != nil {
			return err
		}
	case Respond:
		if d.Text == "" {
			return fmt.Errorf("%w: say what to change", ErrDecision)
		}
	case Reject:
	default:
		return fmt.Errorf("%w: unknown verdict %q", ErrDecision, d.Verdict)
	}
	return nil
}
