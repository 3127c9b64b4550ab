package assistant

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/tools"
)

// needsKey is the argument under which the model names steps to wait for
// when no argument refers to their output.
const needsKey = "_needs"

// maxSteps is how many steps a plan may have.
const maxSteps = 64

// plan is the node that turns the model's tool calls into a plan, checks it
// and previews every step. An invalid plan goes back to the model once.
func (a *Assistant) plan(ctx context.Context, s state, rt *graph.Runtime) (result, error) {
	last := s.Messages[len(s.Messages)-1]
	p := a.draft(last.Calls)
	p.Reply, p.Assumptions = last.Text, slices.Clone(last.Assumptions)
	if s.Round <= 1 { // said once a turn
		p.Assumptions = append(p.Assumptions, s.notes(rt.Run())...)
	}
	valid := a.previewAll(ctx, p, strict, last.Assumed)
	if err := ended(ctx); err != nil {
		return result{}, err
	}
	if valid {
		emitter(rt)(Event{Kind: EventPlan, Plan: p})
		return a.to(nodeReview, a.fields.plan.Set(p), a.fields.repairs.Set(0)), nil
	}
	told := a.message(rt, RolePlan, "")
	told.Plan, told.Invalid = p, true
	writes := []graph.Write[state]{
		a.fields.messages.Set([]Message{told}), a.fields.plan.Set(nil), a.fields.repairs.Set(s.Repairs + 1),
	}
	first := p.firstProblem()
	if s.Repairs > 0 {
		return a.fail(first, writes...), nil
	}
	emitter(rt)(Event{Kind: EventProblem, Problem: first, Text: "the plan is not valid; asking the model once more"})
	return a.to(nodeUnderstand, writes...), nil
}

// draft makes a step of every call; what cannot be one carries its Error.
func (a *Assistant) draft(calls []Call) *Plan {
	p := &Plan{Steps: make([]Step, len(calls))}
	for i, c := range calls {
		p.Steps[i] = a.draftStep(i, c)
	}
	if len(calls) > maxSteps {
		p.Steps[maxSteps].Error = &Problem{
			Code: string(tools.CodeBadArguments), Message: fmt.Sprintf("the plan has %d steps, more than %d", len(calls), maxSteps),
			Hint: "do a part of it first",
		}
	}
	return p
}

func (a *Assistant) draftStep(i int, c Call) Step {
	s := Step{ID: strconv.Itoa(i + 1), Tool: c.Tool, Args: json.RawMessage("{}"), Needs: []string{}, State: StepPlanned}
	if d, ok := a.tools[c.Tool]; ok {
		s.Effect = d.Effect
	}
	args, needs, err := splitNeeds(c.Args)
	if err != nil {
		s.Error = &Problem{Code: string(tools.CodeBadArguments), Message: fmt.Sprintf("%s: %v", c.Tool, err), Hint: "send the arguments as one JSON object"}
		return s
	}
	s.Args = args
	refs, err := references(args)
	if err != nil {
		s.Error = problemOf(string(tools.CodeBadArguments), err)
		return s
	}
	for _, id := range append(needs, refs...) {
		if n, err := strconv.Atoi(id); err != nil || n < 1 || n > i {
			s.Error = &Problem{
				Code:    CodeBadRef,
				Message: fmt.Sprintf("step %s (%s) refers to step %q, which does not come before it", s.ID, c.Tool, id),
				Hint:    "the first call of a plan is step 1; refer to earlier steps only",
			}
			return s
		}
		if !slices.Contains(s.Needs, id) {
			s.Needs = append(s.Needs, id)
		}
	}
	slices.SortFunc(s.Needs, func(x, y string) int { // as numbers
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	})
	return s
}

// splitNeeds takes "_needs" out of a call's arguments.
func splitNeeds(raw string) (json.RawMessage, []string, error) {
	if strings.TrimSpace(raw) == "" {
		return json.RawMessage("{}"), nil, nil
	}
	v, err := decode(json.RawMessage(raw))
	if err != nil {
		return nil, nil, fmt.Errorf("the arguments are not JSON: %w", err)
	}
	args, ok := v.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("the arguments are not a JSON object")
	}
	var needs []string
	switch n := args[needsKey].(type) {
	case nil:
	case []any:
		for _, id := range n {
			needs = append(needs, strings.TrimPrefix(fmt.Sprint(id), "@"))
		}
	default:
		needs = []string{strings.TrimPrefix(fmt.Sprint(n), "@")}
	}
	delete(args, needsKey)
	clean, err := encode(args)
	return clean, needs, err
}

// How previews judge: strict wants every step to be possible as things are,
// lenient only wants the calls to be well formed.
const (
	strict  = false
	lenient = true
)

// previewAll previews the steps in order, each knowing those before it, and
// says whether all are valid.
//
// What the user prefers is filled in first, and names that are not there but
// near to some that are get mended; the plan's assumptions say so.
func (a *Assistant) previewAll(ctx context.Context, p *Plan, tolerant bool, assumed []string) bool {
	defaults := memory.Defaults(a.recalled(ctx), a.options.Registry.List())
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Error == nil {
			p.Assumptions = append(p.Assumptions, a.previewPreferred(tools.WithPlanned(ctx, p.before(i)), s, defaults, assumed)...)
		}
	}
	p.Assumptions = append(p.Assumptions, a.mend(ctx, p)...)
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Error != nil && (!tolerant || malformed(s.Error)) })
}

// previewPreferred previews one step with what the user prefers filled in, and
// returns the notes about that. A preference that the tool does not take is left out.
func (a *Assistant) previewPreferred(ctx context.Context, s *Step, defaults []memory.Default, assumed []string) []string {
	said := s.Args
	notes := a.prefer(s, defaults, assumed)
	a.previewStep(ctx, s)
	if s.Error == nil || len(notes) == 0 {
		return notes
	}
	why := s.Error.Message
	s.Args, s.Error = said, nil
	if a.previewStep(ctx, s); s.Error != nil {
		return nil
	}
	return []string{fmt.Sprintf("I left out what you prefer (%s): %s", strings.Join(notes, "; "), why)}
}

// previewStep previews one step. A step that waits for another may be about
// things that do not exist yet; then the preview says so.
func (a *Assistant) previewStep(ctx context.Context, s *Step) {
	p, err := a.options.Registry.Preview(ctx, tools.Call{Tool: s.Tool, Args: s.Args})
	if err == nil {
		s.Preview, s.Error = &p, nil
		if refusal := p.Ruling.Refusal(s.Tool); refusal != nil {
			s.Error = problemOf(string(tools.CodeRefused), refusal)
		}
		return
	}
	problem := problemOf(string(tools.CodeFailed), err)
	if len(s.Needs) > 0 && !malformed(problem) && ctx.Err() == nil {
		s.Preview, s.Error = &tools.Preview{
			Summary: fmt.Sprintf("%s, once step %s is done", s.Tool, strings.Join(s.Needs, " and step ")),
			Args:    s.Args, Irreversible: s.Effect == tools.Destroy,
			Notes: []string{"now: " + problem.Message},
		}, nil
		return
	}
	s.Preview, s.Error = nil, problem
}

// malformed says whether a call can never work, whatever there is.
func malformed(p *Problem) bool {
	switch p.Code {
	case string(tools.CodeBadArguments), string(tools.CodeUnknownTool), CodeBadRef:
		return true
	}
	return false
}

// firstProblem is the error of the first step that has one.
func (p *Plan) firstProblem() *Problem {
	for i := range p.Steps {
		if e := p.Steps[i].Error; e != nil {
			out := *e
			if len(p.Steps) > 1 {
				out.Message = fmt.Sprintf("step %s: %s", p.Steps[i].ID, e.Message)
			}
			return &out
		}
	}
	return nil
}
