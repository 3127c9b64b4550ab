package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/minivess/minivess/engine/strictyaml"
)

// isOptions tells the leaf that holds settings which only a model knows.
func (l leaf) isOptions() bool { return l.typ == reflect.TypeFor[map[string]any]() }

// option sets one of the model's own settings.
func (s setting) option(field *map[string]any) error {
	if s.label == "" {
		return fmt.Errorf("want settings such as {feature_size: 24}, got %s", describe(s.value))
	}
	value, err := canonical(s.value)
	if err != nil {
		return err
	}
	next := maps.Clone(*field)
	if next == nil {
		next = map[string]any{}
	}
	if next[s.label] = value; value == nil {
		delete(next, s.label)
	}
	if len(next) == 0 {
		next = nil
	}
	*field = next
	return nil
}

// spread turns a setting of several options into one setting each, and one of
// an option that every model has into a setting of that key.
func (sc schema) spread(s setting) []setting {
	if !s.leaf.isOptions() || s.label != "" {
		return []setting{s}
	}
	values, ok := s.value.(map[string]any)
	if t, written := s.value.(text); written { // as an experiment's JSON has it
		value, err := fromText(strings.TrimSpace(string(t)))
		if values, ok = value.(map[string]any); err != nil {
			ok = false
		}
	}
	if !ok {
		return []setting{s}
	}
	var all []setting
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := s.leaf.key + "." + name
		l, label, ok := sc.exact(key)
		if !ok { // an empty name
			l, label = s.leaf, ""
		}
		all = append(all, setting{leaf: l, label: label, key: key, value: values[name], where: s.where})
	}
	return all
}

// canonical gives a value the form that JSON gives it: numbers are float64. So
// an experiment is the same before it is written and after it was read.
func canonical(value any) (any, error) {
	switch x := value.(type) {
	case text:
		return fromText(strings.TrimSpace(string(x)))
	case number, json.Number:
		f, ok := float(x)
		if !ok {
			return nil, fmt.Errorf("want a finite number, got %s", describe(x))
		}
		return f, nil
	case []any:
		list := make([]any, len(x))
		for i, v := range x {
			var err error
			if list[i], err = canonical(v); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, v := range x {
			var err error
			if m[k], err = canonical(v); err != nil {
				return nil, err
			}
		}
		return m, nil
	case error:
		return nil, x
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("want text, a number, true, false, or a list, got %s", describe(value))
	}
	var v any
	err = json.Unmarshal(b, &v)
	return v, err
}

// fromText reads a value whose type its writing decides: true, 24, 1e-3,
// [1, 2], {a: 1}, null, or else text.
func fromText(s string) (any, error) {
	switch {
	case s == "":
		return nil, errors.New("want a value, got nothing")
	case s == "null":
		return nil, nil //nolint:nilnil // it takes the option away
	case s == "true", s == "false":
		return s == "true", nil
	case s[0] == '[', s[0] == '{', s[0] == '"':
		return flow(s)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return canonical(number(s))
	} else if errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("want a finite number, got %q (%v)", s, f)
	}
	return s, nil
}

// flow reads a list or a map in YAML's flow style, of which JSON is a part.
func flow(s string) (value any, err error) {
	seen := false
	bad := strictyaml.Walk(s, []byte(s), func(n ast.Node) {
		seen = true
		value, err = canonical(plain(n))
	})
	if bad != nil || !seen {
		return nil, fmt.Errorf("%q is not readable as a list or a map", s)
	}
	return value, err
}
