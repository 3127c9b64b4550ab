package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/tools"
)

func schemaOf(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	var s *jsonschema.Schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// echo is a stranger's tool that answers with its arguments.
func echo(t *testing.T) tools.Dynamic {
	t.Helper()
	return tools.Dynamic{
		Name: "far__echo", Family: tools.RemoteFamily, Effect: tools.Launch, Summary: "Echo", Description: "Echo.",
		Input: schemaOf(t, `{"type":"object","properties":{
			"text":{"type":"string","minLength":2},
			"where":{"anyOf":[{"type":"integer"},{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}]}
		},"required":["text"],"additionalProperties":false}`),
		Output: schemaOf(t, `{"type":"object"}`),
		Preview: func(context.Context, json.RawMessage) (tools.Preview, error) {
			return tools.Preview{Summary: "echo"}, nil
		},
		Run: func(_ context.Context, args json.RawMessage, emit func(tools.Progress)) (string, json.RawMessage, error) {
			emit(tools.Progress{Done: 1, Total: 1})
			return "echoed", json.RawMessage(`{"run":"not-a-run","args":` + string(args) + `}`), nil
		},
	}
}

func TestDynamicToolRuns(t *testing.T) {
	t.Parallel()
	r := tools.NewRegistry()
	if err := tools.RegisterDynamic(r, echo(t)); err != nil {
		t.Fatal(err)
	}
	var progress []tools.Progress
	args := json.RawMessage(`{"text":"ab","where":{"x":1}}`)
	got, err := r.Invoke(t.Context(), tools.Call{Tool: "far__echo", Args: args}, func(p tools.Progress) { progress = append(progress, p) })
	if err != nil {
		t.Fatal(err)
	}
	want := tools.Result{Tool: "far__echo", Summary: "echoed", Value: json.RawMessage(`{"run":"not-a-run","args":` + string(args) + `}`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a stranger's result may name neither run nor query (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]tools.Progress{{Tool: "far__echo", Done: 1, Total: 1}}, progress); diff != "" {
		t.Error(diff)
	}
}

func TestDynamicArgumentsAreChecked(t *testing.T) {
	t.Parallel()
	r := tools.NewRegistry()
	if err := tools.RegisterDynamic(r, echo(t)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args          string
		runs, planned bool
	}{
		{`{"text":"ab"}`, true, true},
		{`{"text":"ab","where":3}`, true, true},
		{``, false, false},
		{`{"text":"a"}`, false, false},
		{`{"text":"ab","where":{}}`, false, false},
		{`{"text":"ab","where":"@1.spot"}`, false, true},
		{`{"text":"@1.text"}`, true, true},
		{`{"text":"ab","other":1}`, false, false},
		{`[1]`, false, false},
		{`{"text":`, false, false},
	} {
		call := tools.Call{Tool: "far__echo", Args: json.RawMessage(tc.args)}
		_, err := r.Invoke(t.Context(), call, nil)
		if (err == nil) != tc.runs {
			t.Errorf("Invoke(%s): %v", tc.args, err)
		}
		if e := tools.AsError(err); e != nil && e.Code != tools.CodeBadArguments {
			t.Errorf("Invoke(%s): code %s", tc.args, e.Code)
		}
		p, err := r.Preview(t.Context(), call)
		if (err == nil) != tc.planned {
			t.Errorf("Preview(%s): %v", tc.args, err)
		}
		if err == nil && string(p.Args) != tc.args {
			t.Errorf("Preview(%s) shows %s", tc.args, p.Args)
		}
	}
}

func TestDynamicToolsThatCannotBeRegistered(t *testing.T) {
	t.Parallel()
	r := tools.NewRegistry()
	if err := tools.RegisterDynamic(r, echo(t)); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*tools.Dynamic){
		"taken":          func(*tools.Dynamic) {},
		"a name":         func(d *tools.Dynamic) { d.Name = "" },
		"an object's":    func(d *tools.Dynamic) { d.Input = schemaOf(t, `{"type":"string"}`) },
		"unknown effect": func(d *tools.Dynamic) { d.Effect = "boil" },
		"input schema":   func(d *tools.Dynamic) { d.Input = schemaOf(t, `{"type":"object","$ref":"https://example.com/a.json"}`) },
	} {
		d := echo(t)
		change(&d)
		if err := tools.RegisterDynamic(r, d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %q, got %v", want, err)
		}
	}
}

func TestDynamicToolThatPanics(t *testing.T) {
	t.Parallel()
	r := tools.NewRegistry(tools.ApprovalGate(nil, nil))
	d := echo(t)
	d.Effect = tools.Read
	d.Run = func(context.Context, json.RawMessage, func(tools.Progress)) (string, json.RawMessage, error) {
		panic("boom")
	}
	if err := tools.RegisterDynamic(r, d); err != nil {
		t.Fatal(err)
	}
	_, err := r.Invoke(t.Context(), tools.Call{Tool: d.Name, Args: json.RawMessage(`{"text":"ab"}`)}, nil)
	if e, ok := errors.AsType[*tools.Error](err); !ok || e.Code != tools.CodeFailed {
		t.Errorf("got %v", err)
	}
}
