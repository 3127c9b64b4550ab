package graph

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
)

// Reducer merges a new value into the one that is there. It must be
// deterministic and must not change old in a way that older states can see.
type Reducer[T any] func(old, latest T) T

// Replace is the reducer that takes the new value.
func Replace[T any](_, v T) T { return v }

// Append is the reducer that adds to a list.
func Append[E any](old, v []E) []E { return append(old, v...) }

// Merge is the reducer that adds and replaces entries of a map.
func Merge[K comparable, V any](old, v map[K]V) map[K]V {
	out := make(map[K]V, len(old)+len(v))
	maps.Copy(out, old)
	maps.Copy(out, v)
	return out
}

// Field is one named part of a state S, of type T, with its reducer. T must
// survive JSON.
type Field[S, T any] struct {
	name   string
	at     func(*S) *T
	reduce Reducer[T]
	latest bool // the reducer is Replace
}

// NewField names the part of the state that at points to.
func NewField[S, T any](name string, at func(*S) *T, reduce Reducer[T]) Field[S, T] {
	return Field[S, T]{name: name, at: at, reduce: reduce}
}

// NewValue is NewField with the reducer Replace. Since no value counts but the
// last one, the others are not decoded when a thread is read.
func NewValue[S, T any](name string, at func(*S) *T) Field[S, T] {
	return Field[S, T]{name: name, at: at, reduce: Replace[T], latest: true}
}

// Set is a write of v to the field, merged by the field's reducer.
func (f Field[S, T]) Set(v T) Write[S] {
	return Write[S]{field: f.name, value: v, apply: func(s *S) {
		p := f.at(s)
		*p = f.reduce(*p, v)
	}}
}

// Write is one change to one field of a state.
type Write[S any] struct {
	field string
	value any
	apply func(*S)
}

// AnyField is a Field of whatever type; only Field implements it.
type AnyField[S any] interface {
	fieldName() string
	complete() bool
	onlyLatest() bool
	decode(raw json.RawMessage) (Write[S], error)
	// encode and restore read and set the whole value, past the reducer.
	encode(s *S) (json.RawMessage, error)
	restore(s *S, raw json.RawMessage) error
	// probe tries the field out and says where in the state it is.
	probe(zero *S) (uintptr, error)
}

func (f Field[S, T]) fieldName() string { return f.name }

func (f Field[S, T]) complete() bool { return f.at != nil && f.reduce != nil }

func (f Field[S, T]) onlyLatest() bool { return f.latest }

func (f Field[S, T]) decode(raw json.RawMessage) (Write[S], error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return Write[S]{}, fmt.Errorf("%w: field %s: %w", ErrIncompatible, f.name, err)
	}
	return f.Set(v), nil
}

func (f Field[S, T]) encode(s *S) (json.RawMessage, error) {
	raw, err := json.Marshal(*f.at(s))
	if err != nil {
		return nil, fmt.Errorf("store field %s: %w", f.name, err)
	}
	return raw, nil
}

func (f Field[S, T]) restore(s *S, raw json.RawMessage) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("%w: field %s: %w", ErrIncompatible, f.name, err)
	}
	*f.at(s) = v
	return nil
}

// probe finds mistakes that the type system lets pass: a place that is not a
// part of the state, a type that JSON cannot hold, a reducer that cannot deal
// with a fresh state.
func (f Field[S, T]) probe(zero *S) (place uintptr, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("its functions panic on an empty state: %v", v)
		}
	}()
	p := f.at(zero)
	place = reflect.ValueOf(p).Pointer()
	begin, size := reflect.ValueOf(zero).Pointer(), reflect.TypeFor[S]().Size()
	if p == nil || place < begin || place > begin+size {
		return 0, errors.New("it does not point into the state")
	}
	if err := storable(reflect.TypeFor[T](), make(map[reflect.Type]bool)); err != nil {
		return 0, err
	}
	raw, err := json.Marshal(f.reduce(*p, *p))
	if err != nil {
		return 0, err
	}
	var back T
	return place, json.Unmarshal(raw, &back)
}

// storable refuses types that lose everything on their way through JSON.
func storable(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || marshals(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("type %s cannot be stored", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("interface %s cannot be read back", t)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return storable(t.Elem(), seen)
	case reflect.Map:
		return errors.Join(storable(t.Key(), seen), storable(t.Elem(), seen))
	case reflect.Struct:
		return storableStruct(t, seen)
	default:
	}
	return nil
}

func storableStruct(t reflect.Type, seen map[reflect.Type]bool) error {
	visible := 0
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		visible++
		if f.Tag.Get("json") == "-" {
			continue
		}
		if err := storable(f.Type, seen); err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
	}
	if visible == 0 && t.NumField() > 0 {
		return fmt.Errorf("type %s has no exported fields, so nothing of it would be stored", t)
	}
	return nil
}

func marshals(t reflect.Type) bool {
	for _, want := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](),
	} {
		if t.Implements(want) || reflect.PointerTo(t).Implements(want) {
			return true
		}
	}
	return false
}
