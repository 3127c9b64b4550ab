// Package llmtest has language models for tests: they say what a script says,
// tool calls included, remember what they were asked, and fail when the script
// runs out instead of beginning again.
package llmtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/tmc/langchaingo/llms"
)

// ErrExhausted is returned when a script has nothing more to say.
var ErrExhausted = errors.New("the script of the model ran out")

// ErrUnexpected is returned when the model hears something else than the
// script expected.
var ErrUnexpected = errors.New("the model expected to hear something else")

// Call is a tool call of a scripted answer. Args is JSON; an empty ID becomes
// the number of the call.
type Call struct{ ID, Tool, Args string }

// Reply is one scripted answer. Expect, if set, must occur in the last message
// that the model was sent.
type Reply struct {
	Expect string
	Text   string
	Calls  []Call
	Info   map[string]any
	Err    error
}

// Model follows a script. It is safe for concurrent use.
type Model struct {
	mu       sync.Mutex
	replies  []Reply
	requests [][]llms.MessageContent
}

var _ llms.Model = (*Model)(nil)

// New returns a model that gives these answers, one a call.
func New(replies ...Reply) *Model { return &Model{replies: replies} }

// GenerateContent gives the next answer.
func (m *Model) GenerateContent(ctx context.Context, messages []llms.MessageContent, _ ...llms.CallOption) (*llms.ContentResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, messages)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(m.replies) == 0 {
		return nil, fmt.Errorf("%w; it was asked: %q", ErrExhausted, Last(messages))
	}
	r := m.replies[0]
	m.replies = m.replies[1:]
	if heard := Last(messages); !strings.Contains(heard, r.Expect) {
		return nil, fmt.Errorf("%w: %q does not contain %q", ErrUnexpected, heard, r.Expect)
	}
	return r.Response()
}

// Call answers one prompt.
func (m *Model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// Left is how many answers were not asked for.
func (m *Model) Left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.replies)
}

// Requests are the conversations that the model was sent so far.
func (m *Model) Requests() [][]llms.MessageContent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([][]llms.MessageContent(nil), m.requests...)
}

// Response puts the answer into langchaingo's form.
func (r Reply) Response() (*llms.ContentResponse, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	c := &llms.ContentChoice{Content: r.Text, GenerationInfo: r.Info, StopReason: "stop"}
	for i, call := range r.Calls {
		id := call.ID
		if id == "" {
			id = strconv.Itoa(i + 1)
		}
		c.ToolCalls = append(c.ToolCalls, llms.ToolCall{
			ID: id, Type: "function", FunctionCall: &llms.FunctionCall{Name: call.Tool, Arguments: call.Args},
		})
		c.StopReason = "tool_calls"
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{c}}, nil
}

// Func is a model that decides its answer by the conversation alone, so that a
// restarted process goes on where another was.
type Func func(messages []llms.MessageContent) Reply

var _ llms.Model = Func(nil)

// GenerateContent answers.
func (f Func) GenerateContent(ctx context.Context, messages []llms.MessageContent, _ ...llms.CallOption) (*llms.ContentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f(messages).Response()
}

// Call answers one prompt.
func (f Func) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, f, prompt, options...)
}

// Last is the text, or the tool result, of the last message.
func Last(messages []llms.MessageContent) string {
	if len(messages) == 0 {
		return ""
	}
	var words []string
	for _, p := range messages[len(messages)-1].Parts {
		switch p := p.(type) {
		case llms.TextContent:
			words = append(words, p.Text)
		case llms.ToolCallResponse:
			words = append(words, p.Content)
		}
	}
	return strings.Join(words, "\n")
}
