package tools

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// schemaFor derives a JSON Schema from a Go struct. Descriptions come from
// jsonschema tags; five more tags say what Go types cannot: default:"2",
// enum:"train,val,test", minimum:"1", maximum:"0.9", and path:"read",
// path:"write" or path:"settings" for texts that name files (see PathFormat).
// On a list, enum, path and the bounds hold for its items. A default is JSON, or a bare word for a string;
// an argument that has one may be left out.
func schemaFor[T any]() (*jsonschema.Schema, error) {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		return nil, fmt.Errorf("deriving a schema: %w", err)
	}
	t := reflect.TypeFor[T]()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("deriving a schema: %s is not a struct", t)
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if f.Anonymous || p == nil {
			continue
		}
		simplifyNullable(p)
		if err := annotate(p, f.Tag); err != nil {
			return nil, fmt.Errorf("deriving a schema: %s.%s: %w", t, f.Name, err)
		}
		if p.Default != nil {
			s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
		}
	}
	if s.Properties == nil {
		s.Properties = map[string]*jsonschema.Schema{}
	}
	return s, nil
}

// simplifyNullable turns ["null", "integer"], which a pointer gives, into
// "integer": an optional argument is left out rather than null.
func simplifyNullable(p *jsonschema.Schema) {
	if len(p.Types) == 2 && p.Types[0] == "null" {
		p.Type, p.Types = p.Types[1], nil
	}
}

func annotate(p *jsonschema.Schema, tag reflect.StructTag) error {
	target := p
	if p.Type == "array" && p.Items != nil {
		target = p.Items
	}
	if words, ok := tag.Lookup("enum"); ok {
		for w := range strings.SplitSeq(words, ",") {
			target.Enum = append(target.Enum, w)
		}
	}
	if access, ok := tag.Lookup("path"); ok {
		format, known := PathFormat(access)
		if !known || target.Type != "string" {
			return fmt.Errorf("path %q on %s: want read, write or settings, on text", access, target.Type)
		}
		target.Format = format
	}
	if text, ok := tag.Lookup("default"); ok {
		raw := json.RawMessage(text)
		if p.Type == "string" && !json.Valid(raw) {
			raw = json.RawMessage(strconv.Quote(text))
		}
		if !json.Valid(raw) {
			return fmt.Errorf("default %s is not JSON", text)
		}
		p.Default = raw
	}
	for key, set := range map[string]**float64{"minimum": &target.Minimum, "maximum": &target.Maximum} {
		text, ok := tag.Lookup(key)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*set = &f
	}
	return nil
}
