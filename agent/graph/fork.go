package graph

import (
	"context"
	"encoding/json"
	"fmt"
)

// Fork copies a thread, as it was at a point, to a new one, which must be
// there and empty. The point may lie inside of a step or a subgraph: what was
// through by then stays through, and Continue goes on with the rest. Questions
// of tasks that were not through are not copied, with or without their answer:
// the fork asks again, and an answer given in one thread is never good for the
// other.
func (g *Graph[S]) Fork(ctx context.Context, thread string, at Point, to string) error {
	c := g.options.Checkpointer
	if c == nil {
		return ErrNoRecords
	}
	if err := g.claim(to); err != nil {
		return err
	}
	defer g.unclaim(to)
	for _, err := range c.Records(ctx, to) {
		if err == nil {
			err = ErrNotEmpty
		}
		return fmt.Errorf("fork thread %s to %s: %w", thread, to, err)
	}
	records, open, err := g.prefix(ctx, thread, at)
	if err != nil {
		return err
	}
	point, err := json.Marshal(at)
	if err != nil {
		return err
	}
	copied := []Record{{Kind: KindFork, Key: thread, Value: point}}
	for _, rec := range records {
		if rec.Kind == KindSnapshot {
			rec.Before++ // for the record of the fork
		}
		if !asksFor(rec, open) {
			copied = append(copied, rec)
		}
	}
	r := newRecorder(c, to, Sync)
	return r.store(ctx, copied)
}

// prefix is a thread's records up to a point, and the questions that are open
// there.
func (g *Graph[S]) prefix(ctx context.Context, thread string, at Point) ([]Record, map[string]bool, error) {
	var records []Record
	for r, rec := range g.replay(ctx, thread) {
		if r.err != nil {
			return nil, nil, r.err
		}
		if r.level.point() > at {
			break
		}
		records = append(records, rec)
		if r.level.point() == at {
			open := make(map[string]bool)
			r.level.open(open)
			return records, open, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: point %d of thread %s", ErrNoPoint, at, thread)
}

func asksFor(rec Record, questions map[string]bool) bool {
	switch rec.Kind {
	case KindInterrupt:
		return questions[rec.Interrupt.ID]
	case KindAnswer:
		return questions[rec.Answer.Interrupt]
	case KindExpire:
		return questions[rec.Key]
	default:
		return false
	}
}
