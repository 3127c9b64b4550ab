package llmtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

func anthropic() Dialect {
	usage := func(s Said) object {
		return object{"input_tokens": s.Input - s.Cached, "cache_read_input_tokens": s.Cached, "cache_creation_input_tokens": 0, "output_tokens": s.Output}
	}
	stop := func(s Said) string {
		return map[string]string{"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}[s.Stop]
	}
	event := func(kind string, fields object) string {
		fields["type"] = kind
		return "event: " + kind + "\ndata: " + js(fields) + "\n\n"
	}
	begin := func(s Said) string {
		u := usage(s)
		u["output_tokens"] = 1
		return event("message_start", object{"message": object{"id": "resp-1", "type": "message", "role": "assistant", "model": "model-1-0613", "content": []any{}, "stop_reason": nil, "usage": u}})
	}
	return Dialect{
		Name: "anthropic", KeyHeader: "X-Api-Key",
		Whole: func(s Said) string {
			content := []object{}
			if s.Text != "" {
				content = append(content, object{"type": "text", "text": s.Text})
			}
			for _, c := range s.Calls {
				content = append(content, object{"type": "tool_use", "id": c.ID, "name": c.Tool, "input": json.RawMessage(c.Args)})
			}
			return js(object{"id": "resp-1", "type": "message", "role": "assistant", "model": "model-1-0613", "content": content, "stop_reason": stop(s), "usage": usage(s)})
		},
		Stream: func(s Said) []string {
			out := []string{begin(s), event("ping", object{})}
			at := 0
			if s.Text != "" {
				out = append(out, event("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}}))
				for _, p := range pieces(s.Text) {
					out = append(out, event("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": p}}))
				}
				out = append(out, event("content_block_stop", object{"index": 0}))
				at = 1
			}
			for i, c := range s.Calls {
				out = append(out, event("content_block_start", object{"index": at + i, "content_block": object{"type": "tool_use", "id": c.ID, "name": c.Tool, "input": object{}}}))
			}
			for half := range 2 {
				for i, c := range s.Calls {
					out = append(out, event("content_block_delta", object{"index": at + i, "delta": object{"type": "input_json_delta", "partial_json": halves(c.Args)[half]}}))
				}
			}
			for i := range s.Calls {
				out = append(out, event("content_block_stop", object{"index": at + i}))
			}
			out = append(out, event("something_new", object{"secret": 1}))
			return append(out, event("message_delta", object{"delta": object{"stop_reason": stop(s)}, "usage": object{"output_tokens": s.Output}}), event("message_stop", object{}))
		},
		Failure: func(_ int, kind, message string) string {
			return js(object{"type": "error", "error": object{"type": kind, "message": message}})
		},
		Broken: func(kind, message string) []string {
			return []string{
				begin(Said{}), event("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}}),
				event("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": "Hel"}}),
				event("error", object{"error": object{"type": kind, "message": message}}),
			}
		},
		Hear: hearAnthropic,
	}
}

func hearAnthropic(_, body string) Heard {
	var q struct {
		Model    string
		Stream   bool
		System   string
		Max      int    `json:"max_tokens"`
		Choice   object `json:"tool_choice"`
		Messages []struct {
			Role    string
			Content []anthropicBlock
		}
		Tools []struct {
			Name   string
			Schema object `json:"input_schema"`
		}
	}
	if err := json.Unmarshal([]byte(body), &q); err != nil {
		return Heard{Problem: err.Error()}
	}
	h := Heard{Model: q.Model, Stream: q.Stream, System: q.System, MaxTokens: q.Max}
	if q.Choice != nil {
		h.Choice = js(q.Choice)
	}
	if q.Max < 1 {
		h.Problem = "max_tokens: field required"
	}
	for _, t := range q.Tools {
		h.Tools = append(h.Tools, t.Name)
		if t.Schema["type"] != "object" {
			h.Problem = "tools: input_schema.type: field required"
		}
	}
	open := map[string]bool{}
	for i, m := range q.Messages {
		if i > 0 && q.Messages[i-1].Role == m.Role || i == 0 && m.Role != "user" || len(m.Content) == 0 {
			h.Problem = fmt.Sprintf("messages[%d]: roles must alternate and have content", i)
		}
		for _, b := range m.Content {
			if problem := h.hearBlock(m.Role, b, open); problem != "" {
				h.Problem = fmt.Sprintf("messages[%d]: %s", i, problem)
			}
		}
		if m.Role == "user" && len(open) > 0 {
			h.Problem = fmt.Sprintf("messages[%d]: tool_use ids were found without tool_result blocks immediately after", i)
		}
	}
	if len(open) > 0 {
		h.Problem = "tool_use without tool_result at the end"
	}
	return h
}

type anthropicBlock struct {
	Type, Text, ID, Name string
	Content              string
	UseID                string `json:"tool_use_id"`
	Input                json.RawMessage
}

// hearBlock takes a part of a message in; open are the calls without results.
func (h *Heard) hearBlock(role string, b anthropicBlock, open map[string]bool) (problem string) {
	switch b.Type {
	case "text":
		if strings.TrimSpace(b.Text) == "" {
			problem = "text content blocks must contain non-whitespace text"
		}
		h.Messages = append(h.Messages, role+": "+b.Text)
	case "tool_use":
		var input object
		if open[b.ID] || b.ID == "" || json.Unmarshal(b.Input, &input) != nil || strings.ContainsAny(b.ID, ". ~") {
			problem = fmt.Sprintf("bad tool_use %+v", b)
		}
		open[b.ID] = true
		h.Messages = append(h.Messages, fmt.Sprintf("%s: call %s %s", role, b.Name, b.Input))
	case "tool_result":
		if !open[b.UseID] {
			problem = "unexpected tool_use_id"
		}
		delete(open, b.UseID)
		h.Messages = append(h.Messages, role+": result "+sorted(b.Content))
	}
	return problem
}
