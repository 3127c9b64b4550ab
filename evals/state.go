package evals

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// check judges one end state from what its tool returned.
func (s State) check(raw json.RawMessage, err error) []Miss {
	miss := func(format string, args ...any) []Miss {
		return []Miss{{Code: MissState, Detail: s.Tool + " " + fmt.Sprintf(format, args...)}}
	}
	if s.Fails {
		if err == nil {
			return miss("was expected to fail")
		}
		return nil
	}
	if err != nil {
		return miss("failed: %v", err)
	}
	var value any
	if jsonErr := json.Unmarshal(raw, &value); jsonErr != nil {
		return miss("returned no JSON: %v", jsonErr)
	}
	found := at(value, s.At)
	var out []Miss
	for _, want := range s.Contains {
		if !slices.ContainsFunc(found, func(v any) bool { return within(want, v) }) {
			out = append(out, miss("has no %s at %q: %s", show(want), s.At, show(found))...)
		}
	}
	for _, bad := range s.Lacks {
		if slices.ContainsFunc(found, func(v any) bool { return within(bad, v) }) {
			out = append(out, miss("has %s at %q", show(bad), s.At)...)
		}
	}
	if s.Equals != nil && (len(found) != 1 || !equal(s.Equals, found[0])) {
		out = append(out, miss("is %s at %q, want %s", show(found), s.At, show(s.Equals))...)
	}
	return out
}

// at follows a dotted path; "*" stands for every element of a list or object.
func at(value any, path string) []any {
	found := []any{value}
	if path == "" {
		return spread(found)
	}
	for part := range strings.SplitSeq(path, ".") {
		var next []any
		for _, v := range found {
			next = append(next, child(v, part)...)
		}
		found = next
	}
	return found
}

// spread turns a list into its elements.
func spread(found []any) []any {
	if len(found) == 1 {
		if list, ok := found[0].([]any); ok {
			return list
		}
	}
	return found
}

func child(v any, part string) []any {
	switch v := v.(type) {
	case map[string]any:
		if part == "*" {
			var out []any
			for _, k := range sortedKeys(v) {
				out = append(out, v[k])
			}
			return out
		}
		if e, ok := v[part]; ok {
			return []any{e}
		}
	case []any:
		if part == "*" {
			return v
		}
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(v) {
			return []any{v[i]}
		}
	}
	return nil
}

// within tells whether want is part of got: equal values, or an object all of
// whose fields are within got's.
func within(want, got any) bool {
	w, g := plain(want), plain(got)
	fields, ok := w.(map[string]any)
	if !ok {
		return equal(w, g)
	}
	have, ok := g.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range fields {
		if !within(v, have[k]) {
			return false
		}
	}
	return true
}
