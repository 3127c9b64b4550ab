package graph

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// Replay runs the steps that a thread took after a point again, beside the
// thread, and compares them with its records: the outcome is bit-equal, or the
// error says where the run would go another way now (ErrDiverged). Nothing is
// stored and nobody is asked: recorded answers answer the same questions, and
// nodes that are declared to write do not run, their recorded result is taken.
// A last step that was cut off is not replayed. The point may lie inside of a
// step or a subgraph. Replay from point 0 runs everything again.
func (g *Graph[S]) Replay(ctx context.Context, thread string, at Point, emit func(Event)) (Outcome[S], error) {
	c := g.options.Checkpointer
	if c == nil {
		return Outcome[S]{}, ErrNoRecords
	}
	s := &session{thread: thread, emit: emit, clock: g.options.Clock, seed: g.options.Seed, cache: g.options.Cache, records: newRecorder(nil, thread, Sync)}
	l := &level[S]{g: g, s: s}
	next, stop := iter.Pull2(c.Records(ctx, thread))
	defer stop()
	err := l.replayFrom(ctx, at, next)
	if err != nil {
		err = fmt.Errorf("replay thread %s from point %d: %w", thread, at, err)
	}
	return l.outcome(), err
}

type nextRecord = func() (Record, error, bool)

// replayFrom follows the records to the point and then replays step by step.
func (l *level[S]) replayFrom(ctx context.Context, at Point, next nextRecord) error {
	open, err := l.followTo(at, next)
	if err != nil {
		return err
	}
	var step []Record // of the step of the outermost graph that is under way
	for {
		rec, err, more := next()
		if err != nil || !more {
			return err
		}
		if step = append(step, rec); !endsStep(rec) {
			continue
		}
		if rec.Kind == KindStep {
			err = l.again(ctx, open, step)
		} else {
			err = l.follow(rec)
		}
		if err != nil {
			return err
		}
		open, step = nil, nil
	}
}

// followTo brings the level to a point. It returns the records of the
// questions that wait for an answer there.
func (l *level[S]) followTo(at Point, next nextRecord) ([]Record, error) {
	var step []Record
	for l.point() < at {
		rec, err, more := next()
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, ErrNoPoint
		}
		if err := l.follow(rec); err != nil {
			return nil, err
		}
		if step = append(step, rec); endsStep(rec) {
			step = nil
		}
	}
	if l.point() > at {
		return nil, ErrNoPoint
	}
	var pending []Interrupt
	l.collect(&pending)
	open := make(map[string]bool)
	for _, in := range pending {
		open[in.ID] = true
	}
	return slices.DeleteFunc(step, func(rec Record) bool { return !asksFor(rec, open) }), nil
}

func endsStep(rec Record) bool {
	switch rec.Kind {
	case KindInput, KindStep, KindAbandon, KindSnapshot, KindFork:
		return true
	default:
		return false
	}
}

// again replays the rest of a step; open are the questions that were open when
// it began.
func (l *level[S]) again(ctx context.Context, open, rest []Record) error {
	l.s.script = newScript(slices.Concat(open, rest))
	captured := &Memory{}
	l.s.records = newRecorder(captured, l.s.thread, Sync)
	for want := l.at.step + 1; l.at.step < want && len(l.at.next) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.step(ctx); err != nil {
			return err
		}
		var asked []Interrupt
		l.collect(&asked)
		for _, in := range asked {
			a, err := l.s.script.reply(in)
			if err != nil {
				return err
			}
			if _, err := l.take(ctx, a); err != nil {
				return err
			}
		}
	}
	return differing(rest, captured.threads[l.s.thread])
}
