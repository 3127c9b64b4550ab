package wire

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// OpenAI is the chat completions format, which most servers speak. The limit
// on tokens goes under the name that all of them know; ModernLimit uses the
// one that OpenAI's own newer models insist on.
type OpenAI struct{ ModernLimit bool }

var _ Format = OpenAI{}

// Path is the same for all models.
func (OpenAI) Path(string, bool) string { return "/chat/completions" }

type openAIRequest struct {
	Model         string          `json:"model"`
	Messages      []openAIMessage `json:"messages"`
	Tools         []openAITool    `json:"tools,omitempty"`
	Choice        any             `json:"tool_choice,omitempty"`
	Temperature   *float64        `json:"temperature,omitempty"`
	TopP          float64         `json:"top_p,omitempty"`
	MaxTokens     int             `json:"max_tokens,omitempty"`
	MaxCompletion int             `json:"max_completion_tokens,omitempty"`
	Stop          []string        `json:"stop,omitempty"`
	Seed          int             `json:"seed,omitempty"`
	Format        map[string]any  `json:"response_format,omitempty"`
	Stream        bool            `json:"stream,omitempty"`
	StreamOptions map[string]any  `json:"stream_options,omitempty"`
}

type openAIMessage struct {
	Role    string       `json:"role"`
	Content *string      `json:"content"`
	Calls   []openAICall `json:"tool_calls,omitempty"`
	CallID  string       `json:"tool_call_id,omitempty"`
}

type openAITool struct {
	Type     string                  `json:"type"`
	Function llms.FunctionDefinition `json:"function"`
}

type openAICall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// reasoning matches OpenAI's models that take no temperature but their own.
const reasoning = `^(?:.*/)?(?:o\d|gpt-[5-9])`

// Encode makes the body of a chat completion request.
func (f OpenAI) Encode(r Request) ([]byte, error) {
	q := openAIRequest{Model: r.Model, TopP: r.TopP, Stop: r.Stop, Seed: r.Seed, Stream: r.Stream}
	if ok, err := regexp.MatchString(reasoning, r.Model); err == nil && !ok {
		q.Temperature = &r.Temperature
	}
	q.MaxTokens = r.MaxTokens
	if f.ModernLimit {
		q.MaxTokens, q.MaxCompletion = 0, r.MaxTokens
	}
	if r.JSON {
		q.Format = map[string]any{"type": "json_object"}
	}
	if r.Stream {
		q.StreamOptions = map[string]any{"include_usage": true}
	}
	for _, fn := range r.functions() {
		q.Tools = append(q.Tools, openAITool{Type: "function", Function: fn})
	}
	word, tool, err := choiceOf(r.Choice)
	switch {
	case err != nil:
		return nil, err
	case tool != "":
		q.Choice = map[string]any{"type": "function", "function": map[string]any{"name": tool}}
	case word != "" && len(q.Tools) > 0:
		q.Choice = word
	}
	for _, m := range r.Messages {
		q.Messages = append(q.Messages, openAIMessages(m)...)
	}
	return encode(q)
}

func openAIMessages(m llms.MessageContent) []openAIMessage {
	text := textOf(m)
	switch m.Role {
	case llms.ChatMessageTypeSystem:
		return []openAIMessage{{Role: "system", Content: &text}}
	case llms.ChatMessageTypeTool:
		var out []openAIMessage
		for _, r := range resultsOf(m) {
			out = append(out, openAIMessage{Role: "tool", Content: &r.Content, CallID: r.ToolCallID})
		}
		return out
	case llms.ChatMessageTypeAI:
		said := openAIMessage{Role: "assistant", Content: &text}
		for _, c := range callsOf(m) {
			call := openAICall{ID: c.ID, Type: "function"}
			call.Function.Name, call.Function.Arguments = c.FunctionCall.Name, c.FunctionCall.Arguments
			said.Calls = append(said.Calls, call)
		}
		if text == "" && len(said.Calls) > 0 {
			said.Content = nil
		}
		return []openAIMessage{said}
	default:
		return []openAIMessage{{Role: "user", Content: &text}}
	}
}

// openAIAnswer reads whole answers and the chunks of a stream: the words are
// under message in the one and under delta in the other.
type openAIAnswer struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Choices []openAIChoice  `json:"choices"`
	Usage   *openAIUsage    `json:"usage"`
	Error   json.RawMessage `json:"error"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

type openAIChoice struct {
	Message openAISaid `json:"message"`
	Delta   openAISaid `json:"delta"`
	Finish  string     `json:"finish_reason"`
}

type openAISaid struct {
	Content   json.RawMessage `json:"content"`
	Reasoning string          `json:"reasoning_content"`
	Thoughts  string          `json:"reasoning"`
	Refusal   string          `json:"refusal"`
	Calls     []openAIPiece   `json:"tool_calls"`
}

// openAIPiece is a call, or a part of one in a stream.
type openAIPiece struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

type openAIUsage struct {
	Input        int `json:"prompt_tokens"`
	Output       int `json:"completion_tokens"`
	InputDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	OutputDetails struct {
		Thought int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u *openAIUsage) usage() Usage {
	if u == nil || u.Input == 0 && u.Output == 0 {
		return Usage{}
	}
	return Usage{Known: true, Input: u.Input, Output: u.Output, CacheRead: u.InputDetails.Cached, Reasoning: u.OutputDetails.Thought}
}

// Decode reads a chat completion. Several choices are taken as one answer,
// because some servers put text and calls into choices of their own.
func (OpenAI) Decode(body []byte) (Answer, error) {
	var whole openAIAnswer
	if err := json.Unmarshal(body, &whole); err != nil {
		return Answer{}, err
	}
	if err := whole.failure(body); err != nil {
		return Answer{}, err
	}
	if len(whole.Choices) == 0 {
		return Answer{}, errors.New("the answer has no choices")
	}
	a := Answer{ID: whole.ID, Model: whole.Model, Usage: whole.Usage.usage()}
	for _, c := range whole.Choices {
		if a.Stop == "" {
			a.Stop = openAIStop(c.Finish)
		}
		var t thinking
		d := t.part(c.Message.text(), true)
		a.Text += d.Text
		a.Reasoning += c.Message.thoughts() + d.Reasoning
		for _, p := range c.Message.Calls {
			a.Calls = append(a.Calls, call(p.ID, p.Function.Name, p.arguments()))
		}
	}
	return a.finish()
}

// failure is the error that an answer with a good status may still be.
func (w *openAIAnswer) failure(body []byte) error {
	if len(w.Choices) > 0 || len(w.Error) == 0 && w.Message == "" && len(w.Detail) == 0 {
		return nil
	}
	return Complaint(body)
}

func openAIStop(reason string) string {
	switch reason {
	case "function_call", "tool_calls", "tool_use":
		return StopCalls
	case "stop", "eos", "end_turn":
		return StopEnd
	case "length", "max_tokens":
		return StopLength
	}
	return reason
}

// text reads content that is a text, or a list of parts with texts.
func (s openAISaid) text() string {
	var text string
	if json.Unmarshal(s.Content, &text) == nil {
		return text + s.Refusal
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(s.Content, &parts) != nil {
		return s.Refusal
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String() + s.Refusal
}

func (s openAISaid) thoughts() string {
	if s.Reasoning != "" {
		return s.Reasoning
	}
	return s.Thoughts
}

// arguments are the JSON text that the format promises, or that of the object
// that some servers send instead.
func (p openAIPiece) arguments() string {
	var text string
	if json.Unmarshal(p.Function.Arguments, &text) == nil {
		return text
	}
	return string(p.Function.Arguments)
}

// Stream begins reading a stream of chunks.
func (OpenAI) Stream() Decoder { return &openAIStream{at: map[int]int{}} }

type openAIStream struct {
	gathered
	think thinking
	at    map[int]int // a call's index in the stream → its place among the calls
	ended bool
}

// Event takes a chunk. Pieces of calls belong together by their index,
// whatever their order; servers that send none begin a call with each id.
func (s *openAIStream) Event(e Event) (Delta, bool, error) {
	if strings.TrimSpace(e.Data) == "[DONE]" {
		s.ended = true
		d := s.think.part("", true)
		return d, true, s.say(d)
	}
	var chunk openAIAnswer
	if err := json.Unmarshal([]byte(e.Data), &chunk); err != nil {
		return Delta{}, false, broken(err)
	}
	if err := chunk.failure([]byte(e.Data)); err != nil {
		return Delta{}, false, err
	}
	s.note(chunk.ID, chunk.Model, chunk.Usage.usage())
	var d Delta
	for _, c := range chunk.Choices {
		if text := c.Delta.text(); text != "" || c.Finish != "" {
			d = d.and(s.think.part(text, c.Finish != ""))
		}
		d.Reasoning += c.Delta.thoughts()
		for i := range c.Delta.Calls {
			s.piece(&c.Delta.Calls[i])
		}
		if c.Finish != "" {
			s.answer.Stop, s.ended = openAIStop(c.Finish), true
		}
	}
	return d, false, s.say(d) // the usage comes after the reason to stop
}

func (s *openAIStream) piece(p *openAIPiece) {
	c := s.last()
	switch {
	case p.Index != nil:
		c = s.indexed(*p.Index, p)
	case c == nil || p.ID != "" && p.ID != c.id:
		c = s.begin(p.ID, "")
	}
	if p.ID != "" {
		c.id = p.ID
	}
	if c.name == "" {
		c.name = p.Function.Name
	}
	if arguments := p.arguments(); arguments != "null" {
		s.argue(c, arguments)
	}
}

// indexed is the call with this index. Some servers call every call number 0;
// another id with another name then begins another call.
func (s *openAIStream) indexed(index int, p *openAIPiece) *gatheredCall {
	if at, ok := s.at[index]; ok {
		c := s.calls[at]
		if p.ID == "" || c.id == "" || p.ID == c.id || p.Function.Name == "" {
			return c
		}
	}
	s.at[index] = len(s.calls)
	return s.begin("", "")
}

// Answer is what the chunks amount to.
func (s *openAIStream) Answer() (Answer, error) { return s.done(s.ended) }
