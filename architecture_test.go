// Package minivess_test holds the house rules: which room may use which.
package minivess_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/minivess/minivess"

// A rule forbids imports from one set of rooms into another. The reason is
// what a newcomer reads when it breaks.
type rule struct {
	from   string   // room the rule binds
	except []string // rooms below it that are free of it
	deny   []string // import path prefixes
	reason string
}

var rules = []rule{ //nolint:gochecknoglobals // a table is the clearest form of the house rules
	{from: "engine", deny: inModule("agent", "tools", "tui", "evals", "traces", "cmd"), reason: "the engine serves the tools and knows nothing of who asks"},
	{from: "tools", deny: inModule("agent", "tui", "evals", "traces", "cmd"), reason: "tools serve any caller: agent, command line, MCP"},
	{from: "agent", deny: inModule("tui", "evals", "traces", "cmd"), reason: "the agent is drawn and scored by others"},
	{from: "traces", deny: inModule(""), reason: "traces is a leaf: everyone else only uses the OpenTelemetry API"},
	{from: "tui", deny: inModule("engine", "evals", "cmd", "traces"), reason: "the screen sees the engine only through the agent and its tools"},
	{from: "evals", deny: inModule("engine", "tui", "cmd", "traces"), reason: "evals drive the agent exactly as a person would"},
	{from: "agent/graph", except: []string{"agent/graph/graphtest"}, deny: []string{"github.com/", "golang.org/", "go.opentelemetry.io/"}, reason: "the graph runtime is standard library only"},
	{from: "engine", except: []string{"engine/nn/torch", "engine/train", "engine/models/modeltest"}, deny: []string{"github.com/sugarme/gotch"}, reason: "libtorch lives in the worker (and in the suite that tests models); everything else must build and run without it"},
	{from: "engine", except: []string{"engine/projection"}, deny: []string{"github.com/duckdb"}, reason: "DuckDB is the lens, files are the truth: only the projection looks through it"},
	{from: "", except: []string{"engine/nn/ort"}, deny: []string{"github.com/yalue/onnxruntime_go"}, reason: "ONNX Runtime's environment is the process's: one room keeps it"},
	{from: "", except: []string{"tools/mcp", "cmd"}, deny: []string{"github.com/modelcontextprotocol"}, reason: "one room speaks MCP"},
	{from: "tools", deny: []string{"github.com/duckdb", "github.com/sugarme/gotch"}, reason: "tools go through the engine's rooms"},
	{from: "", except: []string{"agent", "evals", "cmd"}, deny: []string{"github.com/tmc/langchaingo"}, reason: "langchaingo's interface is the agent's boundary"},
	{from: "", except: []string{"tui", "cmd"}, deny: []string{"charm.land/bubbletea"}, reason: "only tui draws"},
	{from: "", except: []string{"traces", "cmd"}, deny: []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters"}, reason: "traces sets up the SDK; the rest uses the API"},
}

func inModule(rooms ...string) []string {
	out := make([]string, len(rooms))
	for i, room := range rooms {
		out[i] = strings.TrimSuffix(module+"/"+room, "/")
	}
	return out
}

// A listed package, as `go list -json` prints it.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		for _, r := range rules {
			if !binds(r, room(p.ImportPath)) {
				continue
			}
			for _, imported := range p.Imports {
				for _, denied := range r.deny {
					if within(imported, denied) {
						t.Errorf("%s imports %s\n  %s", p.ImportPath, imported, r.reason)
					}
				}
			}
		}
	}
}

func TestNoTwoFoldersImportEachOther(t *testing.T) {
	t.Parallel()
	packages := list(t, "./...")
	for depth := 1; depth <= 5; depth++ {
		edges := map[[2]string]string{}
		for _, p := range packages {
			from := folder(room(p.ImportPath), depth)
			for _, imported := range p.Imports {
				if !within(imported, module) {
					continue
				}
				to := folder(room(imported), depth)
				if from != to && !nested(from, to) {
					edges[[2]string{from, to}] = cmp.Or(edges[[2]string{from, to}], p.ImportPath+" → "+imported)
				}
			}
		}
		for e, how := range edges {
			if back, ok := edges[[2]string{e[1], e[0]}]; ok && e[0] < e[1] {
				t.Errorf("%s and %s import each other:\n  %s\n  %s\n  Move what both need into a room below them.", e[0], e[1], how, back)
			}
		}
	}
}

func TestControlPlaneDoesNotLinkLibtorch(t *testing.T) {
	t.Parallel()
	for _, dep := range deps(t, "./cmd/minivess") {
		if strings.HasPrefix(dep, "github.com/sugarme/gotch") {
			t.Errorf("cmd/minivess depends on %s: libtorch would load at every start and could take the assistant down", dep)
		}
	}
}

func TestComputePlaneLinksNoFrontEnd(t *testing.T) {
	t.Parallel()
	for _, dep := range deps(t, "./cmd/minivess-worker") {
		for _, prefix := range []string{"charm.land/bubbletea", "github.com/tmc/langchaingo", "github.com/duckdb"} {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("cmd/minivess-worker depends on %s: the worker computes, and nothing else", dep)
			}
		}
	}
}

// TestRulesCanFail keeps the checker itself honest.
func TestRulesCanFail(t *testing.T) {
	t.Parallel()
	r := rule{from: "engine", except: []string{"engine/train"}, deny: inModule("agent")}
	if !binds(r, "engine/volume") || binds(r, "engine/train") || binds(r, "engineering") {
		t.Error("binds does not follow folder boundaries")
	}
	if !within(module+"/agent/graph", r.deny[0]) || within(module+"/agentic", r.deny[0]) {
		t.Error("within does not follow folder boundaries")
	}
}

func binds(r rule, room string) bool {
	if r.from != "" && !within(room, r.from) {
		return false
	}
	return !slices.ContainsFunc(r.except, func(e string) bool { return within(room, e) })
}

func room(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func folder(room string, depth int) string {
	parts := strings.Split(room, "/")
	return strings.Join(parts[:min(depth, len(parts))], "/")
}

func nested(a, b string) bool { return within(a, b) || within(b, a) }

// within reports whether path lies at or below prefix; a prefix that ends in
// a slash matches anything that begins with it.
func within(path, prefix string) bool {
	if strings.HasSuffix(prefix, "/") {
		return strings.HasPrefix(path, prefix)
	}
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func list(t *testing.T, pattern string) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", pattern).Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr(err))
	}
	var all []listed
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func deps(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v\n%s", pattern, err, stderr(err))
	}
	return strings.Fields(string(out))
}

func stderr(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Stderr
	}
	return nil
}
