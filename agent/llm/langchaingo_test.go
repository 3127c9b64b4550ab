package llm_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/minivess/minivess/agent/llm/llmtest"
)

// TestWhyTheWireFormatsAreOurs keeps ADR 12 true: langchaingo's own packages
// still do what made us write the formats ourselves. When this fails,
// langchaingo has mended something, and the decision may be looked at again.
func TestWhyTheWireFormatsAreOurs(t *testing.T) {
	t.Parallel()
	said := llmtest.Said{
		Text: "Both.", Calls: []llmtest.Call{{ID: "a", Tool: "f", Args: `{"x":1}`}, {ID: "b", Tool: "g", Args: `{"y":2}`}},
		Stop: "tool_calls", Input: 1, Output: 2,
	}
	history := []llms.MessageContent{
		human("go"),
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{
			llms.TextPart("planning"),
			llms.ToolCall{ID: "c1", Type: "function", FunctionCall: &llms.FunctionCall{Name: "f", Arguments: `{}`}},
		}},
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "c1", Name: "f", Content: "one"}}},
	}
	var streamed string
	listen := llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
		streamed += string(chunk)
		return nil
	})

	m, _ := langchaingos(t, "openai", said)
	resp, err := m.GenerateContent(t.Context(), history[:1], listen)
	if err != nil {
		t.Fatal(err)
	}
	if c := resp.Choices[0].ToolCalls; len(c) == 2 && c[0].FunctionCall.Arguments == `{"x":1}` && c[1].FunctionCall.Arguments == `{"y":2}` {
		t.Error("openai keeps parallel calls of a stream apart now")
	}
	if streamed == "Both." {
		t.Error("openai gives the text callback only text now")
	}

	m, heard := langchaingos(t, "anthropic", said)
	resp, err = m.GenerateContent(t.Context(), history)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Choices) == 1 {
		t.Error("anthropic puts an answer into one choice now")
	}
	if strings.Contains(strings.Join(heard.Messages, "\n"), "call f") {
		t.Error("anthropic sends the calls behind a text now")
	}
}

// langchaingos is langchaingo's own model at a server of a dialect, which
// answers whatever it is sent.
func langchaingos(t *testing.T, provider string, said llmtest.Said) (llms.Model, *llmtest.Heard) {
	t.Helper()
	d := llmtest.Dialects()[provider]
	heard := &llmtest.Heard{}
	server := llmtest.Serve(t, func(w http.ResponseWriter, r *http.Request, body string) {
		*heard = d.Hear(r.URL.RequestURI(), body)
		if heard.Stream {
			fmt.Fprint(w, strings.Join(d.Stream(said), ""))
			return
		}
		fmt.Fprint(w, d.Whole(said))
	})
	var m llms.Model
	var err error
	if provider == "openai" {
		m, err = openai.New(openai.WithToken("k"), openai.WithModel("m"), openai.WithBaseURL(server.URL+"/v1"), openai.WithHTTPClient(server.Client()))
	} else {
		m, err = anthropic.New(anthropic.WithToken("k"), anthropic.WithModel("m"), anthropic.WithBaseURL(server.URL+"/v1"), anthropic.WithHTTPClient(server.Client()))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, heard
}
