package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// The keys under which GenerationInfo names what answered, beside langchaingo's
// own.
const (
	InfoModel      = "model"
	InfoResponseID = "response_id"
)

// model mends what langchaingo's client gets wrong on either side of a call.
type model struct {
	inner  llms.Model
	config Config
}

var _ llms.Model = (*model)(nil)

// Call answers one prompt without tools.
func (m *model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent asks the model. Answers are not streamed from the server,
// because langchaingo mixes up parallel tool calls in a stream; a streaming
// function gets the text once, when it is there.
func (m *model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var opts llms.CallOptions
	for _, o := range options {
		o(&opts)
	}
	stream := opts.StreamingFunc
	opts.StreamingFunc, opts.StreamingReasoningFunc = nil, nil
	var x exchange
	limited, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, &x), m.config.Timeout)
	defer cancel()
	resp, err := m.inner.GenerateContent(limited, normalise(messages), llms.WithOptions(opts))
	if err != nil {
		return nil, m.explain(ctx, err)
	}
	choice := merge(resp.Choices)
	choice.GenerationInfo[InfoModel], choice.GenerationInfo[InfoResponseID] = x.Model, x.ID
	if stream != nil && choice.Content != "" {
		if err := stream(ctx, []byte(choice.Content)); err != nil {
			return nil, fmt.Errorf("stream the answer: %w", err)
		}
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}, nil
}

// explain types an error that langchaingo made itself.
func (m *model) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return &Error{Kind: KindProtocol, Message: m.config.clean(fmt.Sprintf("%s: %v", redactURL(m.config.BaseURL), err))}
}

// merge makes one choice of all, and mends its calls.
func merge(choices []*llms.ContentChoice) *llms.ContentChoice {
	out := &llms.ContentChoice{GenerationInfo: map[string]any{}}
	for i, c := range choices {
		if c == nil {
			continue
		}
		if i == 0 {
			out.StopReason, out.ReasoningContent = c.StopReason, c.ReasoningContent
			maps.Copy(out.GenerationInfo, c.GenerationInfo) // later choices repeat the usage
		}
		out.Content += c.Content
		out.ToolCalls = append(out.ToolCalls, c.ToolCalls...)
	}
	seen := make(map[string]bool)
	for i := range out.ToolCalls {
		c := &out.ToolCalls[i]
		if c.ID == "" || seen[c.ID] {
			c.ID = fmt.Sprintf("call_%d", i+1)
		}
		seen[c.ID] = true
		if c.FunctionCall != nil {
			c.FunctionCall.Arguments = mendArguments(c.FunctionCall.Arguments)
		}
	}
	if len(out.ToolCalls) > 0 {
		out.FuncCall = out.ToolCalls[0].FunctionCall
	}
	return out
}

// mendArguments takes off what models wrap around tool arguments: code fences,
// a second layer of quotes, the empty object that some append. What is still
// not JSON then stays as it is, for the caller to send back.
func mendArguments(s string) string {
	s = strings.TrimSpace(s)
	if body, ok := strings.CutPrefix(s, "```"); ok {
		body = strings.TrimPrefix(body, "json")
		s = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(body), "```"))
	}
	var inner string
	if json.Unmarshal([]byte(s), &inner) == nil {
		s = strings.TrimSpace(inner)
	}
	if body, ok := strings.CutSuffix(s, "{}"); ok && json.Valid([]byte(body)) {
		s = body
	}
	if s == "" || s == "null" {
		return "{}"
	}
	return s
}

// unanswered is what a model hears of a call that nothing came of.
const unanswered = `{"state":"not_run","message":"not run: the turn ended before"}`

// normalise brings a conversation into the form that the API demands: every
// tool result a message of its own, every call answered right after the
// message that made it, and no id twice.
func normalise(messages []llms.MessageContent) []llms.MessageContent {
	out := make([]llms.MessageContent, 0, len(messages))
	used := make(map[string]bool)
	var open []llms.ToolCall           // calls of the last assistant message without a result
	renamed := make(map[string]string) // its ids, as they were, to what they are now
	closeOpen := func() {
		for _, c := range open {
			out = append(out, toolResult(llms.ToolCallResponse{ToolCallID: c.ID, Name: c.FunctionCall.Name, Content: unanswered}))
		}
		open = nil
	}
	for _, m := range messages {
		if m.Role == llms.ChatMessageTypeTool {
			for _, p := range m.Parts {
				if r, ok := p.(llms.ToolCallResponse); ok {
					if id, ok := renamed[r.ToolCallID]; ok {
						r.ToolCallID = id
					}
					if i := indexOf(open, r.ToolCallID); i >= 0 {
						open = append(open[:i:i], open[i+1:]...)
						out = append(out, toolResult(r))
					}
				}
			}
			continue
		}
		closeOpen()
		if m.Role == llms.ChatMessageTypeAI {
			m, open = uniqueCalls(m, used, renamed)
		}
		out = append(out, m)
	}
	closeOpen()
	return out
}

func toolResult(r llms.ToolCallResponse) llms.MessageContent {
	return llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{r}}
}

func indexOf(calls []llms.ToolCall, id string) int {
	for i, c := range calls {
		if c.ID == id {
			return i
		}
	}
	return -1
}

func uniqueCalls(m llms.MessageContent, used map[string]bool, renamed map[string]string) (llms.MessageContent, []llms.ToolCall) {
	clear(renamed)
	var calls []llms.ToolCall
	parts := make([]llms.ContentPart, 0, len(m.Parts))
	for _, p := range m.Parts {
		c, ok := p.(llms.ToolCall)
		if !ok {
			parts = append(parts, p)
			continue
		}
		if c.FunctionCall == nil {
			continue
		}
		id := c.ID
		for n := 2; id == "" || used[id]; n++ {
			id = fmt.Sprintf("%s_%d", c.ID, n)
		}
		used[id], renamed[c.ID] = true, id
		c.ID = id
		call := *c.FunctionCall
		if !json.Valid([]byte(call.Arguments)) {
			call.Arguments = "{}" // servers refuse a history with broken JSON
		}
		c.FunctionCall = &call
		calls = append(calls, c)
		parts = append(parts, c)
	}
	m.Parts = parts
	return m, calls
}
