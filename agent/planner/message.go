package planner

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// conversation is what the messages amount to: what was said and done before,
// what is said now, and what has come back since.
type conversation struct {
	history []exchange
	text    string
	rounds  []round // of the current turn, oldest first
	rewrite bool    // the answer was sent back for numbers without a source
}

// exchange is an earlier turn.
type exchange struct {
	text    string
	rounds  []round
	reply   string // the last words of the assistant in that turn
	rewrite bool
}

// round is one batch of tool calls with what came back.
type round struct {
	reply string
	calls []call
}

// call is a tool call from the messages with its result, if any.
type call struct {
	id, tool string
	args     map[string]any
	result   *result
}

// result is a tool message: the JSON of tools.Result, or of an error.
type result struct {
	Tool    string          `json:"tool"`
	Summary string          `json:"summary"`
	Run     string          `json:"run"`
	Query   string          `json:"query"`
	Value   json.RawMessage `json:"value"`
	State   string          `json:"state"`
	Error   json.RawMessage `json:"error"`
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Hint    string          `json:"hint"`
	plain   string          // the content when it is not JSON
}

// rewriteNote begins the message by which the assistant sends an answer back
// because a number of it stands in no tool result.
const rewriteNote = "These numbers of your answer stand in no tool result"

// readMessages sorts messages into turns. System messages are not read: the
// planner takes no instructions.
func readMessages(messages []llms.MessageContent) conversation {
	var turns []exchange
	for _, m := range messages {
		switch m.Role {
		case llms.ChatMessageTypeHuman, llms.ChatMessageTypeGeneric:
			if n := len(turns); n > 0 && strings.HasPrefix(textOf(m), rewriteNote) {
				turns[n-1].rewrite = true
				continue
			}
			turns = append(turns, exchange{text: textOf(m)})
		case llms.ChatMessageTypeAI:
			if n := len(turns); n > 0 {
				turns[n-1].answered(m)
			}
		case llms.ChatMessageTypeTool, llms.ChatMessageTypeFunction:
			if n := len(turns); n > 0 {
				turns[n-1].observed(m)
			}
		case llms.ChatMessageTypeSystem:
		}
	}
	if len(turns) == 0 {
		return conversation{}
	}
	last := turns[len(turns)-1]
	return conversation{history: turns[:len(turns)-1], text: last.text, rounds: last.rounds, rewrite: last.rewrite}
}

// answered adds an assistant's message.
func (e *exchange) answered(m llms.MessageContent) {
	r := round{reply: textOf(m)}
	for _, p := range m.Parts {
		if tc, ok := p.(llms.ToolCall); ok && tc.FunctionCall != nil {
			r.calls = append(r.calls, call{id: tc.ID, tool: tc.FunctionCall.Name, args: decodeArgs(tc.FunctionCall.Arguments)})
		}
	}
	e.reply = r.reply
	if len(r.calls) > 0 {
		e.rounds = append(e.rounds, r)
	}
}

// observed attaches tool results to their calls: by id, the latest first, and
// where ids do not match, to the first call of that tool still open.
func (e *exchange) observed(m llms.MessageContent) {
	for _, p := range m.Parts {
		resp, ok := p.(llms.ToolCallResponse)
		if !ok {
			continue
		}
		if c := e.open(resp); c != nil {
			c.result = readResult(resp.Content)
		}
	}
}

func (e *exchange) open(resp llms.ToolCallResponse) *call {
	var byTool *call
	for _, v := range slices.Backward(e.rounds) {
		for j := range v.calls {
			c := &v.calls[j]
			if c.result != nil {
				continue
			}
			if c.id == resp.ToolCallID {
				return c
			}
			if byTool == nil && c.tool == resp.Name {
				byTool = c
			}
		}
	}
	return byTool
}

// readResult decodes a tool message; anything that is not JSON is kept as
// plain text.
func readResult(content string) *result {
	r := &result{}
	if err := json.Unmarshal([]byte(content), r); err != nil {
		return &result{plain: content}
	}
	return r
}

// failure returns the error text of a failed call, or "".
func (r *result) failure() string {
	text := ""
	switch {
	case len(r.Error) > 0 && string(r.Error) != "null" && string(r.Error) != `""`:
		text = errorText(r.Error)
	case r.Code != "":
		text = joinHint(r.Message, r.Hint)
	case r.plain != "":
		text = r.plain
	case r.State == "failed" || r.State == "rejected" || r.State == "skipped":
		text = r.Summary
	}
	return strings.TrimSpace(text)
}

// errorText reads an error that is a string or a tools.Error.
func errorText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var e struct{ Message, Hint string }
	if json.Unmarshal(raw, &e) == nil && e.Message != "" {
		return joinHint(e.Message, e.Hint)
	}
	return string(raw)
}

func joinHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return strings.TrimRight(message, ".") + ". " + hint
}

func decodeArgs(s string) map[string]any {
	var args map[string]any
	if json.Unmarshal([]byte(s), &args) != nil {
		return map[string]any{}
	}
	return args
}

func textOf(m llms.MessageContent) string {
	var parts []string
	for _, p := range m.Parts {
		if t, ok := p.(llms.TextContent); ok {
			parts = append(parts, t.Text)
		}
	}
	return strings.Join(parts, "\n")
}
