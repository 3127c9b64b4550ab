package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// unanswered is what a model hears of a call that nothing came of.
const unanswered = `{"state":"not_run","message":"not run: the turn ended before"}`

// Normalise brings a conversation into the form that the API demands: every
// tool result a message of its own, every call answered right after the
// message that made it, and no id twice.
func Normalise(messages []llms.MessageContent) []llms.MessageContent {
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
		id := plainID(c.ID)
		for n := 2; id == "" || used[id]; n++ {
			id = fmt.Sprintf("%s_%d", plainID(c.ID), n)
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

// maxID is how long an id may be for OpenAI; its letters are Anthropic's rule.
const maxID = 40

// plainID makes an id that every server accepts. Those of servers are left as
// they are.
func plainID(id string) string {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, id)
	if len(plain) > maxID-4 { // room for a number behind it
		sum := sha256.Sum256([]byte(id))
		plain = "call_" + hex.EncodeToString(sum[:8])
	}
	return plain
}
