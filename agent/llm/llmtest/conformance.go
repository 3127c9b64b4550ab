package llmtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
)

// Key is the key that the suite gives the models; it must show up in one
// header and nowhere else.
const Key = "sk-conformance-0123456789"

// Connect makes the model that is tested.
type Connect func(llm.Config) (llms.Model, error)

// The times within which the model has to give up, which cost none.
const (
	timeout = time.Minute
	idle    = 10 * time.Second
)

// Conformance holds a model against a server that speaks its wire format: what
// it sends must be what the real server takes, what it returns must be what
// the server said, and whatever goes wrong must come out as an *llm.Error of
// the right kind, without the key.
func Conformance(t *testing.T, provider llm.Provider, connect Connect) {
	t.Helper()
	d, ok := Dialects()[string(provider)]
	if !ok {
		t.Fatalf("there is no dialect for %q", provider)
	}
	s := suite{dialect: d, provider: provider, connect: connect}
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"plain text", s.plainText},
		{"stream", s.stream},
		{"the other way than asked for", s.otherWay},
		{"one call", s.oneCall},
		{"parallel calls", s.parallelCalls},
		{"history", s.history},
		{"foreign history", s.foreignHistory},
		{"options", s.options},
		{"stop reasons", s.stopReasons},
		{"errors", s.failures},
		{"error within a stream", s.brokenStream},
		{"half a JSON", s.halfJSON},
		{"silence", s.silence},
		{"cancelled", s.cancelled},
		{"a listener that fails", s.listenerFails},
		{"2 MB", s.tooLong},
		{"an invented tool", s.inventedTool},
		{"malformed arguments", s.malformedArguments},
		{"the key", s.key},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.run)
		})
	}
}

type suite struct {
	dialect  Dialect
	provider llm.Provider
	connect  Connect
}

// model connects to a server that handles requests so.
func (s suite) model(t *testing.T, handle Handler) (llms.Model, *Server) {
	t.Helper()
	server := Serve(t, handle)
	m, err := s.connect(llm.Config{
		Provider: s.provider, BaseURL: server.URL + "/v1", Model: "model-1", APIKey: Key, Timeout: timeout, Idle: idle, Client: server.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, server
}

// says handles requests as a server of the dialect does: it checks them, and
// answers whole or in a stream as it is asked to.
func (s suite) says(t *testing.T, said Said, heard *Heard) Handler {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request, body string) {
		h := s.dialect.Hear(r.URL.RequestURI(), body)
		if heard != nil {
			*heard = h
		}
		if h.Problem != "" {
			t.Errorf("the server would refuse this: %s\n%s", h.Problem, body)
			http.Error(w, s.dialect.Failure(http.StatusBadRequest, "invalid_request_error", h.Problem), http.StatusBadRequest)
			return
		}
		if !h.Stream {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, s.dialect.Whole(said))
			return
		}
		flush(w, s.dialect.Stream(said)...)
	}
}

// flush writes events one by one.
func flush(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	c := http.NewResponseController(w)
	for _, e := range events {
		fmt.Fprint(w, e)
		_ = c.Flush() // a client that has gone is noticed elsewhere
	}
}

func human(text string) llms.MessageContent { return llms.TextParts(llms.ChatMessageTypeHuman, text) }

func toolNamed(name string) llms.Tool {
	return llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
		Name: name, Description: "does " + name, Parameters: map[string]any{"type": "object", "properties": map[string]any{"x": map[string]any{"type": "integer"}}},
	}}
}

// collected is a streaming function with what it was given.
type collected struct{ chunks []string }

func (c *collected) option() llms.CallOption {
	return llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
		c.chunks = append(c.chunks, string(chunk))
		return nil
	})
}

// ways asks whole and in a stream.
func (s suite) ways(t *testing.T, said Said, check func(t *testing.T, c *llms.ContentChoice, chunks []string)) {
	t.Helper()
	for _, streamed := range []bool{false, true} {
		m, _ := s.model(t, s.says(t, said, nil))
		var got collected
		options := []llms.CallOption{llms.WithTools([]llms.Tool{toolNamed("f"), toolNamed("g")})}
		if streamed {
			options = append(options, got.option())
		}
		resp, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, options...)
		if err != nil {
			t.Fatalf("streamed %t: %v", streamed, err)
		}
		if len(resp.Choices) != 1 {
			t.Fatalf("streamed %t: %d choices, want all in one", streamed, len(resp.Choices))
		}
		if !streamed {
			got.chunks = []string{said.Text}
		}
		check(t, resp.Choices[0], got.chunks)
	}
}

func (s suite) plainText(t *testing.T) {
	t.Helper()
	s.ways(t, Said{Text: "Hello there.", Stop: "stop", Input: 11, Output: 7, Cached: 3}, func(t *testing.T, c *llms.ContentChoice, _ []string) {
		t.Helper()
		if c.Content != "Hello there." || len(c.ToolCalls) != 0 || c.StopReason != "stop" {
			t.Errorf("answer %+v", c)
		}
		u := llm.Usage(c)
		if !u.Known || u.Input != 11 || u.Output != 7 || u.CacheRead != 3 {
			t.Errorf("usage %+v", u)
		}
		if c.GenerationInfo[llm.InfoModel] != "model-1-0613" || c.GenerationInfo[llm.InfoResponseID] != "resp-1" || c.GenerationInfo[llm.InfoProvider] != string(s.provider) {
			t.Errorf("info %v", c.GenerationInfo)
		}
	})
}

func (s suite) stream(t *testing.T) {
	t.Helper()
	s.ways(t, Said{Text: "Hello there.", Stop: "stop", Input: 1, Output: 2}, func(t *testing.T, c *llms.ContentChoice, chunks []string) {
		t.Helper()
		if strings.Join(chunks, "") != c.Content {
			t.Errorf("streamed %q, answered %q", chunks, c.Content)
		}
	})
}

// otherWay: some servers always stream, others never do.
func (s suite) otherWay(t *testing.T) {
	t.Helper()
	said := Said{Text: "Hello there.", Calls: []Call{{ID: "call_1", Tool: "f", Args: `{"x":1}`}}, Stop: "tool_calls", Input: 1, Output: 2}
	for _, streamed := range []bool{false, true} {
		m, _ := s.model(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
			if !streamed {
				flush(w, s.dialect.Stream(said)...)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, s.dialect.Whole(said))
		})
		var got collected
		options := []llms.CallOption{llms.WithTools([]llms.Tool{toolNamed("f")})}
		if streamed {
			options = append(options, got.option())
		}
		resp, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, options...)
		if err != nil {
			t.Fatalf("streamed %t: %v", streamed, err)
		}
		c := resp.Choices[0]
		if c.Content != said.Text || len(c.ToolCalls) != 1 || streamed && strings.Join(got.chunks, "") != said.Text {
			t.Errorf("streamed %t: %+v, in pieces %q", streamed, c, got.chunks)
		}
	}
}

func calls(c *llms.ContentChoice) []Call {
	var out []Call
	for _, tc := range c.ToolCalls {
		out = append(out, Call{tc.ID, tc.FunctionCall.Name, tc.FunctionCall.Arguments})
	}
	return out
}

func (s suite) oneCall(t *testing.T) {
	t.Helper()
	want := []Call{{"call-a", "f", `{"x":1}`}}
	s.ways(t, Said{Text: "Now.", Calls: want, Stop: "tool_calls", Input: 1, Output: 2}, func(t *testing.T, c *llms.ContentChoice, chunks []string) {
		t.Helper()
		if diff := cmp.Diff(want, calls(c)); diff != "" || c.Content != "Now." || c.StopReason != "tool_calls" || c.FuncCall == nil {
			t.Errorf("%+v %s", c, diff)
		}
		if strings.Join(chunks, "") != "Now." {
			t.Errorf("the listener heard %q: a call's JSON is no text", chunks)
		}
	})
}

func (s suite) parallelCalls(t *testing.T) {
	t.Helper()
	want := []Call{{"call-a", "f", `{"x":1}`}, {"call-b", "g", `{"x":[2,{"y":"z"}]}`}, {"call-c", "f", `{}`}}
	s.ways(t, Said{Calls: want, Stop: "tool_calls", Input: 1, Output: 2}, func(t *testing.T, c *llms.ContentChoice, chunks []string) {
		t.Helper()
		if diff := cmp.Diff(want, calls(c)); diff != "" {
			t.Error(diff)
		}
		if strings.Join(chunks, "") != "" {
			t.Errorf("the listener heard %q", chunks)
		}
	})
}

func spoken(text string, made ...Call) llms.MessageContent {
	m := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if text != "" {
		m.Parts = append(m.Parts, llms.TextPart(text))
	}
	for _, c := range made {
		m.Parts = append(m.Parts, llms.ToolCall{ID: c.ID, Type: "function", FunctionCall: &llms.FunctionCall{Name: c.Tool, Arguments: c.Args}})
	}
	return m
}

func result(id, name, text string) llms.ContentPart {
	return llms.ToolCallResponse{ToolCallID: id, Name: name, Content: text}
}

func heardBack(t *testing.T, m llms.Model, heard *Heard, messages []llms.MessageContent, want []string) {
	t.Helper()
	if _, err := m.GenerateContent(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, heard.Messages); diff != "" {
		t.Error(diff)
	}
}

func (s suite) history(t *testing.T) {
	t.Helper()
	var heard Heard
	m, _ := s.model(t, s.says(t, Said{Text: "ok", Stop: "stop"}, &heard))
	messages := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "be brief"), human("go"),
		spoken("planning", Call{"c1", "f", `{"x":1}`}, Call{"c2", "g", `{"x":2}`}),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("c1", "f", `{"r":"one"}`), result("c2", "g", "two")}}, // two in one message
		spoken("", Call{"c3", "f", `{}`}),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("c3", "f", "three")}},
		spoken("done"), human("thanks"),
	}
	before := fmt.Sprintf("%+v", messages[3])
	heardBack(t, m, &heard, messages, []string{
		"user: go", "assistant: planning", `assistant: call f {"x":1}`, `assistant: call g {"x":2}`, `user: result {"r":"one"}`, "user: result two",
		"assistant: call f {}", "user: result three", "assistant: done", "user: thanks",
	})
	if heard.System != "be brief" {
		t.Errorf("system %q", heard.System)
	}
	if fmt.Sprintf("%+v", messages[3]) != before {
		t.Error("the caller's messages were changed")
	}
}

// foreignHistory sends a conversation that another model began: ids that
// repeat or have other letters, calls without results and results without
// calls, broken arguments, blank words.
func (s suite) foreignHistory(t *testing.T) {
	t.Helper()
	var heard Heard
	m, _ := s.model(t, s.says(t, Said{Text: "ok", Stop: "stop"}, &heard))
	heardBack(t, m, &heard, []llms.MessageContent{
		human("go"), spoken("a", Call{"1", "f", `{"x":1}`}, Call{"2", "f", `{}`}),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("1", "f", "one")}},
		human("again"), spoken("b", Call{"1", "f", `{"x":`}, Call{"a strange id. " + strings.Repeat("z", 60), "g", `{}`}),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("1", "f", "uno"), result("9", "g", "nobody asked")}},
		human("well?"),
	}, []string{
		"user: go", "assistant: a", `assistant: call f {"x":1}`, "assistant: call f {}", "user: result one",
		`user: result {"message":"not run: the turn ended before","state":"not_run"}`,
		"user: again", "assistant: b", "assistant: call f {}", "assistant: call g {}", "user: result uno",
		`user: result {"message":"not run: the turn ended before","state":"not_run"}`, "user: well?",
	})
}

func (s suite) options(t *testing.T) {
	t.Helper()
	var heard Heard
	m, _ := s.model(t, s.says(t, Said{Text: "ok", Stop: "stop"}, &heard))
	_, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")},
		llms.WithTools([]llms.Tool{toolNamed("f"), toolNamed("g")}), llms.WithMaxTokens(321),
		llms.WithToolChoice(llms.ToolChoice{Type: "function", Function: &llms.FunctionReference{Name: "g"}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"f", "g"}, heard.Tools); diff != "" || heard.MaxTokens != 321 || !strings.Contains(heard.Choice, `"g"`) || heard.Model != "model-1" {
		t.Errorf("heard %+v %s", heard, diff)
	}
	for _, word := range []string{"auto", "none", "required"} {
		if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}, llms.WithTools([]llms.Tool{toolNamed("f")}), llms.WithToolChoice(word)); err != nil || heard.Choice == "" {
			t.Errorf("%s: %v, heard %+v", word, err, heard)
		}
	}
}

func (s suite) stopReasons(t *testing.T) {
	t.Helper()
	for _, stop := range []string{"stop", "length"} {
		s.ways(t, Said{Text: "Hello", Stop: stop, Input: 1, Output: 2}, func(t *testing.T, c *llms.ContentChoice, _ []string) {
			t.Helper()
			if c.StopReason != stop {
				t.Errorf("stopped because of %q, want %q", c.StopReason, stop)
			}
		})
	}
}
