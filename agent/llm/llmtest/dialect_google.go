package llmtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

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
			Parts []googlePart
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
			if problem := h.hearPart(role, p, &calls, &results); problem != "" {
				h.Problem = fmt.Sprintf("contents[%d]: %s", i, problem)
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

type googlePart struct {
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

// hearPart takes a part of a content in, and counts calls and results.
func (h *Heard) hearPart(role string, p googlePart, calls, results *int) (problem string) {
	switch {
	case p.Call != nil:
		if *calls == 0 && p.Signature == "" {
			problem = "Function call is missing a thought_signature"
		}
		*calls++
		h.Messages = append(h.Messages, fmt.Sprintf("%s: call %s %s", role, p.Call.Name, p.Call.Args))
	case p.Response != nil:
		*results++
		text := js(p.Response.Response)
		if only, ok := p.Response.Response["result"].(string); ok && len(p.Response.Response) == 1 {
			text = only
		}
		h.Messages = append(h.Messages, role+": result "+text)
	case p.Text == "":
		problem = "empty part"
	default:
		h.Messages = append(h.Messages, role+": "+p.Text)
	}
	return problem
}
