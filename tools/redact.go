package tools

import (
	"encoding/json"
	"strings"
)

const redacted = "[redacted]"

// Redact returns JSON in which whatever looks like a secret is replaced: the
// values of keys such as api_key or password, key=value texts with such a key,
// well-known token forms, and passwords in addresses. Text that is not JSON is
// not passed on at all.
func Redact(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	v, err := decodeAny(raw)
	if err != nil {
		return json.RawMessage(`"[not JSON]"`)
	}
	out, err := json.Marshal(redactValue(v))
	if err != nil {
		return json.RawMessage(`"[not JSON]"`)
	}
	return out
}

func redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return redactText(v)
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	case map[string]any:
		for key := range v {
			if secretKey(key) {
				v[key] = redacted
				continue
			}
			v[key] = redactValue(v[key])
		}
	}
	return v
}

// secretKey tells whether a key names a secret. "tokens", as in a count of
// them, does not.
func secretKey(key string) bool {
	flat := strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(key))
	for _, part := range []string{"password", "passwd", "secret", "apikey", "accesskey", "privatekey", "credential", "authorization"} {
		if strings.Contains(flat, part) {
			return true
		}
	}
	return strings.HasSuffix(flat, "token")
}

// redactText replaces the words of a text that look like secrets.
func redactText(s string) string {
	if key, _, ok := strings.Cut(s, "="); ok && !strings.ContainsAny(key, " \t") && secretKey(key) {
		return key + "=" + redacted
	}
	words := strings.SplitAfter(s, " ")
	bearer := false
	for i, w := range words {
		word := strings.TrimRight(w, " \n\t")
		rest := w[len(word):]
		switch {
		case bearer && word != "", secretWord(word):
			words[i] = redacted + rest
		default:
			words[i] = redactUserinfo(word) + rest
		}
		bearer = strings.EqualFold(word, "bearer") || (bearer && word == "")
	}
	return strings.Join(words, "")
}

// secretWord knows the prefixes that providers give their keys.
func secretWord(word string) bool {
	word = strings.Trim(word, `"',;()`)
	if key, value, ok := strings.Cut(word, "="); ok {
		return secretKey(key) || secretWord(value)
	}
	for _, prefix := range []string{"sk-", "pk-lf-", "ghp_", "gho_", "github_pat_", "glpat-", "hf_", "xoxb-", "AKIA", "AIza", "eyJ"} {
		if strings.HasPrefix(word, prefix) && len(word) >= len(prefix)+12 {
			return true
		}
	}
	return false
}

// redactUserinfo hides the password in scheme://user:password@host.
func redactUserinfo(word string) string {
	scheme, rest, ok := strings.Cut(word, "://")
	if !ok {
		return word
	}
	host, path, _ := strings.Cut(rest, "/")
	at := strings.LastIndex(host, "@")
	if at < 0 {
		return word
	}
	out := scheme + "://" + redacted + host[at:]
	if len(rest) > len(host) {
		out += "/" + path
	}
	return out
}
