package llmtest

import (
	"encoding/json"
	"fmt"
)

func openAI() Dialect {
	usage := func(s Said) object {
		return object{"prompt_tokens": s.Input, "completion_tokens": s.Output, "total_tokens": s.Input + s.Output, "prompt_tokens_details": object{"cached_tokens": s.Cached}}
	}
	chunk := func(delta object, finish any) string {
		return "data: " + js(object{"id": "resp-1", "object": "chat.completion.chunk", "model": "model-1-0613", "choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}}}) + "\n\n"
	}
	piece := func(i int, id, name, args string) object {
		c := object{"index": i, "type": "function", "function": object{"arguments": args}}
		if id != "" {
			c["id"] = id
			c["function"] = object{"name": name, "arguments": args}
		}
		return object{"tool_calls": []object{c}}
	}
	return Dialect{
		Name: "openai", KeyHeader: "Authorization",
		Whole: func(s Said) string {
			message := object{"role": "assistant", "content": s.Text}
			var calls []object
			for _, c := range s.Calls {
				calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Tool, "arguments": c.Args}})
			}
			if calls != nil {
				message["tool_calls"], message["content"] = calls, nil
				if s.Text != "" {
					message["content"] = s.Text
				}
			}
			return js(object{"id": "resp-1", "object": "chat.completion", "model": "model-1-0613", "choices": []object{{"index": 0, "message": message, "finish_reason": s.Stop}}, "usage": usage(s)})
		},
		Stream: func(s Said) []string {
			out := []string{": a comment\n\n", chunk(object{"role": "assistant", "content": ""}, nil)}
			for _, p := range pieces(s.Text) {
				out = append(out, chunk(object{"content": p}, nil))
			}
			for i, c := range s.Calls {
				out = append(out, chunk(piece(i, c.ID, c.Tool, ""), nil))
			}
			for half := range 2 {
				for i, c := range s.Calls {
					out = append(out, chunk(piece(i, "", "", halves(c.Args)[half]), nil))
				}
			}
			out = append(out, chunk(object{}, s.Stop), "data: "+js(object{"id": "resp-1", "model": "model-1-0613", "choices": []object{}, "usage": usage(s)})+"\n\n")
			return append(out, "data: [DONE]\n\n")
		},
		Failure: func(_ int, kind, message string) string {
			return js(object{"error": object{"message": message, "type": kind, "code": nil}})
		},
		Broken: func(kind, message string) []string {
			return []string{chunk(object{"content": "Hel"}, nil), "data: " + js(object{"error": object{"message": message, "type": kind}}) + "\n\n"}
		},
		Hear: hearOpenAI,
	}
}

func hearOpenAI(_, body string) Heard {
	var q struct {
		Model    string
		Stream   bool
		Max      int `json:"max_tokens"`
		MaxNewer int `json:"max_completion_tokens"`
		Choice   any `json:"tool_choice"`
		Messages []struct {
			Role    string
			Content *string
			CallID  string `json:"tool_call_id"`
			Calls   []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Tools []struct{ Function struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(body), &q); err != nil {
		return Heard{Problem: err.Error()}
	}
	h := Heard{Model: q.Model, Stream: q.Stream, MaxTokens: q.Max + q.MaxNewer}
	if q.Choice != nil {
		h.Choice = js(q.Choice)
	}
	for _, t := range q.Tools {
		h.Tools = append(h.Tools, t.Function.Name)
	}
	open, used := map[string]bool{}, map[string]bool{}
	for i, m := range q.Messages {
		switch {
		case m.Role == "system":
			h.System += *m.Content
			continue
		case m.Role == "tool" && !open[m.CallID]:
			h.Problem = fmt.Sprintf("messages[%d]: a result without its call", i)
		case m.Role != "tool" && len(open) > 0:
			h.Problem = fmt.Sprintf("messages[%d]: calls without results", i)
		case m.Content == nil && len(m.Calls) == 0:
			h.Problem = fmt.Sprintf("messages[%d]: no content", i)
		}
		if m.Role == "tool" {
			delete(open, m.CallID)
			h.Messages = append(h.Messages, "user: result "+sorted(*m.Content))
			continue
		}
		if m.Content != nil && *m.Content != "" {
			h.Messages = append(h.Messages, m.Role+": "+*m.Content)
		}
		for _, c := range m.Calls {
			if used[c.ID] || c.ID == "" || len(c.ID) > 40 || c.Type != "function" || !json.Valid([]byte(c.Function.Arguments)) {
				h.Problem = fmt.Sprintf("messages[%d]: bad call %+v", i, c)
			}
			open[c.ID], used[c.ID] = true, true
			h.Messages = append(h.Messages, fmt.Sprintf("%s: call %s %s", m.Role, c.Function.Name, c.Function.Arguments))
		}
	}
	if len(open) > 0 {
		h.Problem = "calls without results at the end"
	}
	return h
}
