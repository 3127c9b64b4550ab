package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// CodeDropped is the problem code of a step that the user took out of a plan.
const CodeDropped = "dropped"

// edited is the plan with changed arguments and without dropped steps, checked
// and previewed again.
func (a *Assistant) edited(ctx context.Context, p *Plan, d Decision) (*Plan, error) {
	args, err := a.editedArgs(p, d)
	if err != nil {
		return nil, err
	}
	fresh := p.clone()
	if err := fresh.drop(d.Drop); err != nil {
		return nil, err
	}
	var before []tools.Planned
	for i := range fresh.Steps {
		s := &fresh.Steps[i]
		if changed, ok := args[s.ID]; ok {
			// What the step waited for, it still waits for.
			n := a.draftStep(i, Call{Tool: s.Tool, Args: string(changed)})
			s.Args, s.Error, s.Needs = n.Args, n.Error, union(s.Needs, n.Needs)
		}
		if s.State == StepPlanned && (s.Error == nil || !malformed(s.Error)) {
			a.previewStep(tools.WithPlanned(ctx, slices.Clone(before)), s)
		}
		if s.State == StepPlanned && s.Error != nil {
			return nil, fmt.Errorf("%w: step %s: %s", ErrDecision, s.ID, s.Error)
		}
		if s.State != StepRejected {
			before = append(before, tools.Planned{ID: s.ID, Tool: s.Tool, Args: s.Args})
		}
	}
	return fresh, nil
}

// editedArgs are the arguments of the steps that a decision changes.
func (a *Assistant) editedArgs(p *Plan, d Decision) (map[string]json.RawMessage, error) {
	args := maps.Clone(d.Args)
	if args == nil {
		args = make(map[string]json.RawMessage)
	}
	for _, key := range slices.Sorted(maps.Keys(d.Set)) {
		s, arg, schema, err := a.target(p, key)
		if err != nil {
			return nil, err
		}
		current, ok := args[s.ID]
		if !ok {
			current = s.Args
		}
		if args[s.ID], err = withArgument(current, arg, typed(d.Set[key], schema)); err != nil {
			return nil, fmt.Errorf("%w: step %s: %w", ErrDecision, s.ID, err)
		}
	}
	for id := range args {
		if s := p.Step(id); s == nil || s.State != StepPlanned || slices.Contains(d.Drop, id) {
			return nil, fmt.Errorf("%w: step %q cannot be edited", ErrDecision, id)
		}
	}
	return args, nil
}

// target finds the argument that a key of Decision.Set names.
func (a *Assistant) target(p *Plan, key string) (*Step, string, *jsonschema.Schema, error) {
	id, arg, dotted := strings.Cut(key, ".")
	if s := p.Step(id); dotted && s != nil {
		if schema := a.argument(s.Tool, arg); schema != nil {
			return s, arg, schema, nil
		}
		return nil, "", nil, a.noArgument(p, s, arg)
	}
	if dotted {
		return nil, "", nil, fmt.Errorf("%w: there is no step %q", ErrDecision, id)
	}
	var found []*Step
	for i := range p.Steps {
		if s := &p.Steps[i]; s.State == StepPlanned && s.Effect != tools.Read && a.argument(s.Tool, key) != nil {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, "", nil, a.noArgument(p, nil, key)
	case 1:
		return found[0], key, a.argument(found[0].Tool, key), nil
	}
	return nil, "", nil, fmt.Errorf("%w: more than one step has an argument %s; write %s.%s=… or %s.%s=…", ErrDecision, key, found[0].ID, key, found[1].ID, key)
}

// argument is the schema of an argument, or nil if the tool has none like it.
func (a *Assistant) argument(tool, arg string) *jsonschema.Schema {
	if in := a.tools[tool].Input; in != nil {
		return in.Properties[arg]
	}
	return nil
}

// noArgument says that no waiting step, or not this one, has such an argument.
func (a *Assistant) noArgument(p *Plan, only *Step, arg string) error {
	var names []string
	for i := range p.Steps {
		s := &p.Steps[i]
		if in := a.tools[s.Tool].Input; in != nil && s.State == StepPlanned && (only == nil || s == only) {
			names = union(names, slices.Sorted(maps.Keys(in.Properties)))
		}
	}
	where := "no waiting step has"
	if only != nil {
		where = fmt.Sprintf("step %s (%s) does not have", only.ID, only.Tool)
	}
	return fmt.Errorf("%w: %s an argument %q; %s", ErrDecision, where, arg, tools.DidYouMean(arg, names, "arguments"))
}

// withArgument is args with one argument set, or taken out if value is nil.
func withArgument(args json.RawMessage, name string, value json.RawMessage) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(args, &fields); err != nil {
		return nil, fmt.Errorf("read its arguments: %w", err)
	}
	if value == nil {
		delete(fields, name)
	} else {
		fields[name] = value
	}
	return encode(fields)
}

// typed turns what a person types into JSON of the argument's type: 64x64x32
// and dice,cldice become lists, other text a string; nil means no value.
func typed(text string, s *jsonschema.Schema) json.RawMessage {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || text == "null":
		return nil
	case s.Type == "array" && !strings.HasPrefix(text, "["):
		return typedList(text, s)
	case s.Type != "string" && json.Valid([]byte(text)), strings.HasPrefix(text, `"`) && json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	return quote(text)
}

func typedList(text string, s *jsonschema.Schema) json.RawMessage {
	numbers := s.Items != nil && (s.Items.Type == "integer" || s.Items.Type == "number")
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || numbers && (r == 'x' || r == '×' || r == ' ') })
	list := make([]json.RawMessage, 0, len(parts))
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if _, err := strconv.ParseFloat(part, 64); numbers && err == nil && json.Valid([]byte(part)) {
			list = append(list, json.RawMessage(part))
			continue
		}
		list = append(list, quote(part))
	}
	if numbers && len(list) == 1 && s.MinItems != nil { // 64 is 64x64x64
		for len(list) < *s.MinItems {
			list = append(list, list[0])
		}
	}
	raw, err := encode(list)
	if err != nil {
		return quote(text)
	}
	return raw
}

// quote is a text as JSON.
func quote(text string) json.RawMessage {
	raw, err := encode(text)
	if err != nil {
		return json.RawMessage(`""`) // a string always encodes
	}
	return raw
}

// drop takes steps out of the plan. A step that uses what a dropped one would
// have made goes with it; one that only waited for it waits no longer.
func (p *Plan) drop(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		if s := p.Step(id); s == nil || s.State != StepPlanned {
			return fmt.Errorf("%w: step %q cannot be dropped; those that can: %v", ErrDecision, id, p.planned())
		}
	}
	gone := slices.Clone(ids)
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State != StepPlanned {
			continue
		}
		why := "dropped by the user"
		if uses := s.uses(gone); uses != "" && !slices.Contains(ids, s.ID) {
			why = fmt.Sprintf("dropped with step %s, whose result it uses", uses)
			gone = append(gone, s.ID)
		}
		if slices.Contains(gone, s.ID) {
			s.State, s.Error = StepRejected, &Problem{Code: CodeDropped, Message: why}
			continue
		}
		s.Needs = slices.DeleteFunc(slices.Clone(s.Needs), func(n string) bool { return slices.Contains(gone, n) })
	}
	if len(p.waiting()) == 0 {
		return fmt.Errorf("%w: that would drop every step that waits; say no to turn the plan down", ErrDecision)
	}
	return nil
}

// planned lists the steps that have not been decided on.
func (p *Plan) planned() []string {
	var ids []string
	for i := range p.Steps {
		if p.Steps[i].State == StepPlanned {
			ids = append(ids, p.Steps[i].ID)
		}
	}
	return ids
}

// uses is the first of these steps whose result the step's arguments refer to.
func (s *Step) uses(ids []string) string {
	refs, err := references(s.Args)
	if err != nil {
		return ""
	}
	for _, id := range refs {
		if slices.Contains(ids, id) {
			return id
		}
	}
	return ""
}

// silentNeeds are the steps that this one waits for although no argument
// refers to them.
func (s *Step) silentNeeds() []string {
	refs, err := references(s.Args)
	if err != nil {
		return s.Needs
	}
	return slices.DeleteFunc(slices.Clone(s.Needs), func(id string) bool { return slices.Contains(refs, id) })
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// turnDown ends the plan undone, as far as it is not done yet, and tells the
// model why. A step that failed before is failed again: the remedy was not wanted.
func (a *Assistant) turnDown(p *Plan, d Decision, rt *graph.Runtime) result {
	why := "the user rejected this step"
	if d.Verdict == Respond {
		why = "not run: the user wants something changed"
	}
	if d.Text != "" && d.Verdict == Reject {
		why += ": " + d.Text
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State != StepPlanned && s.State != StepApproved {
			continue
		}
		s.State, s.Error = StepRejected, &Problem{Code: string(tools.CodeRefused), Message: why}
		if n := len(s.Attempts); n > 0 && d.Verdict == Reject {
			last := s.Attempts[n-1]
			s.State, s.Args, s.Run, s.Outcome, s.Error = StepFailed, last.Args, last.Run, last.Outcome, last.Error
			s.Attempts = s.Attempts[:n-1]
		}
		emitter(rt)(Event{Kind: EventStep, Step: s})
	}
	told := a.message(rt, RolePlan, "")
	told.Plan = p
	messages := []Message{told}
	if d.Verdict == Respond {
		messages = append(messages, a.message(rt, RoleUser, d.Text))
	}
	return a.to(nodeUnderstand, a.fields.messages.Set(messages), a.fields.plan.Set(nil))
}
