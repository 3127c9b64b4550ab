package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// assign puts the setting's value into the field v, converting only where
// nothing is lost.
func (s setting) assign(v reflect.Value) error {
	if err := s.convert(v); err != nil {
		return &Error{Where: s.where, Message: fmt.Sprintf("%s: %v", s.key, err)}
	}
	return nil
}

func (s setting) convert(v reflect.Value) error {
	value := s.value
	if reflect.TypeOf(value) == v.Type() && v.Kind() != reflect.Map {
		v.Set(reflect.ValueOf(value))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if t, ok := value.(text); ok {
			v.SetString(string(t))
			return nil
		}
	case reflect.Bool:
		if t, ok := value.(text); ok {
			if b, err := strconv.ParseBool(strings.TrimSpace(string(t))); err == nil {
				v.SetBool(b)
				return nil
			}
		}
	case reflect.Int, reflect.Int64:
		if n, ok := integer(value); ok && !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
	case reflect.Float64:
		if f, ok := float(value); ok {
			v.SetFloat(f)
			return nil
		}
	case reflect.Array:
		if a, ok := triple(value); ok {
			v.Set(reflect.ValueOf(a))
			return nil
		}
		return fmt.Errorf("want 3 integers such as [48, 48, 32] or 48x48x32, got %s", describe(value))
	case reflect.Map:
		return s.labels(v)
	}
	return fmt.Errorf("want %s, got %s", typeName(v.Type()), describe(value))
}

// labels sets one label, or merges a whole map of them.
func (s setting) labels(v reflect.Value) error {
	merged := map[string]string{}
	maps.Copy(merged, v.Interface().(map[string]string)) //nolint:forcetypeassert // the schema has one map type
	switch value := s.value.(type) {
	case map[string]string:
		maps.Copy(merged, value)
	case map[string]any:
		for name, x := range value {
			switch x := x.(type) {
			case string:
				merged[name] = x
			case text:
				merged[name] = string(x)
			default:
				return fmt.Errorf("label %q: want text, got %s; quote it", name, describe(x))
			}
		}
	case text:
		if s.label == "" {
			return fmt.Errorf("want a label such as %s.site=north", s.leaf.key)
		}
		merged[s.label] = string(value)
	case string:
		if s.label == "" {
			return fmt.Errorf("want labels such as {site: north}, got %s", describe(value))
		}
		merged[s.label] = value
	default:
		return fmt.Errorf("want labels such as {site: north}, got %s", describe(value))
	}
	if len(merged) > 0 {
		v.Set(reflect.ValueOf(merged))
	}
	return nil
}

// integer reads a whole number; 1e3 and 10.0 count as such.
func integer(value any) (int64, bool) {
	switch x := value.(type) {
	case int:
		return int64(x), true
	case int64:
		return x, true
	case text, number, json.Number:
		s := strings.TrimSpace(fmt.Sprint(x))
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, true
		}
	}
	if f, ok := float(value); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), true
	}
	return 0, false
}

// float reads any finite number.
func float(value any) (float64, bool) {
	var f float64
	switch x := value.(type) {
	case int:
		f = float64(x)
	case int64:
		f = float64(x)
	case float64:
		f = x
	case text, number, json.Number:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(x)), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// triple reads a size: a list of three, "[48,48,32]", "48,48,32", "48x48x32",
// or one number for all three.
func triple(value any) (a [3]int, ok bool) {
	var parts []any
	switch x := value.(type) {
	case []any:
		parts = x
	case []int:
		for _, n := range x {
			parts = append(parts, n)
		}
	case text:
		parts = split(string(x))
	case string:
		parts = split(x)
	default:
		parts = []any{value}
	}
	if len(parts) == 1 {
		parts = []any{parts[0], parts[0], parts[0]}
	}
	if len(parts) != 3 {
		return a, false
	}
	for i, p := range parts {
		n, ok := integer(p)
		if !ok || n != int64(int32(n)) { //nolint:gosec // the conversion is the check
			return a, false
		}
		a[i] = int(n)
	}
	return a, true
}

func split(s string) []any {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	s = strings.NewReplacer("×", ",", "x", ",", "X", ",").Replace(s)
	var parts []any
	for p := range strings.SplitSeq(s, ",") {
		parts = append(parts, text(p))
	}
	return parts
}

// describe says what a wrong value is.
func describe(value any) string {
	switch x := value.(type) {
	case nil:
		return "nothing"
	case text:
		return strconv.Quote(string(x))
	case string:
		return "the text " + strconv.Quote(x)
	case number:
		return "the number " + string(x)
	case json.Number:
		return "the number " + x.String()
	case int, int64, float64:
		return fmt.Sprintf("the number %v", x)
	case bool:
		return strconv.FormatBool(x)
	case []any:
		return fmt.Sprintf("a list of %d", len(x))
	case map[string]any:
		return "a group of keys"
	default:
		return fmt.Sprintf("%T", value)
	}
}
