package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

const secret = "sk-very-secret-0123456789"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// request is what a server gets to see, in the API's own words.
type request struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		ToolCallID string          `json:"tool_call_id"`
		ToolCalls  []struct {
			ID       string `json:"id"`
			Type     string `json:"type"`
			Function struct {
				Name      string `json:"name"`
				Arguments string `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
	} `json:"messages"`
	Tools []struct {
		Type     string `json:"type"`
		Function struct {
			Name       string         `json:"name"`
			Parameters map[string]any `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
}

// server speaks the chat completions API: it checks what every such server
// checks, keeps the request and gives the answer.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	last request
}

func serve(t *testing.T, status int, header http.Header, answer string) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/chat/completions" || r.Method != http.MethodPost {
			http.Error(w, "no such path", http.StatusNotFound)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = request{}
		if err := json.Unmarshal(body, &s.last); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if problem := s.last.problem(); problem != "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error"}}`, problem)
			return
		}
		maps.Copy(w.Header(), header)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

// problem is what OpenAI refuses: calls without an answer right behind them,
// answers without a call, and ids that are used twice.
func (r request) problem() string {
	open, used := map[string]bool{}, map[string]bool{}
	for i, m := range r.Messages {
		if m.Role == "tool" {
			if !open[m.ToolCallID] {
				return fmt.Sprintf("messages[%d]: tool result %q without its call", i, m.ToolCallID)
			}
			delete(open, m.ToolCallID)
			continue
		}
		if len(open) > 0 {
			return fmt.Sprintf("messages[%d]: tool calls without results", i)
		}
		for _, c := range m.ToolCalls {
			if used[c.ID] || c.ID == "" || c.Type != "function" || !json.Valid([]byte(c.Function.Arguments)) {
				return fmt.Sprintf("messages[%d]: bad tool call %+v", i, c)
			}
			open[c.ID], used[c.ID] = true, true
		}
	}
	if len(open) > 0 {
		return "tool calls without results at the end"
	}
	return ""
}

func connect(t *testing.T, s *server) llms.Model {
	t.Helper()
	m, err := llm.OpenAICompatible(llm.Config{BaseURL: s.URL + "/v1/", Model: "test-1", APIKey: secret, Client: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func human(text string) llms.MessageContent {
	return llms.TextParts(llms.ChatMessageTypeHuman, text)
}

func chat(message string) string {
	return `{"id":"resp-1","object":"chat.completion","created":1,"model":"test-1-0613","choices":[{"index":0,"message":` + message +
		`,"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":3}}}`
}

func TestAnswersAreMended(t *testing.T) {
	t.Parallel()
	type call struct{ ID, Name, Args string }
	for name, c := range map[string]struct {
		message string
		text    string
		calls   []call
	}{
		"text":             {`{"role":"assistant","content":"Hello."}`, "Hello.", nil},
		"text in parts":    {`{"role":"assistant","content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo."}]}`, "Hello.", nil},
		"null content":     {`{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}`, "", []call{{"a", "f", `{"x":1}`}}},
		"no calls as null": {`{"role":"assistant","content":"Hello.","tool_calls":null}`, "Hello.", nil},
		"two calls": {
			`{"role":"assistant","content":"Both.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}`,
			"Both.",
			[]call{{"a", "f", "{}"}, {"b", "g", "{}"}},
		},
		"missing ids":         {`{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}]}`, "", []call{{"call_1", "f", "{}"}, {"call_2", "f", "{}"}}},
		"the same id twice":   {`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"a","function":{"name":"g","arguments":"{}"}}]}`, "", []call{{"a", "f", "{}"}, {"call_2", "g", "{}"}}},
		"arguments as object": {`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":[1,"2"]}}}]}`, "", []call{{"a", "f", `{"x":[1,"2"]}`}}},
		"no arguments":        {`{"tool_calls":[{"id":"a","function":{"name":"f"}},{"id":"b","function":{"name":"f","arguments":""}},{"id":"c","function":{"name":"f","arguments":null}}]}`, "", []call{{"a", "f", "{}"}, {"b", "f", "{}"}, {"c", "f", "{}"}}},
		"arguments in a fence": {
			`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"` + "```json\\n{\\\"x\\\":1}\\n```" + `"}}]}`, "", []call{{"a", "f", `{"x":1}`}},
		},
		"arguments quoted twice":      {`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"\"{\\\"x\\\":1}\""}}]}`, "", []call{{"a", "f", `{"x":1}`}}},
		"an empty object too many":    {`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}{}"}}]}`, "", []call{{"a", "f", `{"x":1}`}}},
		"broken arguments stay as is": {`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}`, "", []call{{"a", "f", `{"x":`}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := connect(t, serve(t, http.StatusOK, nil, chat(c.message))).GenerateContent(t.Context(), []llms.MessageContent{human("hi")})
			if err != nil {
				t.Fatal(err)
			}
			if len(resp.Choices) != 1 || resp.Choices[0].Content != c.text {
				t.Errorf("text %q, want %q", resp.Choices[0].Content, c.text)
			}
			var got []call
			for _, tc := range resp.Choices[0].ToolCalls {
				got = append(got, call{tc.ID, tc.FunctionCall.Name, tc.FunctionCall.Arguments})
			}
			if diff := cmp.Diff(c.calls, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChoicesAreMerged(t *testing.T) {
	t.Parallel()
	answer := `{"choices":[{"message":{"content":"Now."}},{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}`
	resp, err := connect(t, serve(t, http.StatusOK, nil, answer)).GenerateContent(t.Context(), []llms.MessageContent{human("hi")})
	if err != nil {
		t.Fatal(err)
	}
	if c := resp.Choices; len(c) != 1 || c[0].Content != "Now." || len(c[0].ToolCalls) != 1 || c[0].FuncCall.Name != "f" {
		t.Errorf("choices %+v", c)
	}
}

func TestConversationsAreBroughtIntoForm(t *testing.T) {
	t.Parallel()
	s := serve(t, http.StatusOK, nil, chat(`{"content":"ok"}`))
	called := func(ids ...string) llms.MessageContent {
		m := llms.MessageContent{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{llms.TextPart("planning")}}
		for _, id := range ids {
			m.Parts = append(m.Parts, llms.ToolCall{ID: id, Type: "function", FunctionCall: &llms.FunctionCall{Name: "f", Arguments: `{"x":1}`}})
		}
		return m
	}
	result := func(id, text string) llms.ContentPart {
		return llms.ToolCallResponse{ToolCallID: id, Name: "f", Content: text}
	}
	broken := called("z")
	broken.Parts[1] = llms.ToolCall{ID: "z", Type: "function", FunctionCall: &llms.FunctionCall{Name: "f", Arguments: `{"x":`}}
	messages := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "be brief"),
		human("go"),
		called("1", "2"),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("1", "one"), result("2", "two")}}, // two in one message
		human("again"),
		called("1", "2"), // the ids of before, and the second without a result
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{result("1", "uno"), result("9", "nobody asked")}},
		broken,
		human("well?"),
	}
	if _, err := connect(t, s).GenerateContent(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range s.last.Messages {
		l := m.Role + " " + m.ToolCallID + " " + string(m.Content)
		for _, c := range m.ToolCalls {
			l += " " + c.ID + c.Function.Arguments
		}
		got = append(got, l)
	}
	want := []string{
		`system  "be brief"`, `user  "go"`,
		`assistant  "planning" 1{"x":1} 2{"x":1}`, `tool 1 "one"`, `tool 2 "two"`,
		`user  "again"`, `assistant  "planning" 1_2{"x":1} 2_2{"x":1}`, `tool 1_2 "uno"`,
		`tool 2_2 "{\"state\":\"not_run\",\"message\":\"not run: the turn ended before\"}"`,
		`assistant  "planning" z{}`, `tool z "{\"state\":\"not_run\",\"message\":\"not run: the turn ended before\"}"`, `user  "well?"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if messages[3].Parts[0] != result("1", "one") || len(messages[2].Parts) != 3 {
		t.Error("the caller's messages were changed")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header http.Header
		answer string
		kind   llm.Kind
		says   string
		hint   string
	}{
		"wrong key":       {401, nil, `{"error":{"message":"Incorrect API key provided: ` + secret + `."}}`, llm.KindUnauthorized, "Incorrect API key provided: ***", llm.EnvAPIKey},
		"forbidden":       {403, nil, `{}`, llm.KindUnauthorized, "403", llm.EnvAPIKey},
		"no such model":   {404, nil, `{"error":"model \"test-1\" not found, try pulling it first"}`, llm.KindNoModel, "try pulling it first", llm.EnvModel},
		"rate limit":      {429, http.Header{"Retry-After": {"17"}}, `{"error":{"message":"slow down"}}`, llm.KindRateLimited, "slow down", "17s"},
		"no quota":        {429, nil, `{"error":{"message":"You exceeded your current quota"}}`, llm.KindRateLimited, "quota", "quota"},
		"bad request":     {400, nil, `{"detail":"tools are not supported"}`, llm.KindRefused, "tools are not supported", "tools"},
		"server error":    {500, nil, `<html>oops` + secret + "\x1b[31m", llm.KindServer, "oops***", "later"},
		"overloaded":      {503, nil, ``, llm.KindOverloaded, "503", "later"},
		"web page":        {200, nil, `<!doctype html>`, llm.KindProtocol, "does not speak", "/v1"},
		"half a JSON":     {200, nil, `{"choices":[{"message":{"content":"He`, llm.KindProtocol, "does not speak", "/v1"},
		"no choices":      {200, nil, `{"choices":[]}`, llm.KindProtocol, "no choices", "/v1"},
		"error with 200":  {200, nil, `{"error":{"message":"model is loading"}}`, llm.KindProtocol, "model is loading", "/v1"},
		"calls are a map": {200, nil, `{"choices":[{"message":{"tool_calls":{"a":1}}}]}`, llm.KindProtocol, "tool_calls", "/v1"},
		"endless":         {200, nil, chat(`{"content":"` + strings.Repeat("x", 5<<20) + `"}`), llm.KindTooLarge, "more than 4 MiB", "stop"},
		"2 MB":            {200, nil, chat(`{"content":"` + strings.Repeat("x", 2_000_000) + `"}`), llm.KindTooLarge, "more than 1 MiB", "stop"},
		"redirected":      {307, http.Header{"Location": {"http://elsewhere.invalid/v1"}}, ``, llm.KindProtocol, "307", "/v1"},
		"long message":    {500, nil, strings.Repeat("y", 9999), llm.KindServer, "…", "later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, serve(t, c.status, c.header, c.answer)).GenerateContent(t.Context(), []llms.MessageContent{human("hi")})
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != c.kind {
				t.Fatalf("got %#v, want kind %s", err, c.kind)
			}
			if !strings.Contains(e.Error(), c.says) || !strings.Contains(e.Hint(), c.hint) {
				t.Errorf("error %q, hint %q", e, e.Hint())
			}
			if all := fmt.Sprintf("%v %+v %#v %s", err, e, e, e.Hint()); strings.Contains(all, secret) || strings.Contains(all, "\x1b") || len(e.Error()) > 500 {
				t.Errorf("the error tells too much: %s", all)
			}
			if name == "rate limit" && e.RetryAfter != 17*time.Second {
				t.Errorf("retry after %s", e.RetryAfter)
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	s := serve(t, 200, nil, "")
	s.Close()
	_, err := connect(t, s).GenerateContent(t.Context(), []llms.MessageContent{human("hi")})
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindUnreachable || !strings.Contains(e.Error(), "nothing listens") || !strings.Contains(e.Hint(), llm.EnvBaseURL) {
		t.Errorf("got %#v", err)
	}
}

func TestAServerThatHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := &server{Server: httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))}
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	m, err := llm.OpenAICompatible(llm.Config{BaseURL: s.URL + "/v1", Model: "slow", Timeout: 20 * time.Millisecond, Client: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	var e *llm.Error
	if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}); !errors.As(err, &e) || e.Kind != llm.KindTimeout {
		t.Errorf("got %#v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.GenerateContent(ctx, []llms.MessageContent{human("hi")}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config llm.Config
		says   string
	}{
		"no address":     {llm.Config{Model: "m"}, "no address"},
		"no model":       {llm.Config{BaseURL: "http://localhost/v1"}, "no language model"},
		"not an address": {llm.Config{BaseURL: "localhost:11434", Model: "m"}, "not the address"},
		"other protocol": {llm.Config{BaseURL: "ftp://x/v1", Model: "m"}, "not the address"},
		"bad key":        {llm.Config{BaseURL: "http://x/v1", Model: "m", APIKey: secret + "\nx"}, "line break"},
	} {
		_, err := llm.OpenAICompatible(c.config)
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindConfig || !strings.Contains(e.Error(), c.says) || e.Hint() == "" || strings.Contains(fmt.Sprintf("%#v", err), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	env := map[string]string{llm.EnvBaseURL: " http://user:pw@x/v1?k=" + secret + " ", llm.EnvAPIKey: secret}
	got, ok := llm.FromEnv(llm.Config{Model: "from-file"}, func(k string) string { return env[k] })
	if !ok || got.Model != "from-file" || got.APIKey != secret || !strings.HasPrefix(got.BaseURL, "http://user") {
		t.Errorf("from the environment: %s", got)
	}
	if all := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(all, secret) || strings.Contains(all, "pw@") {
		t.Errorf("the configuration prints its key: %s", all)
	}
	if _, ok := llm.FromEnv(llm.Config{}, func(string) string { return "" }); ok {
		t.Error("an empty environment names a model")
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, content := range []bool{false, true} {
		recorder := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
		s := serve(t, http.StatusOK, nil, chat(`{"content":"the patient is well","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}`))
		m := llm.Traced(connect(t, s), llm.TraceOptions{Tracer: tracer, Provider: "openai", Model: "test-1", Content: content})
		if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("how is the patient?")}); err != nil {
			t.Fatal(err)
		}
		failing := llm.Traced(llmtest.New(llmtest.Reply{Err: &llm.Error{Kind: llm.KindServer}}), llm.TraceOptions{Tracer: tracer, Provider: "openai", Model: "test-1"})
		if _, err := failing.GenerateContent(t.Context(), []llms.MessageContent{human("hi")}); err == nil {
			t.Fatal("want an error")
		}
		ended := recorder.Ended()
		attrs := map[string]string{}
		for _, kv := range ended[0].Attributes() {
			attrs[string(kv.Key)] = kv.Value.String()
		}
		for key, want := range map[string]string{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "test-1", "gen_ai.response.model": "test-1-0613",
			"gen_ai.response.id": "resp-1", "gen_ai.usage.input_tokens": "11", "gen_ai.usage.output_tokens": "7",
			"gen_ai.usage.cache_read.input_tokens": "3", "gen_ai.response.finish_reasons": `["tool_calls"]`, "langfuse.observation.type": "generation",
		} {
			if attrs[key] != want {
				t.Errorf("%s is %q, want %q", key, attrs[key], want)
			}
		}
		if ended[0].Name() != "chat test-1" {
			t.Errorf("span %q", ended[0].Name())
		}
		all := fmt.Sprint(attrs)
		if strings.Contains(all, "patient") != content || strings.Contains(all, secret) {
			t.Errorf("content %t: %s", content, all)
		}
		if ended[1].Status().Description != "server" {
			t.Errorf("failed call: %+v", ended[1].Status())
		}
	}
}

func TestScriptRunsOut(t *testing.T) {
	t.Parallel()
	m := llmtest.New(llmtest.Reply{Expect: "hello", Text: "hi"})
	if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hello")}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("hello")}); !errors.Is(err, llmtest.ErrExhausted) {
		t.Errorf("got %v", err)
	}
	m = llmtest.New(llmtest.Reply{Expect: "hello"})
	if _, err := m.GenerateContent(t.Context(), []llms.MessageContent{human("bye")}); !errors.Is(err, llmtest.ErrUnexpected) {
		t.Errorf("got %v", err)
	}
}
