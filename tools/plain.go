package tools

import (
	"encoding/json"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Printable takes out of text only what could drive a terminal or turn the
// direction of writing: line breaks, tabs and the joiners of scripts stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, ansi.Strip(s))
}

// PlainLines takes out of text what could drive a terminal or deceive a reader
// and keeps its line breaks.
func PlainLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = Plain(line)
	}
	return strings.Join(lines, "\n")
}

// PlainJSON does the same to every string of a JSON value. A value that needs
// none of it is returned as it was written; what is not JSON becomes null.
func PlainJSON(raw json.RawMessage) json.RawMessage {
	v, err := decodeAny(raw)
	if err != nil {
		return json.RawMessage("null")
	}
	changed := false
	v = plainValue(v, &changed)
	if !changed {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

func plainValue(v any, changed *bool) any {
	switch v := v.(type) {
	case string:
		clean := PlainLines(v)
		*changed = *changed || clean != v
		return clean
	case []any:
		for i := range v {
			v[i] = plainValue(v[i], changed)
		}
	case map[string]any:
		for key, value := range v {
			clean := PlainLines(key)
			if clean != key {
				*changed = true
				delete(v, key)
			}
			v[clean] = plainValue(value, changed)
		}
	}
	return v
}
