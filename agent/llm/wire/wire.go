// Package wire knows the three wire formats that language models speak:
// OpenAI's chat completions, Anthropic's messages and Google's
// generateContent. It turns a conversation into the bytes of a request and the
// bytes of an answer, whole or streamed, into one kind of Answer, mending on
// the way what servers get wrong. It opens no connection and knows no key:
// package llm does that.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/engine/plainjson"
)

// MaxAnswer is the most bytes of text, reasoning and tool arguments that an
// answer may have together. No use of a model here needs a tenth of it.
const MaxAnswer = 1 << 20

// The errors of reading an answer.
var (
	// ErrTooLong says that an answer is longer than MaxAnswer.
	ErrTooLong = errors.New("the answer does not end")
	// ErrCut says that a stream ended before the answer did.
	ErrCut = errors.New("the stream ended in the middle of the answer")
	// ErrEmpty says that an answer holds neither text nor a call.
	ErrEmpty = errors.New("the answer is empty")
)

// ServerError is what a server says went wrong, in an answer that looked well
// from the outside: within a stream, or with the status 200.
type ServerError struct {
	Type    string // "overloaded_error", "rate_limit_error", …; may be empty
	Status  int    // as the server puts it; may be 0
	Message string
}

// Error gives the server's words.
func (e *ServerError) Error() string { return e.Message }

// The reasons for which a model stops, in one vocabulary for all servers. One
// that is none of these is passed on as the server has it.
const (
	StopEnd      = "stop"
	StopCalls    = "tool_calls"
	StopLength   = "length"
	StopFiltered = "content_filter"
)

// Request is what is asked of a model. Messages are in the form that
// Normalise gives.
type Request struct {
	Model       string
	Messages    []llms.MessageContent
	Tools       []llms.Tool
	Choice      any // "auto", "none", "required", or an llms.ToolChoice; nil leaves it to the server
	MaxTokens   int // 0 leaves it to the server, or to the format's own default where one is demanded
	Temperature float64
	TopP        float64
	Stop        []string
	Seed        int
	JSON        bool // the answer shall be JSON
	Stream      bool
}

// Usage is what an answer cost in tokens. Input includes what was read from
// and written to a cache, Output includes Reasoning.
type Usage struct {
	Known                                             bool // whether the server said
	Input, Output, CacheRead, CacheWritten, Reasoning int
}

// Answer is what a model said. Every call has an id that is its own, and
// arguments that are a JSON object unless the model wrote something that
// cannot be read as one.
type Answer struct {
	ID, Model       string
	Text, Reasoning string
	Calls           []llms.ToolCall
	Stop            string
	Usage           Usage
	// Signatures are Google's marks on its own calls, by call id; they must be
	// shown again with the calls.
	Signatures map[string]string
}

// Delta is what one event of a stream adds to what a person sees.
type Delta struct{ Text, Reasoning string }

func (d Delta) and(more Delta) Delta {
	return Delta{Text: d.Text + more.Text, Reasoning: d.Reasoning + more.Reasoning}
}

// Format is one of the wire formats.
type Format interface {
	// Path is where below the base address the request goes.
	Path(model string, stream bool) string
	// Encode makes a request's body.
	Encode(r Request) ([]byte, error)
	// Decode reads a whole answer.
	Decode(body []byte) (Answer, error)
	// Stream begins reading a streamed one.
	Stream() Decoder
}

// Decoder reads a streamed answer event by event.
type Decoder interface {
	// Event takes the next event. Done says that the answer is complete.
	Event(e Event) (d Delta, done bool, err error)
	// Answer is what came together; ErrCut if the end never came.
	Answer() (Answer, error)
}

// functions are the tools that are functions, each with its parameters.
func (r Request) functions() []llms.FunctionDefinition {
	var out []llms.FunctionDefinition
	for _, t := range r.Tools {
		if t.Function == nil || t.Function.Name == "" {
			continue
		}
		f := *t.Function
		if f.Parameters == nil {
			f.Parameters = map[string]any{"type": "object", "properties": map[string]any{}}
		}
		out = append(out, f)
	}
	return out
}

// apart keeps what the system says from what is said by turns.
func (r Request) apart() (system []string, turns []llms.MessageContent) {
	for _, m := range r.Messages {
		if m.Role == llms.ChatMessageTypeSystem {
			system = append(system, textOf(m))
		} else {
			turns = append(turns, m)
		}
	}
	return system, turns
}

// choiceOf reads a tool choice: a word, or the name of one tool.
func choiceOf(v any) (word, tool string, err error) {
	switch c := v.(type) {
	case nil:
		return "", "", nil
	case string:
		switch c {
		case "", "auto", "none", "required":
			return c, "", nil
		}
		return "", c, nil
	case llms.ToolChoice:
		if c.Function != nil {
			return "", c.Function.Name, nil
		}
		return c.Type, "", nil
	case *llms.ToolChoice:
		if c != nil {
			return choiceOf(*c)
		}
		return "", "", nil
	}
	return "", "", fmt.Errorf("a tool choice of type %T is not understood", v)
}

// finish checks an answer and gives it the form that its doc comment promises.
func (a Answer) finish() (Answer, error) {
	size := len(a.Text) + len(a.Reasoning)
	seen := make(map[string]bool, len(a.Calls))
	for i := range a.Calls {
		c := &a.Calls[i]
		size += len(c.FunctionCall.Arguments)
		if c.ID == "" || seen[c.ID] {
			c.ID = fmt.Sprintf("call_%d", i+1)
			for n := 2; seen[c.ID]; n++ {
				c.ID = fmt.Sprintf("call_%d_%d", i+1, n)
			}
		}
		seen[c.ID] = true
		c.Type = "function"
		c.FunctionCall.Arguments = mendArguments(c.FunctionCall.Arguments)
	}
	if size > MaxAnswer {
		return Answer{}, fmt.Errorf("%w: more than %d MiB", ErrTooLong, MaxAnswer>>20)
	}
	if len(a.Calls) > 0 && (a.Stop == "" || a.Stop == StopEnd) {
		a.Stop = StopCalls
	}
	if a.Text == "" && len(a.Calls) == 0 && a.Stop != StopLength && a.Stop != StopFiltered {
		return Answer{}, ErrEmpty
	}
	return a, nil
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

// object is a call's arguments as an object, which some formats demand; what
// is none becomes an empty one.
func object(arguments string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(arguments), &fields) != nil || fields == nil {
		return json.RawMessage("{}")
	}
	return json.RawMessage(arguments)
}

// textOf joins the texts of a message.
func textOf(m llms.MessageContent) string {
	var words []string
	for _, p := range m.Parts {
		if t, ok := p.(llms.TextContent); ok && t.Text != "" {
			words = append(words, t.Text)
		}
	}
	return strings.Join(words, "\n")
}

// callsOf lists the calls of a message.
func callsOf(m llms.MessageContent) []llms.ToolCall {
	var calls []llms.ToolCall
	for _, p := range m.Parts {
		if c, ok := p.(llms.ToolCall); ok && c.FunctionCall != nil {
			calls = append(calls, c)
		}
	}
	return calls
}

// resultsOf lists the tool results of a message.
func resultsOf(m llms.MessageContent) []llms.ToolCallResponse {
	var results []llms.ToolCallResponse
	for _, p := range m.Parts {
		if r, ok := p.(llms.ToolCallResponse); ok {
			results = append(results, r)
		}
	}
	return results
}

// encode writes JSON without escaping what HTML would mind.
func encode(v any) ([]byte, error) {
	raw, err := plainjson.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return raw, nil
}
