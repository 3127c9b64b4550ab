package wire

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// Anthropic is the format of the Messages API.
type Anthropic struct{}

var _ Format = Anthropic{}

// anthropicMaxTokens is sent where nobody sets a limit, because the format
// demands one.
const anthropicMaxTokens = 8192

// AnthropicVersion is the version of the API that this speaks; it goes into
// the header anthropic-version.
const AnthropicVersion = "2023-06-01"

// Path is the same for all models.
func (Anthropic) Path(string, bool) string { return "/messages" }

type anthropicRequest struct {
	Model       string             `json:"model"`
	MaxTokens   int                `json:"max_tokens"`
	System      string             `json:"system,omitempty"`
	Messages    []anthropicMessage `json:"messages"`
	Tools       []anthropicTool    `json:"tools,omitempty"`
	Choice      map[string]any     `json:"tool_choice,omitempty"`
	Temperature float64            `json:"temperature"`
	TopP        float64            `json:"top_p,omitempty"`
	Stop        []string           `json:"stop_sequences,omitempty"`
	Stream      bool               `json:"stream,omitempty"`
}

type anthropicMessage struct {
	Role    string           `json:"role"`
	Content []anthropicBlock `json:"content"`
}

// anthropicBlock is a part of a message: text, tool_use, tool_result or
// thinking; only the fields of its type are set.
type anthropicBlock struct {
	Type     string          `json:"type"`
	Text     string          `json:"text,omitempty"`
	Thinking string          `json:"thinking,omitempty"`
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	UseID    string          `json:"tool_use_id,omitempty"`
	Content  string          `json:"content,omitempty"`
}

type anthropicTool struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Schema      any    `json:"input_schema"`
}

// Encode makes the body of a message request. Messages of one side that follow
// each other become one, as the API wants all results of a plan in one
// message.
func (Anthropic) Encode(r Request) ([]byte, error) {
	q := anthropicRequest{
		Model: r.Model, MaxTokens: r.MaxTokens, Temperature: min(r.Temperature, 1), TopP: r.TopP, Stop: r.Stop, Stream: r.Stream,
	}
	if q.MaxTokens <= 0 {
		q.MaxTokens = anthropicMaxTokens
	}
	system, turns := r.apart()
	for _, m := range turns {
		role, blocks := anthropicBlocks(m)
		if len(blocks) == 0 {
			continue
		}
		if n := len(q.Messages); n > 0 && q.Messages[n-1].Role == role {
			q.Messages[n-1].Content = append(q.Messages[n-1].Content, blocks...)
			continue
		}
		q.Messages = append(q.Messages, anthropicMessage{Role: role, Content: blocks})
	}
	if r.JSON {
		system = append(system, "Answer with one JSON value and nothing else.")
	}
	q.System = strings.Join(system, "\n\n")
	for _, fn := range r.functions() {
		q.Tools = append(q.Tools, anthropicTool{Name: fn.Name, Description: fn.Description, Schema: fn.Parameters})
	}
	word, tool, err := choiceOf(r.Choice)
	if err != nil {
		return nil, err
	}
	if len(q.Tools) > 0 {
		q.Choice = anthropicChoice(word, tool)
	}
	return encode(q)
}

func anthropicChoice(word, tool string) map[string]any {
	switch {
	case tool != "":
		return map[string]any{"type": "tool", "name": tool}
	case word == "required":
		return map[string]any{"type": "any"}
	case word != "":
		return map[string]any{"type": word}
	}
	return nil
}

func anthropicBlocks(m llms.MessageContent) (string, []anthropicBlock) {
	var blocks []anthropicBlock
	role := "user"
	if m.Role == llms.ChatMessageTypeAI {
		role = "assistant"
	}
	if text := textOf(m); strings.TrimSpace(text) != "" { // blank text is refused
		blocks = append(blocks, anthropicBlock{Type: "text", Text: text})
	}
	for _, c := range callsOf(m) {
		blocks = append(blocks, anthropicBlock{Type: "tool_use", ID: c.ID, Name: c.FunctionCall.Name, Input: object(c.FunctionCall.Arguments)})
	}
	for _, r := range resultsOf(m) {
		blocks = append(blocks, anthropicBlock{Type: "tool_result", UseID: r.ToolCallID, Content: r.Content})
	}
	return role, blocks
}

type anthropicAnswer struct {
	Type    string           `json:"type"`
	ID      string           `json:"id"`
	Model   string           `json:"model"`
	Content []anthropicBlock `json:"content"`
	Stop    string           `json:"stop_reason"`
	Usage   anthropicUsage   `json:"usage"`
}

// anthropicUsage counts what was read from and written to the cache apart from
// the input.
type anthropicUsage struct {
	Input   *int `json:"input_tokens"`
	Output  *int `json:"output_tokens"`
	Read    *int `json:"cache_read_input_tokens"`
	Written *int `json:"cache_creation_input_tokens"`
}

// over replaces what a later count says.
func (u *anthropicUsage) over(later anthropicUsage) {
	for _, f := range []struct{ into, from **int }{
		{&u.Input, &later.Input}, {&u.Output, &later.Output}, {&u.Read, &later.Read}, {&u.Written, &later.Written},
	} {
		if *f.from != nil {
			*f.into = *f.from
		}
	}
}

func (u anthropicUsage) usage() Usage {
	value := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	if u.Input == nil && u.Output == nil {
		return Usage{}
	}
	read, written := value(u.Read), value(u.Written)
	return Usage{Known: true, Input: value(u.Input) + read + written, Output: value(u.Output), CacheRead: read, CacheWritten: written}
}

// Decode reads a message: all its blocks are one answer.
func (Anthropic) Decode(body []byte) (Answer, error) {
	var whole anthropicAnswer
	if err := json.Unmarshal(body, &whole); err != nil {
		return Answer{}, err
	}
	if whole.Type != "message" {
		if e := Complaint(body); whole.Type == "error" || e.Message != "" {
			return Answer{}, e
		}
		return Answer{}, errors.New("the answer is no message")
	}
	a := Answer{ID: whole.ID, Model: whole.Model, Stop: anthropicStop(whole.Stop), Usage: whole.Usage.usage()}
	for _, b := range whole.Content {
		switch b.Type {
		case "text":
			a.Text += b.Text
		case "thinking":
			a.Reasoning += b.Thinking
		case "tool_use":
			a.Calls = append(a.Calls, call(b.ID, b.Name, string(b.Input)))
		}
	}
	return a.finish()
}

func anthropicStop(reason string) string {
	switch reason {
	case "end_turn", "stop_sequence", "pause_turn":
		return StopEnd
	case "tool_use":
		return StopCalls
	case "max_tokens", "model_context_window_exceeded":
		return StopLength
	case "refusal":
		return StopFiltered
	}
	return reason
}

// Stream begins reading a stream of events.
func (Anthropic) Stream() Decoder { return &anthropicStream{blocks: map[int]*gatheredCall{}} }

type anthropicStream struct {
	gathered
	blocks map[int]*gatheredCall // the calls among the blocks, by index
	usage  anthropicUsage
	ended  bool
}

type anthropicEvent struct {
	Type    string          `json:"type"`
	Index   int             `json:"index"`
	Message anthropicAnswer `json:"message"`
	Block   anthropicBlock  `json:"content_block"`
	Delta   struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Thinking string `json:"thinking"`
		Partial  string `json:"partial_json"`
		Stop     string `json:"stop_reason"`
	} `json:"delta"`
	Usage anthropicUsage `json:"usage"`
}

// Event takes an event. Those of types that are not known are passed over, as
// the API asks.
func (s *anthropicStream) Event(e Event) (Delta, bool, error) {
	var ev anthropicEvent
	if err := json.Unmarshal([]byte(e.Data), &ev); err != nil {
		return Delta{}, false, broken(err)
	}
	var d Delta
	switch ev.Type {
	case "error":
		return Delta{}, false, Complaint([]byte(e.Data))
	case "message_start":
		s.answer.ID, s.answer.Model = ev.Message.ID, ev.Message.Model
		s.usage.over(ev.Message.Usage)
	case "content_block_start":
		d = Delta{Text: ev.Block.Text, Reasoning: ev.Block.Thinking}
		if ev.Block.Type == "tool_use" {
			c := s.begin(ev.Block.ID, ev.Block.Name)
			s.blocks[ev.Index] = c
			if input := string(ev.Block.Input); input != "{}" && input != "null" {
				s.argue(c, input)
			}
		}
	case "content_block_delta":
		d = Delta{Text: ev.Delta.Text, Reasoning: ev.Delta.Thinking}
		if ev.Delta.Partial != "" {
			c, ok := s.blocks[ev.Index]
			if !ok {
				return Delta{}, false, errors.New("the stream has arguments for a call that it did not begin")
			}
			s.argue(c, ev.Delta.Partial)
		}
	case "message_delta":
		if ev.Delta.Stop != "" {
			s.answer.Stop = anthropicStop(ev.Delta.Stop)
		}
		s.usage.over(ev.Usage)
	case "message_stop":
		s.ended = true
	}
	return d, s.ended, s.say(d)
}

// Answer is what the events amount to.
func (s *anthropicStream) Answer() (Answer, error) {
	s.answer.Usage = s.usage.usage()
	return s.done(s.ended)
}
