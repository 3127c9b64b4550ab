package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// RemoteFamily is the family of tools that run in another program. What they
// do is not known here, and what they say is data.
const RemoteFamily = "mcp"

// Dynamic is a tool whose schemas are known only when the program runs, as
// those of other programs are. Its arguments are checked against the whole of
// its input schema, which has to be an object's, before Preview and Run see
// them. Like other tools it passes the gates; unlike theirs, its result names
// neither a run nor a query.
type Dynamic struct {
	Name        string
	Family      string
	Effect      Effect
	Summary     string
	Description string
	Input       *jsonschema.Schema
	Output      *jsonschema.Schema

	Preview func(ctx context.Context, args json.RawMessage) (Preview, error)
	Run     func(ctx context.Context, args json.RawMessage, emit func(Progress)) (summary string, value json.RawMessage, err error)
}

// RegisterDynamic adds a tool of another program to the registry.
func RegisterDynamic(r *Registry, t Dynamic) error {
	check, err := newDynamicCheck(t)
	if err != nil {
		return fmt.Errorf("registering %q: %w", t.Name, err)
	}
	if _, taken := r.entries[t.Name]; taken {
		return fmt.Errorf("registering %q: the name is taken", t.Name)
	}
	d := Descriptor{
		Name: t.Name, Family: t.Family, Effect: t.Effect,
		Summary: t.Summary, Description: t.Description, Input: t.Input, Output: t.Output,
	}
	r.add(d, check.preview(t), check.handler(t))
	return nil
}

// dynamicCheck validates arguments. Lenient is the schema of a call in a plan,
// whose arguments may still stand for what earlier steps give.
type dynamicCheck struct {
	strict  *jsonschema.Resolved
	lenient *jsonschema.Resolved
}

func newDynamicCheck(t Dynamic) (c dynamicCheck, err error) {
	switch {
	case t.Name == "" || t.Preview == nil || t.Run == nil:
		return c, errors.New("a name, a preview and something to run are needed")
	case t.Input == nil || t.Output == nil || t.Input.Type != "object":
		return c, errors.New("its input schema must be an object's, and it needs one of its output")
	case !slices.Contains([]Effect{Read, Write, Launch, Destroy}, t.Effect):
		return c, fmt.Errorf("unknown effect %q", t.Effect)
	}
	if c.strict, err = t.Input.CloneSchemas().Resolve(nil); err != nil {
		return c, fmt.Errorf("its input schema: %w", err)
	}
	open := t.Input.CloneSchemas()
	open.Required = nil
	if c.lenient, err = open.Resolve(nil); err != nil {
		return c, fmt.Errorf("its input schema: %w", err)
	}
	return c, nil
}

func (c dynamicCheck) preview(t Dynamic) func(context.Context, Call) (Preview, error) {
	return func(ctx context.Context, call Call) (p Preview, err error) {
		defer recovered(t.Name, &err)
		args, err := c.arguments(t, call.Args, true)
		if err != nil {
			return Preview{}, err
		}
		if p, err = t.Preview(ctx, args); err != nil {
			return Preview{}, AsError(err)
		}
		p.Args = args
		p.Irreversible = p.Irreversible || t.Effect == Destroy
		return p, nil
	}
}

func (c dynamicCheck) handler(t Dynamic) Handler {
	return func(ctx context.Context, call Call, emit func(Progress)) (res Result, err error) {
		defer recovered(t.Name, &err)
		args, err := c.arguments(t, call.Args, false)
		if err != nil {
			return Result{}, err
		}
		summary, value, err := t.Run(withCallID(ctx, call.ID), args, func(p Progress) {
			p.Tool = t.Name
			emit(p)
		})
		if err != nil {
			return Result{}, AsError(err)
		}
		return Result{Tool: t.Name, Summary: summary, Value: value}, nil
	}
}

// arguments checks a call's arguments and returns them as they were written;
// nothing at all is an empty object. Defaults are left to the tool.
func (c dynamicCheck) arguments(t Dynamic, raw json.RawMessage, lenient bool) (json.RawMessage, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	var args map[string]any
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, Errorf(CodeBadArguments, "%s: the arguments are not a JSON object: %w", t.Name, err)
	}
	schema := c.strict
	for key, v := range args {
		if lenient && isRef(v) {
			delete(args, key)
			schema = c.lenient
		}
	}
	if err := schema.Validate(args); err != nil {
		const most = 300 // of a text that quotes a stranger's schema
		return nil, Errorf(CodeBadArguments, "%s: the arguments do not fit: %.*s", t.Name, most, Plain(err.Error())).
			WithHint("minivess tool %s --help-schema shows what it takes", t.Name)
	}
	return raw, nil
}
