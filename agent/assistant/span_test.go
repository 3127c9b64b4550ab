package assistant_test

import (
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/minivess/minivess/agent/assistant"
)

func TestATurnIsOneTraceAcrossItsDecisions(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	r := newRig(t, assistant.Options{Tracer: tracer}, pipeline(), answering("Done."), answering("You are welcome."))
	first := r.turn(t, wanted)
	second := r.decide(t, assistant.Decision{Verdict: assistant.Approve})
	third := r.turn(t, "thanks")
	if first.TraceID == "" || first.TraceID != second.TraceID || third.TraceID == first.TraceID {
		t.Errorf("traces %q, %q and, for the next turn, %q", first.TraceID, second.TraceID, third.TraceID)
	}
	var names []string
	for _, s := range recorder.Ended() {
		names = append(names, s.Name())
		attrs := map[string]string{}
		for _, kv := range s.Attributes() {
			attrs[string(kv.Key)] = kv.Value.String()
			if strings.Contains(kv.Value.String(), wanted) {
				t.Errorf("span %s has what the user said", s.Name())
			}
		}
		if attrs["session.id"] != r.thread {
			t.Errorf("span %s belongs to session %q", s.Name(), attrs["session.id"])
		}
		if strings.HasPrefix(s.Name(), "invoke_agent") && (attrs["gen_ai.operation.name"] != "invoke_agent" || attrs["gen_ai.conversation.id"] != r.thread) {
			t.Errorf("span %s: %v", s.Name(), attrs)
		}
	}
	want := "invoke_agent minivess, step 1 make_data, step 2 train, step 3 judge, step 4 look, invoke_agent minivess, invoke_agent minivess"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("spans:\n got %s\nwant %s", got, want)
	}
}
