package router_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
)

// TestEveryCallHasItsSpan: who was asked, in vain or not, under its own
// provider and model, with what it cost.
func TestEveryCallHasItsSpan(t *testing.T) {
	t.Parallel()
	c, err := router.Parse("models.yaml", []byte(`use: main
groups:
  main:
    attempts: 2
    models:
      - {model: a, base_url: "http://a/v1"}
      - {model: b, provider: anthropic, price: {input: 10, output: 100}}
    fallback: [none]
  none:
    models: [{model: c, provider: google}]
`))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakes{script: map[string][]llmtest.Reply{
		"a": {fails(llm.KindServer, 0)}, "c": {fails(llm.KindQuota, 0)},
		"b": {{Text: "b", Info: map[string]any{"PromptTokens": 1000, "CompletionTokens": 100}}, fails(llm.KindUnauthorized, 0)},
	}}
	recorder := tracetest.NewSpanRecorder()
	r, err := router.New(router.Options{
		Config: c, Connect: f.connect, LastResort: llmtest.Func(func([]llms.MessageContent) llmtest.Reply { return llmtest.Reply{Text: "plan"} }),
		LastResortName: "planner (offline)", Spending: t.TempDir(), Getenv: none, Jitter: func() float64 { return 0.5 },
		Trace: llm.TraceOptions{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")},
	})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for range 2 {
			if _, err := r.GenerateContent(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
		}
	})
	var got []string
	for _, span := range recorder.Ended() {
		line := span.Name()
		for _, key := range []string{"gen_ai.provider.name", "error.type", "gen_ai.usage.input_tokens", "gen_ai.usage.cost"} {
			for _, kv := range span.Attributes() {
				if string(kv.Key) == key {
					line += " " + kv.Value.String()
				}
			}
		}
		got = append(got, line)
	}
	want := []string{
		"chat a openai server", "chat b anthropic 1000 0.02",
		// In the second turn a still rests, so b is asked first; a second attempt
		// waits for a.
		"chat b anthropic unauthorized", "chat a openai server", "chat c google quota", "chat planner (offline) minivess",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
