package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// Point is a place in a thread: how many of its records, counted from the
// first, lie before it. Pruning does not change the points that are left.
type Point int

// Snapshot is a thread as it was at some point.
type Snapshot[S any] struct {
	At      Point
	State   S
	Run     int
	Step    int
	Next    []string // active tasks; empty when the run is over
	Pending []Interrupt
	Inside  []Inside // subgraphs at work
}

// Inside is a subgraph at work, as it was at some point.
type Inside struct {
	Path  string
	State json.RawMessage // as Encode renders it
	Step  int
	Next  []string
}

// Unfinished says whether there is something to Continue or Answer.
func (s Snapshot[S]) Unfinished() bool { return len(s.Next) > 0 }

// Inspect reads where a thread is.
func (g *Graph[S]) Inspect(ctx context.Context, thread string) (Snapshot[S], error) {
	if k, ok := g.kept.look(ctx, g.options.Checkpointer, thread); ok {
		return g.rested(thread, k.at, k.count).snapshot()
	}
	l, err := g.read(ctx, thread)
	if err != nil {
		return Snapshot[S]{}, err
	}
	return l.snapshot()
}

// read replays a thread without running anything.
func (g *Graph[S]) read(ctx context.Context, thread string) (*level[S], error) {
	if g.options.Checkpointer == nil {
		return nil, ErrNoRecords
	}
	l := g.reader(thread)
	return l, l.load(ctx, g.options.Checkpointer, thread)
}

func (g *Graph[S]) reader(thread string) *level[S] {
	return &level[S]{g: g, s: &session{thread: thread, clock: g.options.Clock, records: newRecorder(nil, thread, Sync)}}
}

// History yields the thread as it was after each input and each step of the
// outermost graph, oldest first; with Moments one sees those of subgraphs, too.
func (g *Graph[S]) History(ctx context.Context, thread string) iter.Seq2[Snapshot[S], error] {
	return func(yield func(Snapshot[S], error) bool) {
		for l, rec := range g.replay(ctx, thread) {
			if l.err != nil {
				yield(Snapshot[S]{}, l.err)
				return
			}
			if rec.Kind != KindInput && rec.Kind != KindStep && rec.Kind != KindSnapshot {
				continue
			}
			s, err := l.level.snapshot()
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// At reads a thread as it was at a point, subgraphs included. ErrNoPoint means
// that it has fewer records, or that this part was pruned.
func (g *Graph[S]) At(ctx context.Context, thread string, at Point) (Snapshot[S], error) {
	for l := range g.replay(ctx, thread) {
		switch {
		case l.err != nil:
			return Snapshot[S]{}, l.err
		case l.level.point() == at:
			return l.level.snapshot()
		case l.level.point() > at:
			return Snapshot[S]{}, fmt.Errorf("%w: point %d of thread %s", ErrNoPoint, at, thread)
		}
	}
	return Snapshot[S]{}, fmt.Errorf("%w: point %d of thread %s", ErrNoPoint, at, thread)
}

type replayed[S any] struct {
	level *level[S]
	err   error
}

// replay yields the level after each record.
func (g *Graph[S]) replay(ctx context.Context, thread string) iter.Seq2[replayed[S], Record] {
	return func(yield func(replayed[S], Record) bool) {
		if g.options.Checkpointer == nil {
			yield(replayed[S]{err: ErrNoRecords}, Record{})
			return
		}
		l := g.reader(thread)
		for rec, err := range g.options.Checkpointer.Records(ctx, thread) {
			if err == nil {
				err = l.follow(rec)
			}
			if err != nil {
				yield(replayed[S]{err: fmt.Errorf("thread %s: %w", thread, err)}, rec)
				return
			}
			if !yield(replayed[S]{level: l}, rec) {
				return
			}
		}
	}
}

// follow applies a record and counts it.
func (l *level[S]) follow(rec Record) error {
	if err := l.apply(rec, rec.Path); err != nil {
		return err
	}
	if rec.Kind == KindSnapshot {
		l.s.records.count = rec.Before
	} else {
		l.s.records.count++
	}
	return nil
}

func (l *level[S]) point() Point { return Point(l.s.records.serial()) }

func (l *level[S]) snapshot() (Snapshot[S], error) {
	s := Snapshot[S]{At: l.point(), State: l.at.state, Run: l.at.run, Step: l.at.step, Next: slices.Clone(l.at.next)}
	l.collect(&s.Pending)
	err := l.eachChild(func(c child) error {
		var err error
		s.Inside, err = c.inside(s.Inside)
		return err
	})
	return s, err
}

func (l *level[S]) inside(to []Inside) ([]Inside, error) {
	if !l.begun() {
		return to, nil
	}
	state, err := l.g.Encode(l.at.state)
	if err != nil {
		return to, err
	}
	to = append(to, Inside{Path: l.path, State: state, Step: l.at.step, Next: slices.Clone(l.at.next)})
	err = l.eachChild(func(c child) error {
		var err error
		to, err = c.inside(to)
		return err
	})
	return to, err
}

// Notes reads what a task that was cut off in an unfinished step had noted;
// the tasks that lead to one inside of a subgraph go before it, with slashes.
func (g *Graph[S]) Notes(ctx context.Context, thread, task string) (map[string]json.RawMessage, error) {
	l, err := g.read(ctx, thread)
	if err != nil {
		return nil, err
	}
	return l.notebook(task), nil
}

// Moment is one record of a thread as people look at it.
type Moment struct {
	At    Point    `json:"at"` // after the record
	Kind  Kind     `json:"kind"`
	Run   int      `json:"run"`
	Step  int      `json:"step"`
	Node  string   `json:"node,omitempty"` // with the subgraphs that lead to it
	Next  []string `json:"next,omitempty"`
	Wrote []string `json:"wrote,omitempty"` // fields
	Bytes int      `json:"bytes"`           // of what was written
}

// Moments lists a thread's records at all depths, oldest first, for any graph.
func Moments(ctx context.Context, c Checkpointer, thread string) iter.Seq2[Moment, error] {
	return func(yield func(Moment, error) bool) {
		at := Point(0)
		for rec, err := range c.Records(ctx, thread) {
			if err != nil {
				yield(Moment{}, err)
				return
			}
			at++
			if rec.Kind == KindSnapshot {
				at = Point(rec.Before)
			}
			m := Moment{At: at, Kind: rec.Kind, Run: rec.Run, Step: rec.Step, Node: rec.Path, Next: rec.Next, Bytes: len(rec.Value)}
			if rec.Node != "" {
				m.Node = address(rec.Path, rec.Node)
			}
			for _, w := range rec.Writes {
				m.Wrote = append(m.Wrote, w.Field)
				m.Bytes += len(w.Value)
			}
			for _, s := range rec.Sends {
				m.Bytes += len(s.Payload)
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}
