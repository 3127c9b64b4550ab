package thread_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/tools"
)

type askedFor struct {
	Query string `json:"query"`
}

type table struct {
	tools.Line
	Query string           `json:"query"`
	Rows  []map[string]any `json:"rows"`
}

// results is a tool that reads, with answers of a usual size.
type results struct{}

func (results) Spec() tools.Spec {
	return tools.Spec{Name: "results", Family: "test", Effect: tools.Read, Doc: "# Looks results up"}
}

func (results) Preview(context.Context, askedFor) (tools.Preview, error) {
	return tools.Preview{Summary: "look results up"}, nil
}

func (results) Run(_ context.Context, in askedFor, _ func(tools.Progress)) (table, error) {
	t := table{Line: tools.Line{Summary: "3 rows"}, Query: in.Query}
	for i := range 3 {
		t.Rows = append(t.Rows, map[string]any{
			"run": fmt.Sprintf("20260102-150405-%04x", i), "model": "segresnet", "dice": 0.8, "cldice": 0.8, "volumes": 2,
		})
	}
	return t, nil
}

// converser is an assistant that reads something in each turn and answers.
func converser(tb testing.TB, s *thread.Store) *assistant.Assistant {
	tb.Helper()
	r := tools.NewRegistry(tools.StandardGates(tools.GateOptions{
		Audit: filepath.Join(tb.TempDir(), "audit.jsonl"), NewID: func() string { return "anonymous" }, Now: time.Now,
		Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")},
	})...)
	if err := tools.Register(r, results{}); err != nil {
		tb.Fatal(err)
	}
	model := llmtest.Func(func(messages []llms.MessageContent) llmtest.Reply {
		if messages[len(messages)-1].Role == llms.ChatMessageTypeTool {
			return llmtest.Reply{Text: "The best run so far is the segresnet, with a dice of 0.8 on 2 volumes; the others are close behind."}
		}
		return llmtest.Reply{Calls: []llmtest.Call{{
			Tool: "results", Args: `{"query":"select run, model, dice, cldice, volumes from metrics order by dice desc limit 3"}`,
		}}}
	})
	a, err := assistant.New(assistant.Options{Model: model, Registry: r, Threads: s})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// talk makes a thread of so many turns.
func talk(tb testing.TB, s *thread.Store, turns int) string {
	tb.Helper()
	info, err := s.Create(tb.Context(), "which run is the best?")
	if err != nil {
		tb.Fatal(err)
	}
	a := converser(tb, s)
	for i := range turns {
		say(tb, a, info.ID, fmt.Sprintf("which run is the best now, after change number %d?", i+1))
	}
	return info.ID
}

func say(tb testing.TB, a *assistant.Assistant, id, text string) {
	tb.Helper()
	out, err := assistant.Wait(a.Turn(tb.Context(), id, text), nil)
	if err != nil || out.Status != assistant.StatusAnswered || !strings.Contains(out.Answer.Text, "best run") {
		tb.Fatalf("%q: %+v, %v", text, out, err)
	}
}
