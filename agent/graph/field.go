package graph

import (
	"encoding/json"
	"fmt"
	"maps"
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
}

// NewField names the part of the state that at points to.
func NewField[S, T any](name string, at func(*S) *T, reduce Reducer[T]) Field[S, T] {
	return Field[S, T]{name: name, at: at, reduce: reduce}
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
	decode(raw json.RawMessage) (Write[S], error)
}

func (f Field[S, T]) fieldName() string { return f.name }

func (f Field[S, T]) complete() bool { return f.at != nil && f.reduce != nil }

func (f Field[S, T]) decode(raw json.RawMessage) (Write[S], error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return Write[S]{}, fmt.Errorf("%w: field %s: %w", ErrIncompatible, f.name, err)
	}
	return f.Set(v), nil
}
