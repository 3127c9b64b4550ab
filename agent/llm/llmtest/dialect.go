package llmtest

import (
	"encoding/json"
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
