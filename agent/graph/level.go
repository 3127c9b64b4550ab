package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// level is one graph at work: the outermost one, or a subgraph at its path.
type level[S any] struct {
	g     *Graph[S]
	s     *session
	path  string
	scope string // the steps of the levels above, each with a dot
	at    position[S]
	trail []string
	mu    sync.Mutex // guards the position, the trail and the children
	loops detector[S]
	late  latest // not nil while a thread is read
}

func (l *level[S]) load(ctx context.Context, c Checkpointer, thread string) error {
	if c == nil {
		return nil
	}
	l.late = make(latest)
	for rec, err := range c.Records(ctx, thread) {
		if err != nil {
			return fmt.Errorf("read thread %s: %w", thread, err)
		}
		if err := l.follow(rec); err != nil {
			return fmt.Errorf("thread %s: %w", thread, err)
		}
	}
	if err := l.catchUp(); err != nil {
		return fmt.Errorf("thread %s: %w", thread, err)
	}
	return nil
}

func (l *level[S]) outcome() Outcome[S] {
	o := Outcome[S]{State: l.at.state, Run: l.at.run, Steps: l.at.step}
	l.collect(&o.Pending)
	return o
}

// save stores a record together with the writes.
func (l *level[S]) save(ctx context.Context, rec *Record, writes []Write[S]) error {
	rec.Path = l.path
	if l.s.records.c != nil && len(writes) > 0 {
		changes, err := encodeWrites(writes)
		if err != nil {
			return err
		}
		rec.Writes = changes
	}
	return l.s.records.add(ctx, *rec)
}

func encodeWrites[S any](writes []Write[S]) ([]Change, error) {
	changes := make([]Change, len(writes))
	for i, w := range writes {
		raw, err := json.Marshal(w.value)
		if err != nil {
			return nil, fmt.Errorf("store field %s: %w", w.field, err)
		}
		changes[i] = Change{Field: w.field, Value: raw}
	}
	return changes, nil
}

// begin makes the entry active.
func (l *level[S]) begin(ctx context.Context, run int, writes []Write[S]) error {
	rec := Record{Kind: KindInput, Run: run, Next: []string{l.g.entry}}
	if l.path != "" {
		rec.Kind = KindEnter
	}
	if err := l.save(ctx, &rec, writes); err != nil {
		return err
	}
	l.at.begin(rec, writes)
	return nil
}

func (l *level[S]) loop(ctx context.Context) error {
	for len(l.at.next) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.at.step >= l.g.options.StepLimit {
			return fmt.Errorf("%s: %w: %d steps, last at %v", l.g.name, ErrStepLimit, l.at.step, l.at.next)
		}
		if err := l.step(ctx); err != nil {
			return err
		}
		if l.waiting() {
			break
		}
		if err := l.loops.see(&l.at, l.g.options.LoopLimit); err != nil {
			return fmt.Errorf("%s: step %d: %w", l.g.name, l.at.step, err)
		}
	}
	return nil
}

// step runs the active tasks that have not finished, merges what they wrote in
// the order in which they became active, and finds the next ones.
func (l *level[S]) step(ctx context.Context) error {
	active := l.at.next
	if err := l.runActive(ctx, active); err != nil {
		return err
	}
	if l.waiting() {
		return nil
	}
	merged := l.at.state
	var writes []Write[S]
	for _, key := range active {
		done := l.at.tasks[key]
		if err := applyAll(done.writes, &merged); err != nil {
			return l.nodeError(key, err)
		}
		writes = append(writes, done.writes...)
	}
	next, sends, err := l.successors(active, merged)
	if err != nil {
		return err
	}
	rec := Record{Kind: KindStep, Run: l.at.run, Step: l.at.step + 1, Next: next, Sends: sends}
	if l.path != "" {
		rec.Kind = KindInner
	}
	if len(active) > 1 {
		writes = nil // stored with the tasks already
	} else {
		rec.Node = active[0]
	}
	if err := l.save(ctx, &rec, writes); err != nil {
		return err
	}
	wrote := slices.ContainsFunc(active, func(key string) bool { return l.vertex(key).policy.Writes })
	l.mu.Lock()
	l.at.advance(merged, rec)
	l.mu.Unlock()
	if wrote {
		if err := l.s.records.flush(ctx); err != nil {
			return err
		}
	}
	if l.s.emit != nil {
		l.s.send(Event{Kind: EventStep, Run: l.at.run, Step: l.at.step, Node: l.eventNode(rec.Node)})
	}
	return nil
}

func (l *level[S]) eventNode(key string) string {
	if key == "" {
		return l.path
	}
	return address(l.path, key)
}

// applyAll applies writes; a reducer that panics is an error of the node.
func applyAll[S any](writes []Write[S], s *S) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	for _, w := range writes {
		w.apply(s)
	}
	return nil
}

func (l *level[S]) vertex(key string) *vertex[S] {
	node, _ := splitKey(key)
	return l.g.nodes[node]
}

func (l *level[S]) runActive(ctx context.Context, active []string) error {
	if len(active) == 1 {
		key := active[0]
		if _, done := l.at.tasks[key]; done || l.waits(key) {
			return nil
		}
		return l.runTask(ctx, key, false)
	}
	var pending []string
	for _, key := range active {
		if _, done := l.at.tasks[key]; !done && !l.waits(key) {
			pending = append(pending, key)
		}
	}
	errs := make([]error, len(pending))
	slots := make(chan struct{}, l.g.options.Parallel)
	var group sync.WaitGroup
	for i, key := range pending {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if errs[i] = cmp.Or(context.Cause(ctx), l.s.records.broken()); errs[i] == nil {
				errs[i] = l.runTask(ctx, key, true)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// successors finds the tasks that follow: first come, first in order, and a
// node that several lead to is active once.
func (l *level[S]) successors(active []string, s S) ([]string, []Sent, error) {
	if len(active) == 1 {
		if to, ok, err := l.onlySuccessor(active[0], s); ok || err != nil {
			return to, nil, err
		}
	}
	var next []string
	var sends []Sent
	add := func(to string) {
		if to != End && !slices.Contains(next, to) {
			next = append(next, to)
		}
	}
	for _, key := range active {
		done := l.at.tasks[key]
		for _, to := range done.to {
			add(to)
		}
		for _, sent := range done.sends {
			next = append(next, taskKey(sent.Node, len(sends)))
			sends = append(sends, sent)
		}
		if len(done.to)+len(done.sends) > 0 {
			continue
		}
		v := l.vertex(key)
		if len(v.out) == 0 {
			return nil, nil, l.nodeError(key, ErrNoTarget)
		}
		for _, e := range v.out {
			to, err := e.target(s)
			if err != nil {
				return nil, nil, l.nodeError(key, err)
			}
			add(to)
		}
	}
	return next, sends, nil
}

// onlySuccessor is the common case: one task with one edge.
func (l *level[S]) onlySuccessor(key string, s S) ([]string, bool, error) {
	done, v := l.at.tasks[key], l.vertex(key)
	if len(v.out) != 1 || len(done.to)+len(done.sends) > 0 {
		return nil, false, nil
	}
	to, err := v.out[0].target(s)
	if err != nil {
		return nil, false, l.nodeError(key, err)
	}
	if to == End {
		return nil, true, nil
	}
	return []string{to}, true, nil
}

func (e *edge[S]) target(s S) (to string, err error) {
	if e.choose == nil {
		return e.targets[0], nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	to = e.choose(s)
	if !slices.Contains(e.targets, to) {
		return "", fmt.Errorf("%w: %q is not one of %v", ErrUndeclared, to, e.targets)
	}
	return to, nil
}

func (l *level[S]) nodeError(key string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := l.trail[max(0, len(l.trail)-pathLength):]
	return &NodeError{Graph: l.g.name, Node: address(l.path, key), Step: l.at.step, Path: slices.Clone(path), Err: err}
}
