package graph

import (
	"context"
	"fmt"
)

// Prune drops the older part of a thread's history: all but the last keep
// steps and inputs of the outermost graph, and what happened after them, are
// replaced by one record of what they added up to. The thread's state, what is
// active and what is asked stay as they are, bit for bit, and so do the points
// that are left. It returns how many records are gone.
func (g *Graph[S]) Prune(ctx context.Context, thread string, keep int) (int, error) {
	c := g.options.Checkpointer
	if c == nil {
		return 0, ErrNoRecords
	}
	p, ok := c.(Pruner)
	if !ok {
		return 0, ErrCannotPrune
	}
	if err := g.claim(thread); err != nil {
		return 0, err
	}
	defer g.unclaim(thread)
	marks, err := marksOf(ctx, c, thread)
	if err != nil {
		return 0, err
	}
	i := len(marks) - 1 - max(0, keep)
	if i < 0 || marks[i] < 2 {
		return 0, nil
	}
	with, err := g.summary(ctx, thread, marks[i])
	if err != nil {
		return 0, err
	}
	if err := p.Prune(ctx, thread, marks[i], with); err != nil {
		return 0, fmt.Errorf("prune thread %s: %w", thread, err)
	}
	return marks[i] - 1, nil
}

// marksOf are the numbers of records that end a step or an input of the
// outermost graph.
func marksOf(ctx context.Context, c Checkpointer, thread string) ([]int, error) {
	var marks []int
	n := 0
	for rec, err := range c.Records(ctx, thread) {
		if err != nil {
			return nil, fmt.Errorf("read thread %s: %w", thread, err)
		}
		n++
		switch rec.Kind {
		case KindInput, KindStep, KindSnapshot, KindAbandon:
			marks = append(marks, n)
		default:
		}
	}
	return marks, nil
}

// summary is the record that stands for the first drop records.
func (g *Graph[S]) summary(ctx context.Context, thread string, drop int) (Record, error) {
	n := 0
	for r := range g.replay(ctx, thread) {
		if r.err != nil {
			return Record{}, r.err
		}
		if n++; n < drop {
			continue
		}
		at := &r.level.at
		rec := Record{Kind: KindSnapshot, Run: at.run, Step: at.step, Next: at.next, Sends: at.sends, Before: int(r.level.point())}
		for _, f := range g.fieldOrder {
			raw, err := f.encode(&at.state)
			if err != nil {
				return Record{}, err
			}
			rec.Writes = append(rec.Writes, Change{Field: f.fieldName(), Value: raw})
		}
		return rec, nil
	}
	return Record{}, fmt.Errorf("%w: record %d of thread %s", ErrNoPoint, drop, thread)
}
