package graph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// position is what the records of a thread add up to, at one level.
type position[S any] struct {
	state    S
	begun    bool // a run was
	run      int
	step     int
	next     []string            // active tasks, in order
	sends    []Sent              // payloads of those that were sent
	tasks    map[string]done[S]  // active tasks that are through
	children map[string]child    // active tasks that are inside of their subgraph
	notes    map[string]notebook // of active tasks
	asked    []asked             // by active tasks, in order
	pending  []asked             // those of them that wait for an answer
	answers  map[string]given
}

type notebook map[string]json.RawMessage

// done is what a task came to.
type done[S any] struct {
	writes []Write[S]
	to     []string
	sends  []Sent
}

type asked struct {
	key string // the task
	in  Interrupt
}

type given struct {
	in     Interrupt
	answer Answer
}

// apply replays one stored record, which belongs to the level at the end of
// rest.
func (l *level[S]) apply(rec Record, rest string) error {
	if rest != "" {
		key, below, _ := strings.Cut(rest, "/")
		c, err := l.child(key)
		if err != nil {
			return err
		}
		return c.apply(rec, below)
	}
	if err := l.fits(rec); err != nil {
		return err
	}
	writes, err := l.decode(rec)
	if err != nil {
		return err
	}
	p := &l.at
	switch rec.Kind {
	case KindInput, KindEnter:
		if err := applyAll(writes, &p.state); err != nil {
			return fmt.Errorf("%w: %w", ErrIncompatible, err)
		}
		p.enter(rec)
	case KindTask:
		p.finish(rec.Node, done[S]{writes, rec.Next, rec.Sends})
	case KindStep, KindInner:
		l.overtake(rec)
		return p.replayStep(rec, writes)
	case KindNote:
		p.remember(rec)
	case KindInterrupt:
		p.ask(asked{rec.Node, *rec.Interrupt})
	case KindAnswer:
		p.answer(*rec.Answer)
	case KindExpire:
		p.expire(rec.Key)
	case KindAbandon:
		p.next, p.sends = nil, nil
		p.clear()
	case KindSnapshot:
		return l.restore(rec)
	case KindFork:
	}
	return nil
}

func misfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrIncompatible, fmt.Sprintf(format, args...))
}

// fits refuses records that this graph cannot have written.
func (l *level[S]) fits(rec Record) error {
	inner, begins := l.path != "", false // what the kind says, where it says something
	switch rec.Kind {
	case KindInput, KindSnapshot, KindFork:
		inner, begins = false, true
	case KindEnter:
		inner, begins = true, true
	case KindStep, KindAbandon:
		inner = false
	case KindInner:
		inner = true
	case KindTask, KindNote, KindExpire:
	case KindInterrupt:
		if rec.Interrupt == nil {
			return misfit("interrupt without a question")
		}
	case KindAnswer:
		if rec.Answer == nil {
			return misfit("empty answer")
		}
	default:
		return misfit("record of unknown kind %q", rec.Kind)
	}
	if inner != (l.path != "") {
		return misfit("record %q at %q", rec.Kind, l.path)
	}
	if rec.Run < 0 || rec.Step < 0 || !begins && !l.at.begun {
		return misfit("%s of run %d, step %d, which did not begin", rec.Kind, rec.Run, rec.Step)
	}
	return l.leads(rec)
}

// leads refuses records that lead to tasks that there are not.
func (l *level[S]) leads(rec Record) error {
	for _, key := range rec.Next {
		node, i := splitKey(key)
		switch {
		case rec.Kind == KindTask && key == End:
		case l.g.nodes[node] == nil:
			return misfit("there is no node %q any more", node)
		case i >= 0 && (i >= len(rec.Sends) || rec.Sends[i].Node != node):
			return misfit("task %q was not sent", key)
		}
	}
	for _, s := range rec.Sends {
		if l.g.nodes[s.Node] == nil {
			return misfit("there is no node %q any more", s.Node)
		}
	}
	return nil
}

func (g *Graph[S]) decode(changes []Change) ([]Write[S], error) {
	if len(changes) == 0 {
		return nil, nil
	}
	writes := make([]Write[S], len(changes))
	for i, c := range changes {
		f, ok := g.fields[c.Field]
		if !ok {
			return nil, fmt.Errorf("%w: there is no field %q any more", ErrIncompatible, c.Field)
		}
		w, err := f.decode(c.Value)
		if err != nil {
			return nil, err
		}
		writes[i] = w
	}
	return writes, nil
}

// restore takes a snapshot's values as they are, past the reducers.
func (l *level[S]) restore(rec Record) error {
	var s S
	for _, c := range rec.Writes {
		f, ok := l.g.fields[c.Field]
		if !ok {
			return fmt.Errorf("%w: there is no field %q any more", ErrIncompatible, c.Field)
		}
		if err := f.restore(&s, c.Value); err != nil {
			return err
		}
	}
	if rec.Before < 1 {
		return fmt.Errorf("%w: a snapshot of %d records", ErrIncompatible, rec.Before)
	}
	clear(l.late)
	l.at = position[S]{state: s, begun: true, run: rec.Run, step: rec.Step, next: rec.Next, sends: rec.Sends}
	return nil
}

func (p *position[S]) begin(rec Record, writes []Write[S]) {
	for _, w := range writes {
		w.apply(&p.state)
	}
	p.enter(rec)
}

func (p *position[S]) enter(rec Record) {
	p.begun, p.run, p.step, p.next, p.sends = true, rec.Run, 0, rec.Next, rec.Sends
	p.clear()
}

func (p *position[S]) finish(key string, d done[S]) {
	if p.tasks == nil {
		p.tasks = make(map[string]done[S], len(p.next))
	}
	p.tasks[key] = d
}

func (p *position[S]) replayStep(rec Record, writes []Write[S]) error {
	if rec.Node == "" {
		for _, key := range p.next {
			writes = append(writes, p.tasks[key].writes...)
		}
	}
	s := p.state
	if err := applyAll(writes, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrIncompatible, err)
	}
	p.advance(s, rec)
	return nil
}

func (p *position[S]) advance(s S, rec Record) {
	p.state, p.step, p.next, p.sends = s, rec.Step, rec.Next, rec.Sends
	p.clear()
}

func (p *position[S]) clear() {
	clear(p.tasks)
	clear(p.children)
	p.notes, p.asked, p.pending, p.answers = nil, nil, nil, nil
}

func (p *position[S]) remember(rec Record) {
	if p.notes == nil {
		p.notes = make(map[string]notebook)
	}
	if p.notes[rec.Node] == nil {
		p.notes[rec.Node] = make(notebook)
	}
	p.notes[rec.Node][rec.Key] = rec.Value
}

func (p *position[S]) ask(q asked) {
	p.asked = append(p.asked, q)
	p.pending = append(p.pending, q)
}

func (p *position[S]) answer(a Answer) {
	i := slices.IndexFunc(p.pending, func(q asked) bool { return q.in.ID == a.Interrupt })
	if i < 0 {
		return
	}
	q := p.pending[i]
	p.pending = slices.Delete(slices.Clone(p.pending), i, i+1)
	if p.answers == nil {
		p.answers = make(map[string]given)
	}
	p.answers[q.key] = given{q.in, a}
}

func (p *position[S]) expire(id string) {
	p.pending = slices.DeleteFunc(slices.Clone(p.pending), func(q asked) bool { return q.in.ID == id })
	for key, g := range p.answers {
		if g.in.ID == id {
			delete(p.answers, key)
		}
	}
}

// payload is what a task was sent, or nil.
func (p *position[S]) payload(key string) json.RawMessage {
	if _, i := splitKey(key); i >= 0 && i < len(p.sends) {
		return p.sends[i].Payload
	}
	return nil
}

func (l *level[S]) waits(key string) bool {
	if slices.ContainsFunc(l.at.pending, func(q asked) bool { return q.key == key }) {
		return true
	}
	c := l.at.children[key]
	return c != nil && c.waiting()
}

// waiting says whether any task below waits for an answer.
func (l *level[S]) waiting() bool {
	if len(l.at.pending) > 0 {
		return true
	}
	for _, c := range l.at.children {
		if c.waiting() {
			return true
		}
	}
	return false
}
