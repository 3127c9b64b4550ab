package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// pathLength is how many nodes a NodeError's path names at most.
const pathLength = 8

// runTask runs the node of one task and keeps what it comes to: a question is
// stored at once, and so is the result if other tasks are active beside it.
func (l *level[S]) runTask(ctx context.Context, key string, beside bool) error {
	v := l.vertex(key)
	l.mu.Lock()
	l.trail = append(l.trail, key)
	if len(l.trail) > 2*trailLength {
		l.trail = slices.Delete(l.trail, 0, trailLength)
	}
	state, rt := l.at.state, l.runtime(ctx, key)
	l.mu.Unlock()
	if v.policy.Writes {
		if err := l.s.records.flush(ctx); err != nil {
			return err
		}
	}
	if l.s.emit == nil {
		return l.outcomeOf(ctx, v, key, state, rt, beside)
	}
	e := Event{Kind: EventNodeStarted, Run: rt.run, Step: rt.step, Node: rt.address}
	l.s.send(e)
	began := l.s.clock.Now()
	err := l.outcomeOf(ctx, v, key, state, rt, beside)
	e.Kind, e.Elapsed, e.Err = EventNodeEnded, l.s.clock.Now().Sub(began), err
	l.s.send(e)
	return err
}

func (l *level[S]) outcomeOf(ctx context.Context, v *vertex[S], key string, s S, rt *Runtime, beside bool) error {
	d, question, err := l.work(ctx, v, key, s, rt)
	switch {
	case err != nil:
	case question != nil && !question.nested:
		err = l.ask(ctx, key, question.ask)
	case question == nil:
		err = l.keep(ctx, v, key, d, beside)
	}
	if err != nil {
		return l.nodeError(key, err)
	}
	return nil
}

// waitsFor says why a task is not through: its own question, or one that was
// asked, and stored, inside of its subgraph.
type waitsFor struct {
	ask    *Question
	nested bool
}

func (l *level[S]) work(ctx context.Context, v *vertex[S], key string, s S, rt *Runtime) (done[S], *waitsFor, error) {
	var res Result[S]
	var err error
	switch {
	case v.nested != nil:
		ok := false
		if res, ok, err = l.nestedAttempt(ctx, v, key, s, rt); err == nil && !ok {
			return done[S]{}, &waitsFor{nested: true}, nil
		}
	case v.policy.Writes && l.s.script != nil:
		d, err := scripted[S](l, key)
		return d, nil, err
	case v.policy.plain():
		res, err = call(ctx, v.run, s, rt)
	default:
		return l.governed(ctx, v, key, s, rt)
	}
	if err != nil {
		return done[S]{}, nil, err
	}
	return l.settle(v, res)
}

// settle checks where a result leads and makes it storable.
func (l *level[S]) settle(v *vertex[S], res Result[S]) (done[S], *waitsFor, error) {
	if res.question != nil {
		return done[S]{}, &waitsFor{ask: res.question}, nil
	}
	d := done[S]{writes: res.writes, to: res.to}
	for _, to := range res.to {
		if !slices.Contains(v.gotos, to) {
			return d, nil, fmt.Errorf("%w: %q is not one of %v", ErrUndeclared, to, v.gotos)
		}
	}
	if len(res.sends) > v.maxSends && v.maxSends > 0 {
		return d, nil, fmt.Errorf("%w: %d, at most %d", ErrFanOut, len(res.sends), v.maxSends)
	}
	for _, s := range res.sends {
		if !slices.Contains(v.sends, s.Node) {
			return d, nil, fmt.Errorf("%w: %q is not one of %v", ErrUndeclared, s.Node, v.sends)
		}
		raw, err := json.Marshal(s.Payload)
		if err != nil {
			return d, nil, fmt.Errorf("send to %s: %w", s.Node, err)
		}
		d.sends = append(d.sends, Sent{s.Node, raw})
	}
	return d, nil, nil
}

// keep remembers what a task came to, and stores it if it is one of several.
func (l *level[S]) keep(ctx context.Context, v *vertex[S], key string, d done[S], beside bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if beside {
		rec := Record{Kind: KindTask, Run: l.at.run, Step: l.at.step, Node: key, Next: d.to, Sends: d.sends}
		if err := l.save(ctx, &rec, d.writes); err != nil {
			return err
		}
		if v.policy.Writes {
			if err := l.s.records.flush(ctx); err != nil {
				return err
			}
		}
	}
	l.at.finish(key, d)
	return nil
}

// nestedAttempt is runNested under the node's timeouts.
func (l *level[S]) nestedAttempt(ctx context.Context, v *vertex[S], key string, s S, rt *Runtime) (Result[S], bool, error) {
	if v.policy.Timeout == 0 && v.policy.Idle == 0 {
		return l.runNested(ctx, v, key, s, rt)
	}
	ctx, stop := limited(ctx, v.policy.Timeout, v.policy.Idle, rt)
	defer stop()
	res, ok, err := l.runNested(ctx, v, key, s, rt)
	return res, ok, causeOf(ctx, err)
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

// limited is a context under a node's timeouts, and a runtime whose signs of
// life reset the idle one.
func limited(ctx context.Context, timeout, idle time.Duration, rt *Runtime) (context.Context, func()) {
	stopTimeout, stopIdle := context.CancelFunc(func() {}), func() {}
	if timeout > 0 {
		ctx, stopTimeout = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%w: %s", ErrTimeout, timeout))
	}
	if idle > 0 {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		timer := time.AfterFunc(idle, func() { cancel(fmt.Errorf("%w: %s", ErrIdle, idle)) })
		rt.beat = func() { timer.Reset(idle) }
		stopIdle = func() { timer.Stop(); cancel(nil) }
	}
	return ctx, func() { stopIdle(); stopTimeout() }
}
