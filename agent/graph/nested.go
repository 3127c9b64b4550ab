package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Nested is a graph over another state that can be a node of a graph over S.
// Over makes one.
type Nested[S any] struct {
	open  func(s *session, path, scope string) child
	enter func(ctx context.Context, c child, s S, rt *Runtime) error
	leave func(c child, s S) (Result[S], error)
	shape func() Shape
}

// Over makes a subgraph of a compiled graph. Each time the node becomes
// active, the inner graph begins with a fresh state and the writes that in
// makes of the outer state and the task's payload; when it is through, out
// turns what it came to into the node's result, which must not be a question.
// Its steps are stored with the outer thread, under the path of tasks that
// leads to it, so they are continued, answered, forked and replayed with it.
func Over[S, T any](inner *Graph[T], in func(s S, rt *Runtime) ([]Write[T], error), out func(s S, inner T) (Result[S], error)) Nested[S] {
	if inner == nil || in == nil || out == nil {
		return Nested[S]{}
	}
	return Nested[S]{
		open: func(s *session, path, scope string) child {
			return &level[T]{g: inner, s: s, path: path, scope: scope}
		},
		enter: func(ctx context.Context, c child, s S, rt *Runtime) error {
			l, ok := c.(*level[T])
			if !ok {
				return fmt.Errorf("%w: subgraph at %q", ErrIncompatible, rt.address)
			}
			writes, err := in(s, rt)
			if err != nil {
				return err
			}
			return l.begin(ctx, rt.run, writes)
		},
		leave: func(c child, s S) (Result[S], error) {
			l, ok := c.(*level[T])
			if !ok {
				return Result[S]{}, fmt.Errorf("%w: subgraph of another type", ErrIncompatible)
			}
			return out(s, l.at.state)
		},
		shape: inner.Shape,
	}
}

// child is a level below, whatever its state's type.
type child interface {
	apply(rec Record, rest string) error
	loop(ctx context.Context) error
	waiting() bool
	begun() bool
	collect(to *[]Interrupt)
	take(ctx context.Context, a Answer) (bool, error)
	expire(ctx context.Context) error
	inside(to []Inside) ([]Inside, error)
	open(to map[string]bool)
	notebook(path string) notebook
}

// child finds or makes the level below an active task.
func (l *level[S]) child(key string) (child, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.at.children[key]; c != nil {
		return c, nil
	}
	v := l.vertex(key)
	if v == nil || v.nested == nil || !slices.Contains(l.at.next, key) {
		return nil, fmt.Errorf("%w: there is no subgraph %q at work", ErrIncompatible, address(l.path, key))
	}
	c := v.nested.open(l.s, address(l.path, key), l.scope+strconv.Itoa(l.at.step)+".")
	if l.at.children == nil {
		l.at.children = make(map[string]child)
	}
	l.at.children[key] = c
	return c, nil
}

// runNested takes a subgraph as far as it goes. The result is not ok when it
// waits for an answer.
func (l *level[S]) runNested(ctx context.Context, v *vertex[S], key string, s S, rt *Runtime) (res Result[S], ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = newPanicError(p)
		}
	}()
	c, err := l.child(key)
	if err != nil {
		return res, false, err
	}
	if !c.begun() {
		if err := v.nested.enter(ctx, c, s, rt); err != nil {
			return res, false, err
		}
	}
	if err := c.loop(ctx); err != nil || c.waiting() {
		return res, false, err
	}
	if res, err = v.nested.leave(c, s); err == nil && res.question != nil {
		err = fmt.Errorf("%w: a subgraph's mapping cannot ask", ErrUndeclared)
	}
	return res, err == nil, err
}

func (l *level[S]) begun() bool { return l.at.begun }

// eachChild goes through the levels below, in a fixed order.
func (l *level[S]) eachChild(do func(c child) error) error {
	for _, key := range slices.Sorted(maps.Keys(l.at.children)) {
		if err := do(l.at.children[key]); err != nil {
			return err
		}
	}
	return nil
}

func (l *level[S]) collect(to *[]Interrupt) {
	for _, q := range l.at.pending {
		*to = append(*to, q.in)
	}
	_ = l.eachChild(func(c child) error { c.collect(to); return nil })
}

// notebook finds the notes of a task at a path below.
func (l *level[S]) notebook(path string) notebook {
	key, below, deeper := strings.Cut(path, "/")
	if !deeper {
		return l.at.notes[key]
	}
	if c := l.at.children[key]; c != nil {
		return c.notebook(below)
	}
	return nil
}

// open gathers the questions of tasks that are not through, answered or not.
func (l *level[S]) open(to map[string]bool) {
	for _, q := range l.at.asked {
		if _, through := l.at.tasks[q.key]; !through {
			to[q.in.ID] = true
		}
	}
	_ = l.eachChild(func(c child) error { c.open(to); return nil })
}
