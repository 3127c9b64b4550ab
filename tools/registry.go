package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// Handler runs one call.
type Handler func(ctx context.Context, c Call, emit func(Progress)) (Result, error)

// Gate wraps the handler of one tool: it may refuse, record or trace the call.
type Gate func(d Descriptor, next Handler) Handler

// Registry holds the tools that there are, each behind the gates. Register
// all of them first; after that it is safe for concurrent use.
type Registry struct {
	gates   []Gate
	ruler   Ruler
	origin  func(context.Context, Call) Origin // see For
	order   []string
	entries map[string]entry
}

// Refiner is what a tool implements to show in its input schema what Go tags
// cannot know: defaults that come from elsewhere, names that exist. Refining
// changes what callers see, not what is accepted.
type Refiner interface {
	Refine(input *jsonschema.Schema)
}

type entry struct {
	descriptor Descriptor
	preview    func(ctx context.Context, c Call) (Preview, error)
	handle     Handler
}

// NewRegistry returns an empty registry. The first gate is the outermost.
func NewRegistry(gates ...Gate) *Registry {
	return &Registry{gates: gates, entries: map[string]entry{}}
}

// RuleBy lets previews say what the rules will say. The gates enforce them;
// see RuleGate. Call it before the registry is used.
func (r *Registry) RuleBy(ruler Ruler) { r.ruler = ruler }

// List describes all tools in catalogue order, which is the order in which
// they were registered.
func (r *Registry) List() []Descriptor {
	list := make([]Descriptor, 0, len(r.order))
	for _, name := range r.order {
		list = append(list, r.entries[name].descriptor)
	}
	return list
}

// Lookup describes one tool.
func (r *Registry) Lookup(name string) (Descriptor, bool) {
	e, ok := r.entries[name]
	return e.descriptor, ok
}

// Preview says what a call would do and cost, fills in its defaults, and says
// what the rules will make of it. It changes nothing and passes no gate.
func (r *Registry) Preview(ctx context.Context, c Call) (Preview, error) {
	e, err := r.entry(c.Tool)
	if err != nil {
		return Preview{}, err
	}
	ctx = r.enter(ctx, c)
	p, err := e.preview(ctx, c)
	if err != nil {
		return p, err
	}
	return foretell(ctx, r.ruler, e.descriptor, c, p), nil
}

// Invoke runs a call through the gates. Every error is an *Error.
func (r *Registry) Invoke(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
	e, err := r.entry(c.Tool)
	if err != nil {
		return Result{}, err
	}
	if emit == nil {
		emit = func(Progress) {}
	}
	res, err := e.handle(withPreviewer(r.enter(ctx, c), e.preview), c, emit)
	if err != nil {
		return res, AsError(err)
	}
	return res, nil
}

func (r *Registry) entry(name string) (entry, error) {
	e, ok := r.entries[name]
	if !ok && isUnbuilt(name) {
		return entry{}, Errorf(CodeUnknownTool, "%s is not available in this version", name).WithCandidates(r.order...)
	}
	if !ok {
		return entry{}, Errorf(CodeUnknownTool, "there is no tool %q", name).
			WithHint("%s", DidYouMean(name, r.order, "tools")).WithCandidates(r.order...)
	}
	return e, nil
}

// Register adds a tool. Its schemas are derived, its prompt is read and its
// examples are checked against the schema here, so a mistake in any of them
// shows at start-up and in the tests.
func Register[In any, Out Summarised](r *Registry, t Tool[In, Out]) error {
	d, err := describeTool(t)
	if err != nil {
		return fmt.Errorf("registering %s: %w", t.Spec().Name, err)
	}
	accepted := d.Input
	if refiner, ok := t.(Refiner); ok {
		d.Input = accepted.CloneSchemas()
		refiner.Refine(d.Input)
	}
	if _, taken := r.entries[d.Name]; taken {
		return fmt.Errorf("registering %s: the name is taken", d.Name)
	}
	for _, ex := range d.Examples {
		var in In
		if err := decodeArguments(d.Name, accepted, ex.Args, true, &in); err != nil {
			return fmt.Errorf("registering %s: example %q: %w", d.Name, ex.Say, err)
		}
	}
	r.add(d, previewOf(d, accepted, t), handlerOf(d, accepted, t))
	return nil
}

// add puts a tool behind the gates.
func (r *Registry) add(d Descriptor, preview func(context.Context, Call) (Preview, error), h Handler) {
	for _, gate := range slices.Backward(r.gates) {
		h = gate(d, h)
	}
	r.entries[d.Name] = entry{descriptor: d, preview: preview, handle: h}
	r.order = append(r.order, d.Name)
}

func describeTool[In any, Out Summarised](t Tool[In, Out]) (Descriptor, error) {
	spec := t.Spec()
	switch spec.Effect {
	case Read, Write, Launch, Destroy:
	default:
		return Descriptor{}, fmt.Errorf("unknown effect %q", spec.Effect)
	}
	p, err := parsePrompt(spec.Doc)
	if err != nil {
		return Descriptor{}, err
	}
	in, err := schemaFor[In]()
	if err != nil {
		return Descriptor{}, err
	}
	out, err := schemaFor[Out]()
	if err != nil {
		return Descriptor{}, err
	}
	return Descriptor{
		Name: spec.Name, Family: spec.Family, Effect: spec.Effect,
		Summary: p.summary, Description: p.description, Examples: p.examples,
		Input: in, Output: out,
	}, nil
}

func previewOf[In any, Out Summarised](d Descriptor, accepted *jsonschema.Schema, t Tool[In, Out]) func(context.Context, Call) (Preview, error) {
	return func(ctx context.Context, c Call) (p Preview, err error) {
		defer recovered(d.Name, &err)
		var in In
		if err := decodeArguments(d.Name, accepted, c.Args, true, &in); err != nil {
			return Preview{}, err
		}
		p, err = t.Preview(ctx, in)
		if err != nil {
			return Preview{}, AsError(err)
		}
		if p.Args == nil {
			if p.Args, err = json.Marshal(in); err != nil {
				return Preview{}, Errorf(CodeFailed, "%s: %w", d.Name, err)
			}
		}
		p.Irreversible = p.Irreversible || d.Effect == Destroy
		return p, nil
	}
}

func handlerOf[In any, Out Summarised](d Descriptor, accepted *jsonschema.Schema, t Tool[In, Out]) Handler {
	return func(ctx context.Context, c Call, emit func(Progress)) (res Result, err error) {
		defer recovered(d.Name, &err)
		var in In
		if err := decodeArguments(d.Name, accepted, c.Args, false, &in); err != nil {
			return Result{}, err
		}
		out, err := t.Run(withCallID(ctx, c.ID), in, func(p Progress) {
			p.Tool = d.Name
			emit(p)
		})
		if err != nil {
			return Result{}, AsError(err)
		}
		return resultOf(d.Name, out)
	}
}

// resultOf wraps a typed output. The fields run and query of the output, where
// it has them, are repeated on the result.
func resultOf(tool string, out Summarised) (Result, error) {
	value, err := json.Marshal(out)
	if err != nil {
		return Result{}, Errorf(CodeFailed, "%s: encoding the result: %w", tool, err)
	}
	var known struct {
		Run   string `json:"run"`
		Query string `json:"query"`
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(value, &fields); err != nil {
		return Result{}, Errorf(CodeFailed, "%s: the result is not an object: %w", tool, err)
	}
	for key, into := range map[string]*string{"run": &known.Run, "query": &known.Query} {
		if raw, ok := fields[key]; ok && len(raw) > 0 && raw[0] == '"' {
			if err := json.Unmarshal(raw, into); err != nil {
				return Result{}, Errorf(CodeFailed, "%s: encoding the result: %w", tool, err)
			}
		}
	}
	return Result{Tool: tool, Summary: out.OneLine(), Run: known.Run, Query: known.Query, Value: value}, nil
}

// recovered turns a panic in a tool into an error: a defect in one tool must
// not take down the assistant and its other work.
func recovered(tool string, err *error) {
	if p := recover(); p != nil {
		*err = Errorf(CodeFailed, "%s: internal error: %v", tool, p).
			WithHint("this is a defect in minivess; please report it")
	}
}

type callIDKey struct{}

func withCallID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, callIDKey{}, id)
}

// CallID returns the idempotency key of the call that a tool is running for;
// it is empty when the caller gave none.
func CallID(ctx context.Context) string {
	id, _ := ctx.Value(callIDKey{}).(string)
	return id
}

// Line is embedded in a tool's output to give it its one-line summary.
type Line struct {
	Summary string `json:"summary" jsonschema:"one line for a person"`
}

// OneLine returns the summary.
func (l Line) OneLine() string { return l.Summary }
