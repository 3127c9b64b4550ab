package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Thread is a thread that is open for work. Where it is was read once, and all
// that is done goes on from there. One goroutine at a time may use it.
type Thread[S any] struct {
	g     *Graph[S]
	name  string
	level *level[S] // where the thread is; nil: its records must be read
}

// Open reads a thread to work on it. Until Close every other work on it
// through this graph is refused (ErrBusy); reading is not. With Options.Keep a
// thread that is still as this graph left it is not read again.
func (g *Graph[S]) Open(ctx context.Context, thread string) (*Thread[S], error) {
	if err := g.claim(thread); err != nil {
		return nil, err
	}
	t := &Thread[S]{g: g, name: thread}
	if k, ok := g.kept.take(ctx, g.options.Checkpointer, thread); ok {
		t.level = g.rested(thread, k.at, k.count)
		return t, nil
	}
	if err := t.read(ctx); err != nil {
		g.unclaim(thread)
		return nil, err
	}
	return t, nil
}

// Close lets go of the thread. A second Close does nothing.
func (t *Thread[S]) Close(ctx context.Context) {
	if t.g == nil {
		return
	}
	if l := t.level; l != nil && len(l.at.next) == 0 {
		t.g.kept.put(ctx, t.g.options.Checkpointer, rest[S]{thread: t.name, at: l.at, count: l.s.records.serial()}, t.g.options.Keep)
	}
	t.g.unclaim(t.name)
	t.g = nil
}

// read follows the thread's records from the first.
func (t *Thread[S]) read(ctx context.Context) error {
	t.level = nil
	l := t.g.reader(t.name)
	if err := l.load(ctx, t.g.options.Checkpointer, t.name); err != nil {
		return err
	}
	t.level = l
	return nil
}

// at is where the thread is, read if that is not known.
func (t *Thread[S]) at(ctx context.Context) (*level[S], error) {
	if t.g == nil {
		return nil, fmt.Errorf("thread %s: %w", t.name, ErrClosed)
	}
	if t.level == nil {
		if err := t.read(ctx); err != nil {
			return nil, err
		}
	}
	return t.level, nil
}

// Snapshot says where the thread is.
func (t *Thread[S]) Snapshot(ctx context.Context) (Snapshot[S], error) {
	l, err := t.at(ctx)
	if err != nil {
		return Snapshot[S]{}, err
	}
	return l.snapshot()
}

// Notes is Graph.Notes of the open thread.
func (t *Thread[S]) Notes(ctx context.Context, task string) (map[string]json.RawMessage, error) {
	l, err := t.at(ctx)
	if err != nil {
		return nil, err
	}
	return l.notebook(task), nil
}

// Start is Graph.Start of the open thread.
func (t *Thread[S]) Start(ctx context.Context, emit func(Event), writes ...Write[S]) (Outcome[S], error) {
	return t.work(ctx, emit, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) > 0 {
			return fmt.Errorf("%w: it is at %v", ErrUnfinished, l.at.next)
		}
		if err := l.begin(ctx, l.at.run+1, writes); err != nil {
			return err
		}
		return l.loop(ctx)
	})
}

// Continue is Graph.Continue of the open thread.
func (t *Thread[S]) Continue(ctx context.Context, emit func(Event)) (Outcome[S], error) {
	return t.work(ctx, emit, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) == 0 {
			return ErrNoRun
		}
		if err := l.expire(ctx); err != nil {
			return err
		}
		return l.loop(ctx)
	})
}

// Answer is Graph.Answer of the open thread.
func (t *Thread[S]) Answer(ctx context.Context, a Answer, emit func(Event)) (Outcome[S], error) {
	return t.work(ctx, emit, func(ctx context.Context, l *level[S]) error {
		found, err := l.take(ctx, a)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%w: %q", ErrNoInterrupt, a.Interrupt)
		}
		return l.loop(ctx)
	})
}

// Abandon is Graph.Abandon of the open thread.
func (t *Thread[S]) Abandon(ctx context.Context) error {
	_, err := t.work(ctx, nil, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) == 0 {
			return ErrNoRun
		}
		rec := Record{Kind: KindAbandon, Run: l.at.run, Step: l.at.step}
		if err := l.save(ctx, &rec, nil); err != nil {
			return err
		}
		return l.apply(rec, "")
	})
	return err
}

// work does something to the thread and sees to it that all records are
// stored. Where it then is, is known only if it is at rest: what a task had
// noted or done before an error or a question stands in the records alone.
func (t *Thread[S]) work(ctx context.Context, emit func(Event), do func(context.Context, *level[S]) error) (Outcome[S], error) {
	l, err := t.at(ctx)
	if err != nil {
		return Outcome[S]{}, err
	}
	t.level = nil
	o, s := &t.g.options, l.s
	s.emit, s.seed, s.cache, s.tokens = emit, o.Seed, o.Cache, t.g.threads.on(t.name)
	count := s.records.serial()
	s.records = newRecorder(o.Checkpointer, t.name, o.Durability)
	s.records.count = count
	err = do(ctx, l)
	if cerr := s.records.close(ctx); cerr != nil && !errors.Is(err, cerr) {
		err = errors.Join(err, cerr)
	}
	if err == nil && len(l.at.next) == 0 {
		t.level = t.g.rested(t.name, l.at, s.records.serial())
	}
	return l.outcome(), err
}

// rested is a level at which nothing is active.
func (g *Graph[S]) rested(thread string, at position[S], count int) *level[S] {
	l := g.reader(thread)
	l.at = position[S]{state: at.state, begun: at.begun, run: at.run, step: at.step}
	l.s.records.count = count
	return l
}
