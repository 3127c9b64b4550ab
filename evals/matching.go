package evals

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Matching is what an argument's value must be: a plain value, or one of the
// forms {any_of: […]}, {near: 0.001, within: 1e-6}, {contains: …},
// {ignore: true}, {absent: true}.
type Matching struct {
	Value    any
	AnyOf    []any
	Near     *float64
	Within   float64
	Contains []string
	Ignore   bool
	Absent   bool
}

// matchingForm is the long form of a Matching.
type matchingForm struct {
	AnyOf    []any    `yaml:"any_of"`
	Near     *float64 `yaml:"near"`
	Within   float64  `yaml:"within"`
	Contains []string `yaml:"contains"`
	Ignore   bool     `yaml:"ignore"`
	Absent   bool     `yaml:"absent"`
}

var errForm = errors.New("an argument's form is any_of, near (with within), contains, ignore or absent")

// UnmarshalYAML reads the short and the long form.
func (m *Matching) UnmarshalYAML(node ast.Node) error {
	var plain any
	if err := yaml.NodeToValue(node, &plain); err != nil {
		return err
	}
	if _, isMap := plain.(map[string]any); !isMap {
		m.Value = plain
		return nil
	}
	var form matchingForm
	if err := yaml.NodeToValue(node, &form, yaml.Strict()); err != nil {
		return err
	}
	*m = Matching{AnyOf: form.AnyOf, Near: form.Near, Within: form.Within, Contains: form.Contains, Ignore: form.Ignore, Absent: form.Absent}
	if m.AnyOf == nil && m.Near == nil && m.Contains == nil && !m.Ignore && !m.Absent {
		p := node.GetToken().Position
		return fmt.Errorf("line %d, column %d: %w", p.Line, p.Column, errForm)
	}
	return nil
}

// check tells why a value does not match, or "".
func (m Matching) check(got any, present bool) string {
	switch {
	case m.Ignore:
		return ""
	case m.Absent:
		if present {
			return fmt.Sprintf("is %s, want it absent", show(got))
		}
		return ""
	case !present:
		return "is missing"
	case m.AnyOf != nil:
		for _, v := range m.AnyOf {
			if equal(v, got) {
				return ""
			}
		}
		return fmt.Sprintf("is %s, want one of %s", show(got), show(m.AnyOf))
	case m.Near != nil:
		f, ok := plain(got).(float64)
		if !ok || math.Abs(f-*m.Near) > m.Within {
			return fmt.Sprintf("is %s, want %g within %g", show(got), *m.Near, m.Within)
		}
		return ""
	case m.Contains != nil:
		text := show(got)
		if s, isText := got.(string); isText {
			text = s
		}
		for _, part := range m.Contains {
			if !strings.Contains(text, part) {
				return fmt.Sprintf("is %s, want it to contain %q", show(got), part)
			}
		}
		return ""
	case !equal(m.Value, got):
		return fmt.Sprintf("is %s, want %s", show(got), show(m.Value))
	}
	return ""
}

// plain brings a value into the form that JSON gives it.
func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(raw, &out) != nil {
		return v
	}
	return out
}

func equal(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
