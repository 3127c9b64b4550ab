package llmtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Said is what a server of a test lets its model say.
type Said struct {
	Text  string
	Calls []Call
	Stop  string // "stop", "tool_calls" or "length"
	// Input, Output and Cached are tokens; Cached are part of Input.
	Input, Output, Cached int
}

// Heard is what a server understood of a request.
type Heard struct {
	Model     string
	Stream    bool
	System    string
	Messages  []string // "role: text", "role: call NAME ARGS", "role: result TEXT", in order
	Tools     []string
	Choice    string
	MaxTokens int
	Problem   string // what the real server would refuse the request for
}

// Dialect is a wire format as its servers speak it, written down apart from
// the code that is tested.
type Dialect struct {
	Name      string
	KeyHeader string
	Whole     func(Said) string
	Stream    func(Said) []string // events; parallel calls come interleaved
	Failure   func(status int, kind, message string) string
	Broken    func(kind, message string) []string // a stream that ends in an error
	Hear      func(path, body string) Heard
}

// Dialects are the three formats, by the provider's name.
func Dialects() map[string]Dialect {
	return map[string]Dialect{"openai": openAI(), "anthropic": anthropic(), "google": google()}
}

func js(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

type object = map[string]any

// sorted gives the keys of a JSON text their order, so that texts compare.
func sorted(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return js(v)
}

// halves cuts a text in two, so that a stream has something to put together.
func halves(s string) [2]string { return [2]string{s[:len(s)/2], s[len(s)/2:]} }

// pieces cuts a text into a few.
func pieces(s string) []string {
	h := halves(s)
	var out []string
	for _, p := range h {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

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
			Content []struct {
				Type, Text, ID, Name string
				Content              string
				UseID                string `json:"tool_use_id"`
				Input                json.RawMessage
			}
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
		results := 0
		for _, b := range m.Content {
			switch b.Type {
			case "text":
				if strings.TrimSpace(b.Text) == "" {
					h.Problem = fmt.Sprintf("messages[%d]: text content blocks must contain non-whitespace text", i)
				}
				h.Messages = append(h.Messages, m.Role+": "+b.Text)
			case "tool_use":
				var input object
				if open[b.ID] || b.ID == "" || json.Unmarshal(b.Input, &input) != nil || strings.ContainsAny(b.ID, ". ~") {
					h.Problem = fmt.Sprintf("messages[%d]: bad tool_use %+v", i, b)
				}
				open[b.ID] = true
				h.Messages = append(h.Messages, fmt.Sprintf("%s: call %s %s", m.Role, b.Name, b.Input))
			case "tool_result":
				if !open[b.UseID] {
					h.Problem = fmt.Sprintf("messages[%d]: unexpected tool_use_id", i)
				}
				delete(open, b.UseID)
				results++
				h.Messages = append(h.Messages, m.Role+": result "+sorted(b.Content))
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

func google() Dialect {
	usage := func(s Said) object {
		return object{"promptTokenCount": s.Input, "candidatesTokenCount": s.Output - 1, "thoughtsTokenCount": 1, "cachedContentTokenCount": s.Cached, "totalTokenCount": s.Input + s.Output}
	}
	answer := func(parts []object, finish any, s Said) string {
		c := object{"content": object{"role": "model", "parts": parts}, "index": 0}
		if finish != nil {
			c["finishReason"] = finish
		}
		out := object{"candidates": []object{c}, "modelVersion": "model-1-0613", "responseId": "resp-1"}
		if s.Output > 0 {
			out["usageMetadata"] = usage(s)
		}
		return js(out)
	}
	stop := func(s Said) string { // Google says STOP for calls as well
		return map[string]string{"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}[s.Stop]
	}
	part := func(i int, c Call) object {
		p := object{"functionCall": object{"id": c.ID, "name": c.Tool, "args": json.RawMessage(c.Args)}}
		if i == 0 {
			p["thoughtSignature"] = "c2lnbmF0dXJl"
		}
		return p
	}
	return Dialect{
		Name: "google", KeyHeader: "X-Goog-Api-Key",
		Whole: func(s Said) string {
			var parts []object
			if s.Text != "" {
				parts = append(parts, object{"text": s.Text})
			}
			for i, c := range s.Calls {
				parts = append(parts, part(i, c))
			}
			return answer(parts, stop(s), s)
		},
		Stream: func(s Said) []string {
			var out []string
			for _, p := range pieces(s.Text) {
				out = append(out, "data: "+answer([]object{{"text": p}}, nil, Said{})+"\r\n\r\n")
			}
			for i, c := range s.Calls {
				out = append(out, "data: "+answer([]object{part(i, c)}, nil, Said{})+"\r\n\r\n")
			}
			return append(out, "data: "+answer([]object{}, stop(s), s)+"\r\n\r\n")
		},
		Failure: func(status int, kind, message string) string {
			return js(object{"error": object{"code": status, "message": message, "status": strings.ToUpper(kind)}})
		},
		Broken: func(kind, message string) []string {
			return []string{
				"data: " + answer([]object{{"text": "Hel"}}, nil, Said{}) + "\r\n\r\n",
				"data: " + js(object{"error": object{"code": 503, "message": message, "status": strings.ToUpper(kind)}}) + "\r\n\r\n",
			}
		},
		Hear: hearGoogle,
	}
}

func hearGoogle(path, body string) Heard {
	var q struct {
		System struct {
			Parts []struct{ Text string }
		} `json:"systemInstruction"`
		Contents []struct {
			Role  string
			Parts []struct {
				Text      string
				Signature string `json:"thoughtSignature"`
				Call      *struct {
					ID, Name string
					Args     json.RawMessage
				} `json:"functionCall"`
				Response *struct {
					ID, Name string
					Response object
				} `json:"functionResponse"`
			}
		}
		Tools []struct {
			Functions []struct{ Name string } `json:"functionDeclarations"`
		}
		Config   object                        `json:"toolConfig"`
		Generate struct{ MaxOutputTokens int } `json:"generationConfig"`
	}
	if err := json.Unmarshal([]byte(body), &q); err != nil {
		return Heard{Problem: err.Error()}
	}
	model, method, _ := strings.Cut(strings.TrimPrefix(path, "/v1/models/"), ":")
	h := Heard{Model: model, Stream: method == "streamGenerateContent?alt=sse", MaxTokens: q.Generate.MaxOutputTokens}
	if !h.Stream && method != "generateContent" {
		h.Problem = "no such method: " + path
	}
	if q.Config != nil {
		h.Choice = js(q.Config)
	}
	for _, p := range q.System.Parts {
		h.System += p.Text
	}
	for _, t := range q.Tools {
		for _, f := range t.Functions {
			h.Tools = append(h.Tools, f.Name)
		}
	}
	waiting := 0
	for i, c := range q.Contents {
		role := map[string]string{"user": "user", "model": "assistant"}[c.Role]
		if role == "" || len(c.Parts) == 0 || i > 0 && q.Contents[i-1].Role == c.Role {
			h.Problem = fmt.Sprintf("contents[%d]: bad role %q or no parts", i, c.Role)
		}
		calls, results := 0, 0
		for _, p := range c.Parts {
			switch {
			case p.Call != nil:
				if calls == 0 && p.Signature == "" {
					h.Problem = fmt.Sprintf("contents[%d]: Function call is missing a thought_signature", i)
				}
				calls++
				h.Messages = append(h.Messages, fmt.Sprintf("%s: call %s %s", role, p.Call.Name, p.Call.Args))
			case p.Response != nil:
				results++
				text := js(p.Response.Response)
				if only, ok := p.Response.Response["result"].(string); ok && len(p.Response.Response) == 1 {
					text = only
				}
				h.Messages = append(h.Messages, role+": result "+text)
			case p.Text == "":
				h.Problem = fmt.Sprintf("contents[%d]: empty part", i)
			default:
				h.Messages = append(h.Messages, role+": "+p.Text)
			}
		}
		if results != waiting && c.Role == "user" {
			h.Problem = fmt.Sprintf("contents[%d]: %d function responses for %d calls", i, results, waiting)
		}
		waiting = calls
	}
	if waiting > 0 {
		h.Problem = "function calls without responses at the end"
	}
	return h
}
