package mcp_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// listed is every tool that a client sees, by name.
func listed(t *testing.T, s *sdk.ClientSession) map[string]*sdk.Tool {
	t.Helper()
	out := map[string]*sdk.Tool{}
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		out[tool.Name] = tool
	}
	return out
}

// TestEveryToolIsListed is the conformance of the whole catalogue: each tool is
// there, with schemas that are schemas and hints that are never kinder than its
// effect.
func TestEveryToolIsListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := listed(t, f.connect(t, protocols[1], nil))
	if len(got) != len(f.registry.List()) {
		t.Errorf("%d tools are listed of %d", len(got), len(f.registry.List()))
	}
	for _, d := range f.registry.List() {
		tool := got[d.Name]
		if tool == nil {
			t.Errorf("%s is not listed", d.Name)
			continue
		}
		for which, s := range map[string]any{"input": tool.InputSchema, "output": tool.OutputSchema} {
			schema := resolved(t, d.Name+" "+which, s)
			if schema.Schema().Type != "object" {
				t.Errorf("%s: its %s schema is not an object's", d.Name, which)
			}
		}
		if tool.Title != d.Summary || !strings.HasPrefix(tool.Description, d.Description) {
			t.Errorf("%s: title and description are not those of its Markdown: %q, %q", d.Name, tool.Title, tool.Description)
		}
		a := tool.Annotations
		want := sdk.ToolAnnotations{
			Title: d.Summary, ReadOnlyHint: d.Effect == tools.Read, IdempotentHint: d.Effect == tools.Read,
			DestructiveHint: new(d.Effect == tools.Destroy), OpenWorldHint: new(false),
		}
		if diff := cmp.Diff(&want, a); diff != "" {
			t.Errorf("%s, which is %s: %s", d.Name, d.Effect, diff)
		}
		for i, e := range d.Examples {
			if shown := strings.Contains(tool.Description, "- "+e.Say+": "+string(e.Args)); shown != (i < 2) {
				t.Errorf("%s: example %d is shown: %t", d.Name, i+1, shown)
			}
		}
	}
}

func resolved(t *testing.T, what string, s any) *jsonschema.Resolved {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var schema *jsonschema.Schema
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	out, err := schema.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return out
}

// TestGolden pins two tools byte by byte as they go over the wire.
func TestGolden(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tools := listed(t, f.connect(t, protocols[0], nil))
	for _, name := range []string{"dataset_create_synthetic", "run_delete"} {
		raw, err := json.Marshal(tools[name])
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Indent(&got, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(path, append(got.Bytes(), '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), got.String()); diff != "" {
			t.Errorf("%s (-want +got); -update rewrites it:\n%s", name, diff)
		}
	}
}

// TestTemplatesAndPrompts lists and fills them in: what is said is put in once
// and never read again.
func TestTemplatesAndPrompts(t *testing.T) {
	t.Parallel()
	s := newFixture(t).connect(t, protocols[1], nil)
	var templates []string
	for r, err := range s.ResourceTemplates(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, r.URITemplate)
	}
	want := []string{
		"minivess://datasets/{name}", "minivess://runs/{id}", "minivess://runs/{id}/configuration",
		"minivess://runs/{id}/journal", "minivess://runs/{id}/report",
	}
	if diff := cmp.Diff(want, templates); diff != "" {
		t.Error(diff)
	}
	for p, err := range s.Prompts(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		args := map[string]string{}
		for _, a := range p.Arguments {
			if a.Required {
				_, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: p.Name})
				if err == nil || !strings.Contains(err.Error(), a.Name) {
					t.Errorf("%s without %s: %v", p.Name, a.Name, err)
				}
			}
			args[a.Name] = "one {question} {metric|two}\x1b[31m\nthree"
		}
		got, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: p.Name, Arguments: args})
		if err != nil {
			t.Fatal(err)
		}
		text, ok := got.Messages[0].Content.(*sdk.TextContent)
		if !ok || len(args) > 0 && !strings.Contains(text.Text, "one {question} {metric|two} three") {
			t.Errorf("%s: what was said is not there as it was said:\n%v", p.Name, text)
		}
	}
	got, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "compare_runs", Arguments: map[string]string{"runs": "a, b"}})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := got.Messages[0].Content.(*sdk.TextContent); !ok || !strings.HasPrefix(text.Text, "Compare the minivess runs a, b by dice.") {
		t.Errorf("got %v", text)
	}
}
