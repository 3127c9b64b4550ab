package cassette

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Match says what makes two requests the same.
type Match string

// What may make two requests the same. Both want the same method and path.
const (
	// MatchBody wants the whole body to be the same JSON.
	MatchBody Match = "body"
	// MatchTurn wants the same model, the same last words of a person and the
	// same number of messages after them, in any of the wire formats. It does
	// not mind ids, times and paths, which differ from run to run.
	MatchTurn Match = "turn"
)

func (m Match) check() error {
	if m != MatchBody && m != MatchTurn {
		return fmt.Errorf("%w: there is no match %q; want %s or %s", ErrFormat, m, MatchBody, MatchTurn)
	}
	return nil
}

func (m Match) same(recorded, asked request) bool { return m.distance(recorded, asked) == 0 }

// distance counts the places where two requests differ.
func (m Match) distance(recorded, asked request) int {
	x, y := m.view(recorded), m.view(asked)
	n := 0
	for key, v := range x {
		if w, ok := y[key]; !ok || v != w {
			n++
		}
	}
	for key := range y {
		if _, ok := x[key]; !ok {
			n++
		}
	}
	return n
}

// How many differences an error lists, and how much of each value.
const (
	maxDifferences = 6
	maxShown       = 120
)

// differences words where two requests differ, in a stable order.
func (m Match) differences(recorded, asked request) []string {
	x, y := m.view(recorded), m.view(asked)
	keys := slices.Collect(maps.Keys(x))
	for key := range y {
		if _, ok := x[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, naturally)
	var out []string
	for _, key := range keys {
		v, inX := x[key]
		w, inY := y[key]
		switch {
		case inX && inY && v == w:
			continue
		case !inX:
			out = append(out, fmt.Sprintf("%s: recorded nothing, sent %s", key, short(w)))
		case !inY:
			out = append(out, fmt.Sprintf("%s: recorded %s, sent nothing", key, short(v)))
		default:
			v, w = window(v, w)
			out = append(out, fmt.Sprintf("%s: recorded %s, sent %s", key, short(v), short(w)))
		}
	}
	if n := len(out) - maxDifferences; n > 0 {
		out = append(out[:maxDifferences], fmt.Sprintf("and %d more places", n))
	}
	return out
}

// window cuts what two long texts begin with in common, so that the place
// where they part is in what is shown.
func window(a, b string) (string, string) {
	const keep = 24
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if same <= maxShown/2 {
		return a, b
	}
	at := same - keep
	return "…" + strings.ToValidUTF8(a[at:], ""), "…" + strings.ToValidUTF8(b[at:], "")
}

func short(s string) string {
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown]) + "…"
	}
	return strconv.Quote(s)
}

// naturally orders paths so that item 10 comes after item 9.
func naturally(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		n, err1 := strconv.Atoi(x[i])
		k, err2 := strconv.Atoi(y[i])
		if err1 == nil && err2 == nil && n != k {
			return n - k
		}
		if c := strings.Compare(x[i], y[i]); c != 0 && (err1 != nil || err2 != nil) {
			return c
		}
	}
	return len(x) - len(y)
}

// view is what of a request counts, as leaves by their path.
func (m Match) view(r request) map[string]string {
	leaves := map[string]string{"method": r.Method, "path": r.Path}
	if m == MatchTurn {
		turn(r, leaves)
		return leaves
	}
	var v any
	if len(r.JSON) == 0 || json.Unmarshal(r.JSON, &v) != nil {
		leaves["body"] = strings.Join(r.Text, "\n")
		return leaves
	}
	flatten("body", v, leaves)
	return leaves
}

// maxLeaves bounds what a hostile file can make of one comparison.
const maxLeaves = 1 << 16

func flatten(path string, v any, into map[string]string) {
	if len(into) > maxLeaves {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			into[path] = "{}"
		}
		for key, inner := range v {
			flatten(path+"."+key, inner, into)
		}
	case []any:
		if len(v) == 0 {
			into[path] = "[]"
		}
		for i, inner := range v {
			flatten(path+"."+strconv.Itoa(i), inner, into)
		}
	case string:
		into[path] = v
	default:
		into[path] = fmt.Sprint(v)
	}
}

// said is a message of any of the wire formats.
type said struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	Parts   json.RawMessage `json:"parts"`
}

// turn finds the last words of a person and what came after them.
func turn(r request, into map[string]string) {
	var body struct {
		Model    string `json:"model"`
		Messages []said `json:"messages"`
		Contents []said `json:"contents"`
	}
	_ = json.Unmarshal(r.JSON, &body) // what is no conversation has no turn
	all := append(body.Messages, body.Contents...)
	into["model"] = body.Model
	after := 0
	for _, m := range slices.Backward(all) {
		if words := m.words(); m.Role == "user" && words != "" {
			into["words"] = words
			break
		}
		after++
	}
	into["messages after the words"] = strconv.Itoa(after)
}

// words is the text of a message; tool results are none.
func (m said) words() string {
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	raw := m.Content
	if len(raw) == 0 {
		raw = m.Parts
	}
	_ = json.Unmarshal(raw, &parts)
	for _, p := range parts {
		text += p.Text
	}
	return text
}
