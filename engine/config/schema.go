package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Key documents one leaf of the schema.
type Key struct {
	Name    string // dotted
	Type    string // as in "want an integer"
	Default string
	Doc     string
}

// Keys lists every leaf in the order of the schema.
func Keys() []Key {
	d := Default()
	v := reflect.ValueOf(&d).Elem()
	var keys []Key
	for _, l := range newSchema().leaves {
		keys = append(keys, Key{Name: l.key, Type: typeName(l.typ), Default: show(v.FieldByIndex(l.index)), Doc: l.doc})
	}
	return keys
}

// leaf is one settable value of the schema.
type leaf struct {
	key   string
	typ   reflect.Type
	index []int
	doc   string
}

// schema is the flattened form of Experiment.
type schema struct {
	leaves   []leaf
	sections []string // dotted names of nested structs
}

func newSchema() schema {
	var s schema
	s.collect("", nil, reflect.TypeFor[Experiment]())
	return s
}

func (s *schema) collect(prefix string, index []int, t reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := append(slices.Clone(index), f.Index...)
		if f.Type.Kind() == reflect.Struct {
			s.sections = append(s.sections, prefix+name)
			s.collect(prefix+name+".", at, f.Type)
			continue
		}
		s.leaves = append(s.leaves, leaf{key: prefix + name, typ: f.Type, index: at, doc: f.Tag.Get("jsonschema")})
	}
}

// exact finds a leaf by its whole dotted key. A key below tags ("tags.site")
// finds tags, with the label's name; likewise one below model.options, unless
// all models have that option: it is a key of its own then.
func (s schema) exact(key string) (l leaf, label string, ok bool) {
	if option, found := strings.CutPrefix(key, "model.options."); found && option != "name" && option != "options" {
		for _, l := range s.leaves {
			if l.key == "model."+option {
				return l, "", true
			}
		}
	}
	for _, l := range s.leaves {
		if l.key == key {
			return l, "", true
		}
		if rest, found := strings.CutPrefix(key, l.key+"."); found && l.typ.Kind() == reflect.Map && rest != "" {
			return l, rest, true
		}
	}
	return leaf{}, "", false
}

// find is exact, and also takes the last part of a dotted key where only one
// key ends so, and a section that has a name ("model" for "model.name").
func (s schema) find(key string) (l leaf, label string, candidates []string) {
	if l, label, ok := s.exact(key); ok {
		return l, label, nil
	}
	if slices.Contains(s.sections, key) {
		if l, _, ok := s.exact(key + ".name"); ok {
			return l, "", nil
		}
	}
	var hits []leaf
	for _, l := range s.leaves {
		if lastPart(l.key) == key {
			hits = append(hits, l)
			candidates = append(candidates, l.key)
		}
	}
	if len(hits) == 1 {
		return hits[0], "", nil
	}
	return leaf{}, "", candidates
}

// suggest guesses what an unknown key meant. Within a section, the names of
// that section come first.
func (s schema) suggest(section, key string) []string {
	var inside, elsewhere []string
	for _, l := range s.leaves {
		name := lastPart(l.key)
		if section+name == l.key {
			inside = append(inside, name)
		} else {
			elsewhere = append(elsewhere, name)
		}
	}
	if section == "" {
		inside = append(inside, s.sections...)
	}
	if slices.Contains(inside, lastPart(key)) {
		return nil
	}
	if names := nearest(lastPart(key), inside); len(names) > 0 {
		return names
	}
	var dotted []string
	for _, name := range nearest(lastPart(key), elsewhere) {
		for _, l := range s.leaves {
			if lastPart(l.key) == name {
				dotted = append(dotted, l.key)
			}
		}
	}
	return dotted
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Array:
		return "3 integers"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return "settings"
		}
		return "labels"
	default:
		return t.String()
	}
}

// show writes a value as an override would give it.
func show(v reflect.Value) string {
	if s, ok := reflect.TypeAssert[[3]int](v); ok {
		return size(s)
	}
	if (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
		return ""
	}
	return fmt.Sprint(v.Interface())
}
