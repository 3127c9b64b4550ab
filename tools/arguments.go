package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// decodeArguments reads a call's arguments strictly: every key must be known,
// every required one there, every value of the right type and in its range.
// Defaults are filled in; null counts as left out. With lenient set, a
// reference such as "@1.run" is accepted wherever a value is wanted and is left
// out of the decoded form unless it stands for a string.
func decodeArguments(tool string, s *jsonschema.Schema, raw json.RawMessage, lenient bool, into any) error {
	args, err := argumentObject(tool, raw)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(s.Properties))
	for _, key := range slices.Sorted(maps.Keys(args)) {
		p, known := s.Properties[key]
		if !known {
			return unknownArgument(tool, key, names)
		}
		if args[key] == nil {
			delete(args, key)
			continue
		}
		if lenient && isRef(args[key]) {
			if p.Type != "string" {
				delete(args, key)
			}
			continue
		}
		if problem := checkValue(key, p, args[key]); problem != "" {
			return Errorf(CodeBadArguments, "%s: %s", tool, problem).WithHint("%s", describe(key, p))
		}
	}
	for _, key := range s.Required {
		_, given := args[key]
		if !given && lenient {
			given = referenced(raw, key)
		}
		if !given {
			return Errorf(CodeBadArguments, "%s: the argument %s is missing", tool, key).
				WithHint("%s", describe(key, s.Properties[key]))
		}
	}
	for key, p := range s.Properties {
		if _, ok := args[key]; !ok && p.Default != nil {
			args[key] = p.Default
		}
	}
	filled, err := json.Marshal(args)
	if err != nil {
		return Errorf(CodeBadArguments, "%s: %w", tool, err)
	}
	dec := json.NewDecoder(bytes.NewReader(filled))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return Errorf(CodeBadArguments, "%s: %w", tool, err)
	}
	return nil
}

func argumentObject(tool string, raw json.RawMessage) (map[string]any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return map[string]any{}, nil
	}
	v, err := decodeAny(raw)
	if err != nil {
		return nil, Errorf(CodeBadArguments, "%s: the arguments are not JSON: %w", tool, err)
	}
	if v, err = canonicalNumbers(v); err != nil { // 3.0 is a whole number
		return nil, Errorf(CodeBadArguments, "%s: %w", tool, err)
	}
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case nil:
		return map[string]any{}, nil
	default:
		return nil, Errorf(CodeBadArguments, "%s: the arguments must be a JSON object, not %s", tool, kindOf(v))
	}
}

func unknownArgument(tool, key string, names []string) error {
	e := Errorf(CodeBadArguments, "%s: unknown argument %q", tool, key).WithCandidates(names...)
	if len(names) == 0 {
		return e.WithHint("%s takes no arguments", tool)
	}
	return e.WithHint("%s", DidYouMean(key, names, "arguments"))
}

// checkValue says what is wrong with a value; empty means nothing is.
func checkValue(key string, p *jsonschema.Schema, v any) string {
	if problem := checkType(key, p, v); problem != "" {
		return problem
	}
	if len(p.Enum) > 0 && !slices.ContainsFunc(p.Enum, func(e any) bool { return e == v }) {
		return notInEnum(key, p, v)
	}
	if n, ok := v.(json.Number); ok {
		return checkRange(key, p, n)
	}
	if list, ok := v.([]any); ok {
		return checkItems(key, p, list)
	}
	if object, ok := v.(map[string]any); ok && p.AdditionalProperties != nil && len(p.Properties) == 0 {
		for _, k := range slices.Sorted(maps.Keys(object)) {
			if problem := checkValue(key+"."+k, p.AdditionalProperties, object[k]); problem != "" {
				return problem
			}
		}
	}
	return ""
}

func checkType(key string, p *jsonschema.Schema, v any) string {
	want := p.Type
	if want == "" || want == kindName(v) || (want == "number" && kindName(v) == "integer") {
		return ""
	}
	return fmt.Sprintf("%s must be %s, not %s", key, withArticle(want), kindOf(v))
}

func notInEnum(key string, p *jsonschema.Schema, v any) string {
	words := make([]string, len(p.Enum))
	for i, e := range p.Enum {
		words[i] = fmt.Sprint(e)
	}
	problem := fmt.Sprintf("%s must be one of %s, not %q", key, strings.Join(words, ", "), fmt.Sprint(v))
	if near := Nearest(fmt.Sprint(v), words); near != "" {
		problem += fmt.Sprintf(" (did you mean %s?)", near)
	}
	return problem
}

func checkRange(key string, p *jsonschema.Schema, n json.Number) string {
	f, err := n.Float64()
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %s is out of range", key, n)
	case p.Minimum != nil && f < *p.Minimum:
		return fmt.Sprintf("%s must be at least %v, not %s", key, *p.Minimum, n)
	case p.Maximum != nil && f > *p.Maximum:
		return fmt.Sprintf("%s must be at most %v, not %s", key, *p.Maximum, n)
	}
	return ""
}

func checkItems(key string, p *jsonschema.Schema, list []any) string {
	switch {
	case p.MinItems != nil && p.MaxItems != nil && *p.MinItems == *p.MaxItems && len(list) != *p.MinItems:
		return fmt.Sprintf("%s must have %d numbers, not %d", key, *p.MinItems, len(list))
	case p.MinItems != nil && len(list) < *p.MinItems:
		return fmt.Sprintf("%s must have at least %d entries, not %d", key, *p.MinItems, len(list))
	case p.MaxItems != nil && len(list) > *p.MaxItems:
		return fmt.Sprintf("%s must have at most %d entries, not %d", key, *p.MaxItems, len(list))
	}
	if p.Items == nil {
		return ""
	}
	for i, v := range list {
		if problem := checkValue(fmt.Sprintf("%s[%d]", key, i), p.Items, v); problem != "" {
			return problem
		}
	}
	return ""
}

// kindName is the JSON Schema type of a decoded value; 3.0 is an integer.
func kindName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) {
			return "integer"
		}
		return "number"
	}
	return "unknown"
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case json.Number:
		return "the number " + v.String()
	case bool:
		return fmt.Sprintf("%t", v)
	}
	return withArticle(kindName(v))
}

func withArticle(kind string) string {
	switch kind {
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "string":
		return "text"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return kind
}

func describe(key string, p *jsonschema.Schema) string {
	if p == nil || p.Description == "" {
		return fmt.Sprintf("%s is %s", key, "described by the tool's schema")
	}
	return fmt.Sprintf("%s: %s", key, p.Description)
}

func isRef(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	_, _, ref := ParseRef(s)
	return ref
}

func referenced(raw json.RawMessage, key string) bool {
	var args map[string]any
	if err := json.Unmarshal(raw, &args); err != nil {
		return false
	}
	return isRef(args[key])
}
