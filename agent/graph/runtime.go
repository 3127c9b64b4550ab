package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

// Runtime is what a running node sees of the machine around it.
type Runtime struct {
	ctx      context.Context // of the run: what a node notes is kept even when its own has ended
	host     host
	thread   string
	address  string
	key      string
	scope    string
	run      int
	step     int
	attempt  int
	payload  json.RawMessage
	given    given
	answered bool
	notes    notebook
	beat     func()
}

// host is the level that a Runtime belongs to.
type host interface {
	emitFrom(rt *Runtime, v any)
	noteFrom(rt *Runtime, key string, raw json.RawMessage) error
	tokenFrom(rt *Runtime, v any)
	printOf(rt *Runtime, binding any) (string, error)
}

// Thread is the thread's name.
func (rt *Runtime) Thread() string { return rt.thread }

// Run counts the runs of the thread, from 1.
func (rt *Runtime) Run() int { return rt.run }

// Step counts the finished steps of the run, or of the subgraph's.
func (rt *Runtime) Step() int { return rt.step }

// Attempt counts how often the node's policy has run it for this step, from 1.
func (rt *Runtime) Attempt() int { return rt.attempt }

// Address is the task that the node runs for, with the subgraphs that lead to
// it: "review/approve", "worker[2]".
func (rt *Runtime) Address() string { return rt.address }

// Key names this task of this thread, the same at every attempt and after
// every restart, and of no other task: what a tool that writes can know
// repetitions by.
func (rt *Runtime) Key() string {
	return fmt.Sprintf("%s@%d.%s%d/%s", rt.thread, rt.run, rt.scope, rt.step, rt.address)
}

// Answer is the answer to the interrupt with which this node paused, if it did.
func (rt *Runtime) Answer() (Answer, bool) {
	if !rt.answered {
		return Answer{}, false
	}
	return rt.given.answer, true
}

// StillBound checks, when the answer is there, that what it was given for is
// still what is about to be done: binding is what the question's Binding was.
// ErrStale means that it is not, and that the node must ask again.
func (rt *Runtime) StillBound(binding any) error {
	if !rt.answered {
		return ErrNoInterrupt
	}
	now, err := rt.host.printOf(rt, binding)
	if err != nil {
		return err
	}
	if now != rt.given.in.Fingerprint {
		return fmt.Errorf("%w: %q", ErrStale, rt.given.in.ID)
	}
	return nil
}

// Emit reports a value to whoever follows the run. It may be called from
// several goroutines and blocks until the report is taken.
func (rt *Runtime) Emit(v any) {
	rt.Heartbeat()
	rt.host.emitFrom(rt, v)
}

// Token reports a value to those who follow the thread with Graph.Tokens. It
// never blocks: what does not fit is dropped and counted.
func (rt *Runtime) Token(v any) {
	rt.Heartbeat()
	rt.host.tokenFrom(rt, v)
}

// Heartbeat tells the node's idle timeout that it is still at work.
func (rt *Runtime) Heartbeat() {
	if rt.beat != nil {
		rt.beat()
	}
}

// Note stores a part of this node's work under a key, safe when it returns. If
// the process dies before the node is through, the node finds it with Recall
// when it runs again. Notes are forgotten when the step is over.
func (rt *Runtime) Note(key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("note %s: %w", key, err)
	}
	rt.Heartbeat()
	return rt.host.noteFrom(rt, key, raw)
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

func (l *level[S]) runtime(ctx context.Context, key string) *Runtime {
	rt := &Runtime{
		ctx: ctx, host: l, thread: l.s.thread, address: address(l.path, key), key: key, scope: l.scope,
		run: l.at.run, step: l.at.step, attempt: 1,
		payload: l.at.payload(key), notes: l.at.notes[key],
	}
	rt.given, rt.answered = l.at.answers[key]
	return rt
}

func (l *level[S]) emitFrom(rt *Runtime, v any) {
	if l.s.emit != nil {
		l.s.send(Event{Kind: EventCustom, Run: rt.run, Step: rt.step, Node: rt.address, Value: v})
	}
}

func (l *level[S]) tokenFrom(rt *Runtime, v any) {
	for _, t := range l.s.tokens {
		t.offer(Token{Thread: rt.thread, Run: rt.run, Node: rt.address, Value: v})
	}
}

func (l *level[S]) printOf(rt *Runtime, binding any) (string, error) {
	return l.fingerprint(rt.key, rt.given.in.Payload, binding)
}

func (l *level[S]) noteFrom(rt *Runtime, key string, raw json.RawMessage) error {
	rec := Record{Kind: KindNote, Run: rt.run, Step: rt.step, Node: rt.key, Key: key, Value: raw}
	if err := l.save(rt.ctx, &rec, nil); err != nil {
		return err
	}
	if l.vertex(rt.key).policy.Retry.Attempts > 1 { // the next attempt reads it
		l.mu.Lock()
		if l.at.notes != nil {
			l.at.notes[rt.key] = maps.Clone(l.at.notes[rt.key]) // this attempt keeps the old one
		}
		l.at.remember(rec)
		l.mu.Unlock()
	}
	return l.s.records.flush(rt.ctx)
}
