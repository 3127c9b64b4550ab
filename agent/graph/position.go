package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// position is what the records of a thread add up to.
type position[S any] struct {
	state   S
	run     int
	step    int
	next    []string              // active nodes, in order
	tasks   map[string][]Write[S] // active nodes that are through
	notes   map[string]map[string]json.RawMessage
	pending []Interrupt
	answers map[string]*Answer
	records int
}

// apply replays one stored record.
func (p *position[S]) apply(g *Graph[S], rec Record) error {
	for _, n := range rec.Next {
		if g.nodes[n] == nil {
			return fmt.Errorf("%w: there is no node %q any more", ErrIncompatible, n)
		}
	}
	writes := make([]Write[S], len(rec.Writes))
	for i, c := range rec.Writes {
		f, ok := g.fields[c.Field]
		if !ok {
			return fmt.Errorf("%w: there is no field %q any more", ErrIncompatible, c.Field)
		}
		w, err := f.decode(c.Value)
		if err != nil {
			return err
		}
		writes[i] = w
	}
	p.records++
	switch rec.Kind {
	case KindInput:
		p.begin(rec, writes)
	case KindTask:
		p.finish(rec.Node, writes)
	case KindStep:
		p.replayStep(rec, writes)
	case KindNote:
		p.remember(rec)
	case KindInterrupt:
		if rec.Interrupt == nil {
			return fmt.Errorf("%w: interrupt without a question", ErrIncompatible)
		}
		p.interrupt(rec)
	case KindAnswer:
		if rec.Answer == nil {
			return fmt.Errorf("%w: empty answer", ErrIncompatible)
		}
		p.answer(rec)
	case KindAbandon:
		p.next = nil
		p.clear()
	default:
		return fmt.Errorf("%w: record of unknown kind %q", ErrIncompatible, rec.Kind)
	}
	return nil
}

func (p *position[S]) begin(rec Record, writes []Write[S]) {
	for _, w := range writes {
		w.apply(&p.state)
	}
	p.run, p.step, p.next = rec.Run, 0, rec.Next
	p.clear()
}

func (p *position[S]) finish(node string, writes []Write[S]) {
	if p.tasks == nil {
		p.tasks = make(map[string][]Write[S], len(p.next))
	}
	p.tasks[node] = writes
}

func (p *position[S]) replayStep(rec Record, writes []Write[S]) {
	if rec.Node == "" {
		for _, node := range p.next {
			writes = append(writes, p.tasks[node]...)
		}
	}
	s := p.state
	for _, w := range writes {
		w.apply(&s)
	}
	p.advance(s, rec)
}

func (p *position[S]) advance(s S, rec Record) {
	p.state, p.step, p.next = s, rec.Step, rec.Next
	p.clear()
}

func (p *position[S]) clear() {
	clear(p.tasks)
	p.notes, p.pending, p.answers = nil, nil, nil
}

func (p *position[S]) remember(rec Record) {
	if p.notes == nil {
		p.notes = make(map[string]map[string]json.RawMessage)
	}
	if p.notes[rec.Node] == nil {
		p.notes[rec.Node] = make(map[string]json.RawMessage)
	}
	p.notes[rec.Node][rec.Key] = rec.Value
}

func (p *position[S]) interrupt(rec Record) {
	p.pending = append(p.pending, *rec.Interrupt)
}

func (p *position[S]) answer(rec Record) {
	p.pending = slices.DeleteFunc(p.pending, func(i Interrupt) bool { return i.ID == rec.Answer.Interrupt })
	if p.answers == nil {
		p.answers = make(map[string]*Answer)
	}
	p.answers[rec.Node] = rec.Answer
}

func (p *position[S]) waits(node string) bool {
	return slices.ContainsFunc(p.pending, func(i Interrupt) bool { return i.Node == node })
}

// Snapshot is a thread as it was after some step.
type Snapshot[S any] struct {
	State   S
	Run     int
	Step    int
	Next    []string // active nodes; empty when the run is over
	Pending []Interrupt
}

// Unfinished says whether there is something to Continue or Answer.
func (s Snapshot[S]) Unfinished() bool { return len(s.Next) > 0 }

// Inspect reads where a thread is.
func (g *Graph[S]) Inspect(ctx context.Context, thread string) (Snapshot[S], error) {
	if g.options.Checkpointer == nil {
		return Snapshot[S]{}, ErrNoRecords
	}
	r, err := g.load(ctx, thread, nil)
	if err != nil {
		return Snapshot[S]{}, err
	}
	return r.at.snapshot(), nil
}

// History yields the thread as it was after each input and each step, oldest
// first.
func (g *Graph[S]) History(ctx context.Context, thread string) iter.Seq2[Snapshot[S], error] {
	return func(yield func(Snapshot[S], error) bool) {
		if g.options.Checkpointer == nil {
			yield(Snapshot[S]{}, ErrNoRecords)
			return
		}
		var p position[S]
		for rec, err := range g.options.Checkpointer.Records(ctx, thread) {
			if err == nil {
				err = p.apply(g, rec)
			}
			if err != nil {
				yield(Snapshot[S]{}, fmt.Errorf("thread %s: %w", thread, err))
				return
			}
			if rec.Kind != KindInput && rec.Kind != KindStep {
				continue
			}
			if !yield(p.snapshot(), nil) {
				return
			}
		}
	}
}

func (p *position[S]) snapshot() Snapshot[S] {
	return Snapshot[S]{
		State: p.state, Run: p.run, Step: p.step,
		Next: slices.Clone(p.next), Pending: slices.Clone(p.pending),
	}
}

// Notes reads what a node that was cut off in an unfinished step had noted.
func (g *Graph[S]) Notes(ctx context.Context, thread, node string) (map[string]json.RawMessage, error) {
	if g.options.Checkpointer == nil {
		return nil, ErrNoRecords
	}
	r, err := g.load(ctx, thread, nil)
	if err != nil {
		return nil, err
	}
	return r.at.notes[node], nil
}
