package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"
)

// pathLength is how many nodes a NodeError's path names at most.
const pathLength = 8

// Runtime is what a running node sees of the machine around it.
type Runtime struct {
	thread string
	node   string
	run    int
	step   int
	answer *Answer
	notes  map[string]json.RawMessage
	emit   func(any)
	note   func(key string, raw json.RawMessage) error
}

// Thread is the thread's name.
func (rt *Runtime) Thread() string { return rt.thread }

// Run counts the runs of the thread, from 1.
func (rt *Runtime) Run() int { return rt.run }

// Step counts the finished steps of the run.
func (rt *Runtime) Step() int { return rt.step }

// Answer is the answer to the interrupt with which this node paused, if it did.
func (rt *Runtime) Answer() (Answer, bool) {
	if rt.answer == nil {
		return Answer{}, false
	}
	return *rt.answer, true
}

// Emit reports a value to whoever follows the run. It may be called from
// several goroutines and blocks until the report is taken.
func (rt *Runtime) Emit(v any) { rt.emit(v) }

// Note stores a part of this node's work under a key, safe when it returns. If
// the process dies before the node is through, the node finds it with Recall
// when it runs again. Notes are forgotten when the step is over.
func (rt *Runtime) Note(key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("note %s: %w", key, err)
	}
	return rt.note(key, raw)
}

// Recall reads the last note under a key that an earlier attempt at this node
// left, and says whether there was one.
func (rt *Runtime) Recall(key string, v any) (bool, error) {
	raw, ok := rt.notes[key]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("%w: note %s: %w", ErrIncompatible, key, err)
	}
	return true, nil
}

// runNode runs one node and keeps what it returns: an interrupt is stored at
// once, and so are the writes if other nodes are active beside it.
func (r *run[S]) runNode(ctx context.Context, node string, beside bool) error {
	r.mu.Lock()
	r.path = append(r.path, node)
	state, rt := r.at.state, r.runtime(ctx, node)
	r.mu.Unlock()

	r.send(Event{Kind: EventNodeStarted, Node: node})
	began := time.Now()
	res, err := call(ctx, r.g.nodes[node], state, rt)
	if err == nil {
		err = r.keep(ctx, node, res, beside)
	}
	if err != nil {
		err = r.nodeError(node, err)
	}
	r.send(Event{Kind: EventNodeEnded, Node: node, Elapsed: time.Since(began), Err: err})
	return err
}

func (r *run[S]) keep(ctx context.Context, node string, res Result[S], beside bool) error {
	if res.pause {
		return r.pause(ctx, node, res.ask)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if beside {
		rec := Record{Kind: KindTask, Run: r.at.run, Step: r.at.step, Node: node}
		if err := r.save(ctx, &rec, res.writes); err != nil {
			return err
		}
	}
	r.at.finish(node, res.writes)
	return nil
}

func (r *run[S]) pause(ctx context.Context, node string, ask any) error {
	raw, err := json.Marshal(ask)
	if err != nil {
		return fmt.Errorf("store interrupt: %w", err)
	}
	r.mu.Lock()
	in := Interrupt{ID: r.interruptID(node), Node: node, Payload: raw}
	rec := Record{Kind: KindInterrupt, Run: r.at.run, Step: r.at.step, Node: node, Interrupt: &in}
	if err = r.save(ctx, &rec, nil); err == nil {
		r.at.interrupt(rec)
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	r.send(Event{Kind: EventInterrupt, Node: node, Interrupt: &in})
	return nil
}

func (r *run[S]) runtime(ctx context.Context, node string) *Runtime {
	return &Runtime{
		thread: r.thread, node: node, run: r.at.run, step: r.at.step,
		answer: r.at.answers[node], notes: r.at.notes[node],
		emit: func(v any) { r.send(Event{Kind: EventCustom, Node: node, Value: v}) },
		note: func(key string, raw json.RawMessage) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			rec := Record{Kind: KindNote, Run: r.at.run, Step: r.at.step, Node: node, Key: key, Value: raw}
			return r.save(ctx, &rec, nil)
		},
	}
}

func call[S any](ctx context.Context, fn Node[S], s S, rt *Runtime) (res Result[S], err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return fn(ctx, s, rt)
}

func newPanicError(v any) *PanicError {
	return &PanicError{Value: v, Stack: string(debug.Stack())}
}

func (r *run[S]) nodeError(node string, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := r.path[max(0, len(r.path)-pathLength):]
	return &NodeError{Graph: r.g.name, Node: node, Step: r.at.step, Path: append([]string(nil), path...), Err: err}
}
