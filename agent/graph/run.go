package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// Graph is a compiled graph. It keeps no state of its own and may be used by
// many goroutines, but only one run at a time should write to a thread.
type Graph[S any] struct {
	name    string
	entry   string
	options Options
	fields  map[string]AnyField[S]
	nodes   map[string]Node[S]
	out     map[string][]edge[S]
}

// Outcome is where a run got to. With Pending set it waits for answers, else
// it is over.
type Outcome[S any] struct {
	State   S
	Run     int
	Steps   int
	Pending []Interrupt
}

// Start begins a run on the thread with these writes. A thread with an
// unfinished run refuses (ErrUnfinished): Continue, Answer or Abandon it first.
func (g *Graph[S]) Start(ctx context.Context, thread string, emit func(Event), writes ...Write[S]) (Outcome[S], error) {
	r, err := g.load(ctx, thread, emit)
	if err != nil {
		return Outcome[S]{}, err
	}
	if len(r.at.next) > 0 {
		return r.outcome(), fmt.Errorf("%w: it is at %v", ErrUnfinished, r.at.next)
	}
	rec := Record{Kind: KindInput, Run: r.at.run + 1, Next: []string{g.entry}}
	if err := r.save(ctx, &rec, writes); err != nil {
		return r.outcome(), err
	}
	r.at.begin(rec, writes)
	return r.loop(ctx)
}

// Continue goes on with an unfinished run, after a kill or an error, from the
// last record. Nodes that had finished do not run again. If the run waits for
// an answer, that is reported and nothing runs.
func (g *Graph[S]) Continue(ctx context.Context, thread string, emit func(Event)) (Outcome[S], error) {
	r, err := g.load(ctx, thread, emit)
	if err != nil {
		return Outcome[S]{}, err
	}
	if len(r.at.next) == 0 {
		return r.outcome(), ErrNoRun
	}
	return r.loop(ctx)
}

// Answer answers a pending interrupt and goes on. The answer is stored before
// the node sees it, and the same interrupt cannot be answered again
// (ErrNoInterrupt).
func (g *Graph[S]) Answer(ctx context.Context, thread string, a Answer, emit func(Event)) (Outcome[S], error) {
	r, err := g.load(ctx, thread, emit)
	if err != nil {
		return Outcome[S]{}, err
	}
	i := slices.IndexFunc(r.at.pending, func(p Interrupt) bool { return p.ID == a.Interrupt })
	if i < 0 {
		return r.outcome(), fmt.Errorf("%w: %q", ErrNoInterrupt, a.Interrupt)
	}
	rec := Record{Kind: KindAnswer, Run: r.at.run, Step: r.at.step, Node: r.at.pending[i].Node, Answer: &a}
	if err := r.save(ctx, &rec, nil); err != nil {
		return r.outcome(), err
	}
	r.at.answer(rec)
	return r.loop(ctx)
}

// Abandon gives an unfinished run up. What its finished steps wrote stays.
func (g *Graph[S]) Abandon(ctx context.Context, thread string) error {
	r, err := g.load(ctx, thread, nil)
	if err != nil {
		return err
	}
	if len(r.at.next) == 0 {
		return ErrNoRun
	}
	return r.save(ctx, &Record{Kind: KindAbandon, Run: r.at.run, Step: r.at.step}, nil)
}

// run is one call's work on one thread.
type run[S any] struct {
	g      *Graph[S]
	thread string
	at     position[S]
	path   []string
	emit   func(Event)
	mu     sync.Mutex // guards save and the position
	out    sync.Mutex // serialises emit; apart from mu, so that a slow reader delays no record
}

func (g *Graph[S]) load(ctx context.Context, thread string, emit func(Event)) (*run[S], error) {
	r := &run[S]{g: g, thread: thread, emit: emit}
	if r.emit == nil {
		r.emit = func(Event) {}
	}
	if g.options.Checkpointer == nil {
		return r, nil
	}
	for rec, err := range g.options.Checkpointer.Records(ctx, thread) {
		if err != nil {
			return nil, fmt.Errorf("read thread %s: %w", thread, err)
		}
		if err := r.at.apply(g, rec); err != nil {
			return nil, fmt.Errorf("thread %s: %w", thread, err)
		}
	}
	return r, nil
}

func (r *run[S]) outcome() Outcome[S] {
	return Outcome[S]{State: r.at.state, Run: r.at.run, Steps: r.at.step, Pending: slices.Clone(r.at.pending)}
}

// save stores a record together with the writes. What has been done is kept
// even when ctx has ended meanwhile.
func (r *run[S]) save(ctx context.Context, rec *Record, writes []Write[S]) error {
	if r.g.options.Checkpointer == nil {
		return nil
	}
	rec.Writes = make([]Change, len(writes))
	for i, w := range writes {
		raw, err := json.Marshal(w.value)
		if err != nil {
			return fmt.Errorf("store field %s: %w", w.field, err)
		}
		rec.Writes[i] = Change{Field: w.field, Value: raw}
	}
	if err := r.g.options.Checkpointer.Append(context.WithoutCancel(ctx), r.thread, *rec); err != nil {
		return fmt.Errorf("store %s of thread %s: %w", rec.Kind, r.thread, err)
	}
	r.at.records++
	return nil
}

func (r *run[S]) loop(ctx context.Context) (Outcome[S], error) {
	for len(r.at.next) > 0 {
		if err := ctx.Err(); err != nil {
			return r.outcome(), err
		}
		if r.at.step >= r.g.options.StepLimit {
			return r.outcome(), fmt.Errorf("%s: %w: %d steps, last at %v", r.g.name, ErrStepLimit, r.at.step, r.at.next)
		}
		if err := r.step(ctx); err != nil {
			return r.outcome(), err
		}
		if len(r.at.pending) > 0 {
			break
		}
	}
	return r.outcome(), nil
}

// step runs the active nodes that have not finished, merges what they wrote in
// the order in which they became active, and finds the next ones.
func (r *run[S]) step(ctx context.Context) error {
	active := r.at.next
	if err := r.runActive(ctx, active); err != nil {
		return err
	}
	if len(r.at.pending) > 0 {
		return nil
	}
	merged := r.at.state
	var writes []Write[S]
	for _, node := range active {
		for _, w := range r.at.tasks[node] {
			w.apply(&merged)
		}
		writes = append(writes, r.at.tasks[node]...)
	}
	next, err := r.successors(active, merged)
	if err != nil {
		return err
	}
	rec := Record{Kind: KindStep, Run: r.at.run, Step: r.at.step + 1, Next: next}
	if len(active) > 1 {
		writes = nil // stored with the tasks already
	} else {
		rec.Node = active[0]
	}
	if err := r.save(ctx, &rec, writes); err != nil {
		return err
	}
	r.at.advance(merged, rec)
	r.send(Event{Kind: EventStep, Node: rec.Node})
	return nil
}

func (r *run[S]) runActive(ctx context.Context, active []string) error {
	var todo []string
	for _, node := range active {
		if _, done := r.at.tasks[node]; !done && !r.at.waits(node) {
			todo = append(todo, node)
		}
	}
	if len(todo) == 1 {
		return r.runNode(ctx, todo[0], len(active) > 1)
	}
	errs := make([]error, len(todo))
	slots := make(chan struct{}, r.g.options.Parallel)
	var group sync.WaitGroup
	for i, node := range todo {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.runNode(ctx, node, true)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (r *run[S]) successors(active []string, s S) ([]string, error) {
	var next []string
	for _, node := range active {
		for _, e := range r.g.out[node] {
			to := e.targets[0]
			if e.choose != nil {
				var err error
				if to, err = choose(e, s); err != nil {
					return nil, r.nodeError(node, err)
				}
			}
			if to != End && !slices.Contains(next, to) {
				next = append(next, to)
			}
		}
	}
	return next, nil
}

func choose[S any](e edge[S], s S) (to string, err error) {
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

func (r *run[S]) send(e Event) {
	r.out.Lock()
	defer r.out.Unlock()
	e.Run, e.Step = r.at.run, r.at.step // they change only while no node runs
	r.emit(e)
}

// interruptID is unique within the thread, because records are only added.
func (r *run[S]) interruptID(node string) string {
	return node + "#" + strconv.Itoa(r.at.records)
}
