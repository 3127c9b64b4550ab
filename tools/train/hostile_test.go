package train_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/sandbox"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

// guarded is a bench behind the standard gates with the path sandbox.
type guarded struct {
	bench
	dir string // with links resolved: project, and outside beside it
	now time.Time
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	project, err := filepath.EvalSymlinks(b.ws.Project())
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{bench: b, dir: project, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	calls := 0
	rules := sandbox.Ruler{Roots: func() (sandbox.Roots, error) {
		return sandbox.Roots{Project: project, Workspace: b.ws.Root(), Working: project}, nil
	}}
	g.Registry = tools.NewRegistry(tools.StandardGates(tools.GateOptions{
		Audit: b.ws.Audit(), Now: func() time.Time { return g.now }, Ruler: rules,
		NewID: func() string { calls++; return fmt.Sprint("call-", calls) },
		Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")},
	})...)
	g.RuleBy(rules)
	if err := train.Register(g.Registry, train.Deps{Workspace: b.ws, Launcher: b.launcher, Memory: 64 << 30}); err != nil {
		t.Fatal(err)
	}
	return g
}

// experimentFile writes an experiment into the project and gives the call's
// arguments that name it and nothing else that is read.
func (g *guarded) experimentFile(t *testing.T, text string) json.RawMessage {
	t.Helper()
	path := filepath.Join(g.dir, "experiment.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	model := "segresnet"
	if strings.Contains(text, "torchscript") {
		model = "torchscript"
	}
	return json.RawMessage(arguments(t, map[string]any{"dataset": "toy", "model": model, "max_steps": 2, "config": path}))
}

func (g *guarded) preview(t *testing.T, source tools.Source, args json.RawMessage) tools.Preview {
	t.Helper()
	ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: source})
	p, err := g.Preview(ctx, tools.Call{Tool: "train_launch", Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// launch makes the call with an approval of what was shown.
func (g *guarded) launch(t *testing.T, source tools.Source, args json.RawMessage, shown []string, blanket bool) error {
	t.Helper()
	g.now = g.now.Add(time.Second) // each approval is one of its own
	ctx := tools.WithApproval(tools.WithOrigin(t.Context(), tools.Origin{Source: source}), tools.Approval{
		Fingerprint: tools.Fingerprint("train_launch", args), By: "ana", At: g.now, ExpiresAt: g.now.Add(time.Hour), Reads: shown, Blanket: blanket,
	})
	res, err := g.Invoke(ctx, tools.Call{Tool: "train_launch", Args: args}, nil)
	if err == nil {
		toolstest.Ended(t.Context(), t, g.launcher, res.Run)
	}
	return err
}

func (g *guarded) refused(t *testing.T, err error, code tools.Code, words ...string) {
	t.Helper()
	e := tools.AsError(err)
	if e == nil || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("%q is not in: %v", w, e)
		}
	}
}

func resolved(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What an experiment file names is asked about as if an argument had named it,
// shown with its true place, and nothing but what was shown is read.
func TestAHostileExperimentFile(t *testing.T) {
	t.Parallel()
	small := map[string]any{"init_filters": 8}
	outside, other := resolved(t, weightsOf(t, "segresnet", small, true)), resolved(t, weightsOf(t, "segresnet", small, true))
	script := resolved(t, filepath.Join("..", "..", "engine", "nn", "torch", "testdata", "script", "good.ts"))
	tiny := resolved(t, filepath.Join("..", "..", "engine", "models", "bundle", "testdata", "tiny"))
	for name, c := range map[string]struct {
		text  func(t *testing.T, g *guarded) string
		reads string
	}{
		"weights": {func(*testing.T, *guarded) string { return "init:\n  from: " + outside + "\n" }, outside},
		"network": {func(*testing.T, *guarded) string {
			return "model:\n  name: torchscript\n  options:\n    path: " + script + "\n"
		}, script},
		"link": {func(t *testing.T, g *guarded) string {
			t.Helper()
			link := filepath.Join(g.dir, "harmless.safetensors")
			if err := os.Symlink(outside, link); err != nil {
				t.Fatal(err)
			}
			return "init:\n  from: " + link + "\n"
		}, outside},
		"bundle": {func(t *testing.T, g *guarded) string {
			t.Helper()
			folder := filepath.Join(g.dir, "bundle")
			if err := os.Symlink(tiny, folder); err != nil {
				t.Fatal(err)
			}
			return "init:\n  from: " + folder + "\n  strict: false\n"
		}, tiny},
		"relative": {func(t *testing.T, _ *guarded) string {
			t.Helper()
			here, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			path, err := filepath.Rel(here, outside)
			if err != nil {
				t.Fatal(err)
			}
			return "init:\n  from: " + path + "\n"
		}, outside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t)
			args := g.experimentFile(t, c.text(t, g))
			p := g.preview(t, tools.SourceModel, args)
			if p.Ruling == nil || p.Ruling.Verdict != tools.Ask || !p.Ruling.Person || !slices.Contains(p.Ruling.Unnamed(), c.reads) {
				t.Fatalf("ruling %+v, want a question about %s", p.Ruling, c.reads)
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.reads) {
				t.Errorf("the notes do not show it:\n%s", notes)
			}
			g.refused(t, g.launch(t, tools.SourceModel, args, p.Ruling.Unnamed(), true), tools.CodeNeedsApproval, "general yes")
			g.refused(t, g.launch(t, tools.SourceModel, args, nil, false), tools.CodeNeedsApproval, c.reads, "not shown")
			g.refused(t, g.launch(t, tools.SourceCLI, args, nil, false), tools.CodeNeedsApproval, c.reads)
			if err := g.launch(t, tools.SourceModel, args, p.Ruling.Unnamed(), false); err != nil {
				t.Errorf("with an approval of what was shown: %v", err)
			}
		})
	}
	t.Run("changed after the approval", func(t *testing.T) {
		t.Parallel()
		g := newGuarded(t)
		args := g.experimentFile(t, "init:\n  from: "+outside+"\n")
		shown := g.preview(t, tools.SourceModel, args).Ruling.Unnamed()
		g.experimentFile(t, "init:\n  from: "+other+"\n")
		g.refused(t, g.launch(t, tools.SourceModel, args, shown, false), tools.CodeNeedsApproval, other, "not shown")
	})
}

// What no tool may touch is refused, whoever asks and whatever was approved.
func TestAnExperimentFileThatNamesTheWorkspaceItself(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	weights, err := os.ReadFile(weightsOf(t, "segresnet", map[string]any{"init_filters": 8}, true))
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(g.ws.Root(), "threads", "x.safetensors")
	if err := os.MkdirAll(filepath.Dir(kept), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, weights, 0o600); err != nil {
		t.Fatal(err)
	}
	args := g.experimentFile(t, "init:\n  from: "+kept+"\n")
	for _, source := range []tools.Source{tools.SourceModel, tools.SourcePlanner, tools.SourceCLI} {
		if p := g.preview(t, source, args); p.Ruling.Refusal("train_launch") == nil {
			t.Errorf("%s: ruling %+v, want a refusal", source, p.Ruling)
		}
		g.refused(t, g.launch(t, source, args, []string{kept}, false), tools.CodeRefused, "keeps its records")
	}
}
