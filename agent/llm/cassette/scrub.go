package cassette

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/plainjson"
)

// hidden stands where a secret was.
const hidden = "***"

// minSecret is the shortest text that is taken out wherever it occurs; a
// shorter one would take ordinary words apart.
const minSecret = 6

// scrubber takes secrets out of what is recorded.
type scrubber struct {
	known    []string
	patterns []*regexp.Regexp
	keys     *regexp.Regexp
}

func newScrubber() *scrubber {
	return &scrubber{
		// Keys of OpenAI, Anthropic, OpenRouter, Groq, Hugging Face and Google,
		// bearer tokens, and the ids of organisations, projects and users.
		patterns: []*regexp.Regexp{
			regexp.MustCompile(`\b(sk|pk|rk|gsk|hf|xai)[-_][A-Za-z0-9_-]{6,}`),
			regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{10,}`),
			regexp.MustCompile(`(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{6,}`),
			regexp.MustCompile(`\b(org|proj|user)[-_][A-Za-z0-9]{8,}`),
			regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
		},
		keys: regexp.MustCompile(`(?i)^(api[-_]?key|x-api-key|authorization|access[-_]?token|refresh[-_]?token|client[-_]?secret|password|organi[sz]ation(_id)?|project_id|system_fingerprint)$`),
	}
}

func (s *scrubber) add(secrets ...string) {
	for _, secret := range secrets {
		if secret = strings.TrimSpace(secret); len(secret) >= minSecret {
			s.known = append(s.known, secret)
		}
	}
	slices.SortFunc(s.known, func(a, b string) int { return len(b) - len(a) }) // a key that contains another goes first
}

func (s *scrubber) text(t string) string {
	for _, secret := range s.known {
		t = strings.ReplaceAll(t, secret, hidden)
	}
	for _, p := range s.patterns {
		t = p.ReplaceAllString(t, hidden)
	}
	return t
}

// value scrubs every text of a JSON value, and what stands under a key that
// names a secret.
func (s *scrubber) value(v any) any {
	switch v := v.(type) {
	case string:
		return s.text(v)
	case []any:
		for i := range v {
			v[i] = s.value(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key, inner := range v {
			if _, isText := inner.(string); isText && s.keys.MatchString(key) {
				inner = hidden
			}
			clean[s.text(key)] = s.value(inner)
		}
		return clean
	}
	return v
}

// body scrubs a body, which is JSON, or lines of which some carry JSON.
func (s *scrubber) body(raw []byte) (json.RawMessage, []string) {
	if doc, ok := s.document(raw); ok {
		return doc, nil
	}
	if len(raw) == 0 {
		return nil, nil
	}
	lines := strings.Split(string(raw), "\n")
	for i, line := range lines {
		prefix, data := "", line
		if rest, ok := strings.CutPrefix(line, "data:"); ok {
			data = strings.TrimLeft(rest, " ")
			prefix = line[:len(line)-len(data)]
		}
		if doc, ok := s.document([]byte(data)); ok {
			lines[i] = prefix + string(doc)
			continue
		}
		lines[i] = s.text(line)
	}
	return nil, lines
}

func (s *scrubber) document(raw []byte) (json.RawMessage, bool) {
	doc, ok := canonical(raw)
	if !ok {
		return nil, false
	}
	var v any
	if err := plainjson.Unmarshal(doc, &v); err != nil {
		return nil, false
	}
	clean, err := json.Marshal(s.value(v))
	if err != nil {
		return nil, false
	}
	return canonical(clean)
}

func (s *scrubber) request(req *http.Request, body []byte) request {
	r := request{Method: req.Method, Path: s.text(req.URL.Path)}
	if r.Path == "" {
		r.Path = "/"
	}
	r.JSON, r.Text = s.body(body)
	return r
}

func (s *scrubber) response(resp *http.Response, body []byte) response {
	r := response{Status: resp.StatusCode, Header: map[string]string{}}
	for _, key := range []string{contentType, "Retry-After"} { // all others may name an account
		if v := resp.Header.Get(key); v != "" {
			r.Header[key] = s.text(v)
		}
	}
	r.JSON, r.Text = s.body(body)
	return r
}
