package llmtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
)

// fails asks whole and in a stream and wants an error of a kind, soon enough.
func (s suite) fails(t *testing.T, kind llm.Kind, handle Handler) *llm.Error {
	t.Helper()
	var last *llm.Error
	for _, streamed := range []bool{false, true} {
		m, _ := s.model(t, handle)
		var got collected
		var options []llms.CallOption
		if streamed {
			options = append(options, got.option())
		}
		began := time.Now()
		resp, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, options...)
		if !errors.As(err, &last) || last.Kind != kind {
			t.Fatalf("streamed %t: %+v, %v, want an error of kind %s", streamed, resp, err, kind)
		}
		if took := time.Since(began); took > timeout+time.Second {
			t.Errorf("it took %s", took)
		}
		if all := fmt.Sprintf("%v %+v %#v %s", err, err, last, last.Hint()); strings.Contains(all, Key) || strings.ContainsRune(all, '\x1b') || len(err.Error()) > 600 {
			t.Errorf("the error says too much: %s", all)
		}
	}
	return last
}

func (s suite) failures(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		status  int
		kind    string
		message string
		want    llm.Kind
	}{
		{401, "authentication_error", "invalid key " + Key, llm.KindUnauthorized},
		{403, "permission_error", "not for you", llm.KindUnauthorized},
		{404, "not_found_error", "no such model", llm.KindNoModel},
		{429, "rate_limit_error", "slow down \x1b[31m", llm.KindRateLimited},
		{400, "invalid_request_error", "This model's maximum context length is 8 tokens", llm.KindContext},
		{400, "invalid_request_error", "no", llm.KindRefused},
		{500, "api_error", "oops", llm.KindServer},
		{503, "overloaded_error", "busy", llm.KindOverloaded},
		{529, "overloaded_error", "busy", llm.KindOverloaded},
	} {
		e := s.fails(t, c.want, func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(c.status)
			fmt.Fprint(w, s.dialect.Failure(c.status, c.kind, c.message))
		})
		if e.Status != c.status || e.RetryAfter != 17*time.Second || e.Hint() == "" {
			t.Errorf("%d: %#v hint %q", c.status, e, e.Hint())
		}
	}
	e := s.fails(t, llm.KindProtocol, func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "<!doctype html>")
	})
	if !strings.Contains(e.Error(), "does not speak") {
		t.Errorf("a web page: %v", e)
	}
}

func (s suite) brokenStream(t *testing.T) {
	t.Helper()
	m, _ := s.model(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		flush(w, s.dialect.Broken("overloaded_error", "too busy for "+Key)...)
	})
	var got collected
	_, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, got.option())
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindOverloaded || strings.Contains(err.Error(), Key) || !strings.Contains(err.Error(), "too busy") {
		t.Errorf("%v", err)
	}
	if strings.Join(got.chunks, "") != "Hel" {
		t.Errorf("heard %q", got.chunks)
	}
}

// halfJSON cuts answers everywhere: in the middle of JSON and between events.
// None may pass for an answer.
func (s suite) halfJSON(t *testing.T) {
	t.Helper()
	said := Said{Text: "Hello", Calls: []Call{{"call-a", "f", `{"x":1}`}}, Stop: "tool_calls", Input: 1, Output: 2}
	whole, events := s.dialect.Whole(said), s.dialect.Stream(said)
	stream := strings.Join(events, "")
	complete := len(stream)
	for _, e := range slices.Backward(events) { // what comes after the reason to stop may be missing
		complete -= len(e)
		if strings.Contains(e, "tool_calls\"") && !strings.Contains(e, "\"index\":0,\"type\"") || strings.Contains(e, "message_stop") || strings.Contains(e, "STOP") {
			break
		}
	}
	for cut := 1; cut < len(whole)+complete; cut += 7 {
		m, _ := s.model(t, func(w http.ResponseWriter, r *http.Request, body string) {
			if cut >= len(whole) {
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, stream[:cut-len(whole)])
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, whole[:cut])
		})
		var got collected
		resp, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, got.option())
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindProtocol {
			t.Fatalf("cut at %d: %+v, %v", cut, resp, err)
		}
	}
}

func (s suite) silence(t *testing.T) {
	t.Helper()
	hang := func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() }
	if e := s.fails(t, llm.KindTimeout, hang); e.Hint() == "" || !strings.Contains(e.Error(), "no answer within") {
		t.Errorf("%v", e)
	}
	events := s.dialect.Stream(Said{Text: "Hello there.", Stop: "stop"})
	m, _ := s.model(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		flush(w, events[:len(events)/2]...)
		<-r.Context().Done()
	})
	began := time.Now()
	_, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, new(collected).option())
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindTimeout || !strings.Contains(err.Error(), "said nothing") {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took != idle {
		t.Errorf("a stream that fell silent was given up after %s, want %s", took, idle)
	}
}

func (s suite) cancelled(t *testing.T) {
	t.Helper()
	for _, streamed := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		m, _ := s.model(t, func(_ http.ResponseWriter, r *http.Request, _ string) {
			cancel()
			<-r.Context().Done()
		})
		var options []llms.CallOption
		if streamed {
			options = append(options, new(collected).option())
		}
		if _, err := m.GenerateContent(ctx, []llms.MessageContent{human("hi")}, options...); !errors.Is(err, context.Canceled) {
			t.Errorf("streamed %t: %v", streamed, err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	m, _ := s.model(t, func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() })
	if _, err := m.GenerateContent(ctx, []llms.MessageContent{human("hi")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
}

var errGone = errors.New("the terminal is gone")

func (s suite) listenerFails(t *testing.T) {
	t.Helper()
	m, _ := s.model(t, s.says(t, Said{Text: "Hello there.", Stop: "stop"}, nil))
	_, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, llms.WithStreamingFunc(func(context.Context, []byte) error { return errGone }))
	var e *llm.Error
	if !errors.Is(err, errGone) || errors.As(err, &e) {
		t.Errorf("%v: that is not the model's fault", err)
	}
}

func (s suite) tooLong(t *testing.T) {
	t.Helper()
	long := Said{Text: strings.Repeat("all work and no play ", 100_000), Stop: "stop", Input: 1, Output: 2}
	if e := s.fails(t, llm.KindTooLarge, s.says(t, long, nil)); e.Hint() == "" {
		t.Errorf("%v", e)
	}
	args := Said{Calls: []Call{{"call-a", "f", `{"x":"` + strings.Repeat("y", 2_000_000) + `"}`}}, Stop: "tool_calls", Input: 1, Output: 2}
	if e := s.fails(t, llm.KindTooLarge, s.says(t, args, nil)); e.Hint() == "" {
		t.Errorf("%v", e)
	}
}

// inventedTool passes a call of a tool that was not offered on as it is: the
// assistant knows what to answer.
func (s suite) inventedTool(t *testing.T) {
	t.Helper()
	want := []Call{{"call-a", "make_coffee", `{"cups":2}`}}
	s.ways(t, Said{Calls: want, Stop: "tool_calls", Input: 1, Output: 2}, func(t *testing.T, c *llms.ContentChoice, _ []string) {
		t.Helper()
		if diff := cmp.Diff(want, calls(c)); diff != "" {
			t.Error(diff)
		}
	})
}

// malformedArguments come through as the model wrote them, or as an error of
// the protocol where the format itself has no room for them; never as other
// arguments.
func (s suite) malformedArguments(t *testing.T) {
	t.Helper()
	const wrong = `{"x": one}`
	m, _ := s.model(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		flush(w, s.dialect.Stream(Said{Calls: []Call{{"call-a", "f", wrong}}, Stop: "tool_calls", Input: 1, Output: 2})...)
	})
	resp, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, new(collected).option())
	var e *llm.Error
	if errors.As(err, &e) && e.Kind == llm.KindProtocol {
		return
	}
	if err != nil || len(resp.Choices[0].ToolCalls) != 1 {
		t.Fatalf("%+v %v", resp, err)
	}
	if got := resp.Choices[0].ToolCalls[0].FunctionCall.Arguments; got != wrong {
		t.Errorf("arguments %q", got)
	}
}

func (s suite) key(t *testing.T) {
	t.Helper()
	m, server := s.model(t, s.says(t, Said{Text: "ok", Stop: "stop"}, nil))
	if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}); err != nil {
		t.Fatal(err)
	}
	for _, r := range server.Requests() {
		if strings.Contains(r.Path+r.Body, Key) {
			t.Error("the key is in the address or the body")
		}
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), Key) != (name == s.dialect.KeyHeader) {
				t.Errorf("header %s: %s", name, values)
			}
		}
	}
	if all := fmt.Sprintf("%v %+v %#v", m, m, m); strings.Contains(all, Key) {
		t.Error("a model that is printed shows its key")
	}
}
