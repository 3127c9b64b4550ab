package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// Codes of failed runs that have a remedy; the worker writes them.
const (
	failureNaN    = "nan_loss"
	failureMemory = "out_of_memory"
)

// maxAttempts is how many remedies one step may be given before the turn ends
// with the failure.
const maxAttempts = 2

// How the remedies change arguments.
const (
	lowerRate   = 10   // a diverged training goes on with a tenth of its learning rate
	roomWanted  = 0.75 // what ran out of memory must be estimated at three quarters or less
	patchMultip = 16   // smaller patches keep a side that networks with four levels take
)

// A remedy is the next sensible go at a failed step.
type remedy struct {
	args json.RawMessage
	what string // "learning_rate 0.0001 instead of 0.001"
}

// problemOfRun is a run that did not finish, as a problem.
func problemOfRun(run string, out RunOutcome) *Problem {
	p := &Problem{Code: CodeRun, Message: fmt.Sprintf("run %s %s", run, out.State), Hint: out.Hint}
	if out.Error != "" {
		p.Message += ": " + out.Error
	}
	return p
}

// replan turns a plan in which something failed into one that does it
// otherwise, where there is a sensible way. It always waits for a person's
// word: nothing that costs or writes is ever tried again by itself.
func (a *Assistant) replan(ctx context.Context, p *Plan, rt *graph.Runtime) (*Plan, bool) {
	fresh := p.clone()
	if !a.amend(ctx, fresh) {
		return nil, false
	}
	emitter(rt)(Event{Kind: EventReply, Text: fresh.Reply})
	emitter(rt)(Event{Kind: EventPlan, Plan: fresh})
	return fresh, true
}

// amend gives failed steps their remedies and puts the steps that were skipped
// because of them back into the plan. It says whether there was any.
func (a *Assistant) amend(ctx context.Context, p *Plan) bool {
	var said []string
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State != StepFailed || s.Error == nil || s.Effect == tools.Destroy || len(s.Attempts) >= maxAttempts {
			continue
		}
		r, ok := a.remedyFor(tools.WithPlanned(ctx, p.before(i)), s)
		if !ok {
			continue
		}
		said = append(said, fmt.Sprintf("%s. The next sensible step is %s.", strings.TrimRight(s.Error.Message, "."), r.what))
		attempt := Attempt{Args: s.Args, Run: s.Run, Outcome: s.Outcome, Error: s.Error, Remedy: r.what}
		*s = Step{
			ID: s.ID, Tool: s.Tool, Args: r.args, Needs: s.Needs, Effect: s.Effect, State: StepPlanned,
			Attempts: append(slices.Clone(s.Attempts), attempt),
		}
		a.previewStep(tools.WithPlanned(ctx, p.before(i)), s)
		if s.Preview != nil {
			s.Preview.Notes = append([]string{"again, with " + r.what}, s.Preview.Notes...)
		}
	}
	if len(said) == 0 {
		return false
	}
	p.Reply = strings.Join(said, "\n")
	for i := range p.Steps {
		s := &p.Steps[i]
		lost := slices.ContainsFunc(s.Needs, func(id string) bool { return p.Step(id).State != StepDone && p.Step(id).State != StepPlanned })
		if s.State == StepSkipped && !lost {
			s.State, s.Error, s.Approval = StepPlanned, nil, nil
		}
	}
	return true
}

// before are the steps ahead of step i, for its preview.
func (p *Plan) before(i int) []tools.Planned {
	var out []tools.Planned
	for k := range p.Steps[:i] {
		s := &p.Steps[k]
		out = append(out, tools.Planned{ID: s.ID, Tool: s.Tool, Args: s.Args})
	}
	return out
}

// remedyFor finds the next sensible go: by the run's failure code, or by the
// names that there are.
func (a *Assistant) remedyFor(ctx context.Context, s *Step) (remedy, bool) {
	code := ""
	if s.Outcome != nil {
		code = s.Outcome.Code
	}
	switch {
	case code == failureNaN:
		return a.lowerRate(s)
	case code == failureMemory:
		return a.lessMemory(ctx, s)
	case s.Error.Code == string(tools.CodeNotFound):
		return nearestName(s)
	}
	return remedy{}, false
}

// setting is what an argument was, given or by default.
func (s *Step) setting(arg string) (json.RawMessage, bool) {
	for _, raw := range []json.RawMessage{s.Args, s.shownArgs()} {
		fields := map[string]json.RawMessage{}
		if json.Unmarshal(raw, &fields) == nil && len(fields[arg]) > 0 && string(fields[arg]) != "null" {
			return fields[arg], true
		}
	}
	return nil, false
}

func (s *Step) shownArgs() json.RawMessage {
	if s.Preview == nil {
		return nil
	}
	return s.Preview.Args
}

// lowerRate is the remedy for a loss that became NaN.
func (a *Assistant) lowerRate(s *Step) (remedy, bool) {
	const arg = "learning_rate"
	raw, ok := s.setting(arg)
	if !ok || a.argument(s.Tool, arg) == nil {
		return remedy{}, false
	}
	rate, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || rate <= 0 {
		return remedy{}, false
	}
	lower := strconv.FormatFloat(rate/lowerRate, 'g', 4, 64)
	args, err := withArgument(withoutOverride(s.Args, "train.learning_rate"), arg, json.RawMessage(lower))
	return remedy{args, fmt.Sprintf("a lower learning rate: %s instead of %s", lower, raw)}, err == nil
}

// withoutOverride takes a setting out of the list of overrides, which would
// win over the argument.
func withoutOverride(args json.RawMessage, key string) json.RawMessage {
	fields := map[string]json.RawMessage{}
	var list []string
	if json.Unmarshal(args, &fields) != nil || json.Unmarshal(fields["overrides"], &list) != nil {
		return args
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(o string) bool { return strings.HasPrefix(o, key+"=") })
	if len(kept) == len(list) {
		return args
	}
	var value json.RawMessage
	if len(kept) > 0 {
		raw, err := encode(kept)
		if err != nil {
			return args
		}
		value = raw
	}
	out, err := withArgument(args, "overrides", value)
	if err != nil {
		return args
	}
	return out
}

// lessMemory is the remedy for a run that ran out of memory: the first of
// smaller batches and patches that the tool's own cost model puts well below
// what was tried.
func (a *Assistant) lessMemory(ctx context.Context, s *Step) (remedy, bool) {
	if s.Preview == nil || s.Preview.Cost.MemoryBytes <= 0 {
		return remedy{}, false
	}
	room := int64(roomWanted * float64(s.Preview.Cost.MemoryBytes))
	for _, try := range a.smaller(s) {
		p, err := a.options.Registry.Preview(ctx, tools.Call{Tool: s.Tool, Args: try.args})
		if err != nil || p.Cost.MemoryBytes <= 0 || p.Cost.MemoryBytes > room {
			continue
		}
		try.what += fmt.Sprintf(", which is estimated at %s instead of %s", tools.Bytes(p.Cost.MemoryBytes), tools.Bytes(s.Preview.Cost.MemoryBytes))
		return try, true
	}
	return remedy{}, false
}

// smaller lists changes that save memory, the one that changes least first.
func (a *Assistant) smaller(s *Step) []remedy {
	var out []remedy
	add := func(what string, changes map[string]json.RawMessage) {
		args := s.Args
		for arg, v := range changes {
			var err error
			if args, err = withArgument(args, arg, v); err != nil {
				return
			}
		}
		out = append(out, remedy{args, what})
	}
	one := map[string]json.RawMessage{}
	var batch int
	if raw, ok := s.setting("batch_size"); ok && json.Unmarshal(raw, &batch) == nil && batch > 1 && a.argument(s.Tool, "batch_size") != nil {
		one["batch_size"] = json.RawMessage("1")
		add(fmt.Sprintf("a batch of 1 instead of %d", batch), one)
	}
	var patch []int
	if raw, ok := s.setting("patch_size"); !ok || json.Unmarshal(raw, &patch) != nil || len(patch) != 3 || a.argument(s.Tool, "patch_size") == nil {
		return out
	}
	was := extent(patch)
	for range 6 {
		next := make([]int, len(patch))
		for i, n := range patch {
			next[i] = max(min(n, patchMultip), (n*3/4)/patchMultip*patchMultip)
		}
		if slices.Equal(next, patch) {
			break
		}
		patch = next
		raw, err := encode(patch)
		if err != nil {
			break
		}
		add(fmt.Sprintf("a smaller patch: %s instead of %s", extent(patch), was), map[string]json.RawMessage{"patch_size": raw})
		if len(one) > 0 {
			add(fmt.Sprintf("a smaller patch and a batch of 1: %s instead of %d×%s", extent(patch), batch, was), map[string]json.RawMessage{"patch_size": raw, "batch_size": one["batch_size"]})
		}
	}
	return out
}

func extent(patch []int) string { return tools.Extent([3]int(patch)) }

// nearestName is the remedy for a name that is not there but is near to one
// that is.
func nearestName(s *Step) (remedy, bool) {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(s.Args, &fields) != nil || len(s.Error.Candidates) == 0 {
		return remedy{}, false
	}
	var found []remedy
	for arg, raw := range fields {
		var name string
		if json.Unmarshal(raw, &name) != nil || slices.Contains(s.Error.Candidates, name) {
			continue
		}
		if near := tools.Nearest(name, s.Error.Candidates); near != "" {
			args, err := withArgument(s.Args, arg, quote(near))
			if err == nil {
				found = append(found, remedy{args, fmt.Sprintf("%s %q, the name nearest to %q", arg, tools.Plain(near), tools.Plain(name))})
			}
		}
	}
	if len(found) != 1 {
		return remedy{}, false
	}
	return found[0], true
}

// mend puts the nearest names for names that are not there into a plan that is
// being made, and returns notes that say so. What destroys is never guessed.
func (a *Assistant) mend(ctx context.Context, p *Plan) (notes []string) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Error == nil || s.Error.Code != string(tools.CodeNotFound) || s.Effect == tools.Destroy {
			continue
		}
		r, ok := nearestName(s)
		if !ok {
			continue
		}
		was, why := s.Args, s.Error.Message
		s.Args, s.Error = r.args, nil
		a.previewStep(tools.WithPlanned(ctx, p.before(i)), s)
		if s.Error != nil {
			s.Args = was
			continue
		}
		notes = append(notes, fmt.Sprintf("%s; I took %s", why, r.what))
	}
	return notes
}
