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
	var ok bool
	switch field := v.Addr().Interface().(type) {
	case *string:
		var t text
		t, ok = value.(text)
		*field = string(t)
	case *bool:
		*field, ok = yes(value)
	case *int:
		*field, ok = whole[int](value)
	case *int64:
		*field, ok = whole[int64](value)
	case *float64:
		*field, ok = float(value)
	case *[3]int:
		if *field, ok = triple(value); !ok {
			return fmt.Errorf("want 3 integers such as [48, 48, 32] or 48x48x32, got %s", describe(value))
		}
	case *[]string:
		*field, ok = words(value)
	case *[]Group:
		return setGroups(field, value)
	case *map[string]string:
		return s.labels(v)
	case *map[string]any:
		return s.option(field)
	}
	if ok {
		return nil
	}
	return fmt.Errorf("want %s, got %s", typeName(v.Type()), describe(value))
}

// labels sets one label, or merges a whole map of them.
func (s setting) labels(v reflect.Value) error {
	merged := map[string]string{}
	if before, ok := reflect.TypeAssert[map[string]string](v); ok {
		maps.Copy(merged, before)
	}
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
			if err := json.Unmarshal([]byte(value), &merged); err != nil { // as an experiment's JSON has it
				return fmt.Errorf("want a label such as %s.site=north", s.leaf.key)
			}
			break
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

// yes reads a truth value of the command line; others have their own type.
func yes(value any) (b, ok bool) {
	t, ok := value.(text)
	if !ok {
		return false, false
	}
	b, err := strconv.ParseBool(strings.TrimSpace(string(t)))
	return b, err == nil
}

// whole reads an integer that fits T.
func whole[T int | int64](value any) (T, bool) {
	n, ok := integer(value)
	return T(n), ok && int64(T(n)) == n
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
		if !ok || n != int64(int32(n)) {
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
