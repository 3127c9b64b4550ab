package graph

import (
	"context"
	"fmt"
	"sync"
)

// Graph is a compiled graph. All that it keeps of a thread, if it is asked to,
// is what the thread's records say. It may be used by many goroutines, but only
// one run at a time may write to a thread; a second one in the same process is
// refused (ErrBusy).
type Graph[S any] struct {
	name       string
	entry      string
	options    Options
	fields     map[string]AnyField[S]
	fieldOrder []AnyField[S]
	order      []string
	nodes      map[string]*vertex[S]

	threads listeners
	kept    keeper[S]
	mu      sync.Mutex
	running map[string]bool
}

// Outcome is where a run got to. With Pending set it waits for answers, else
// it is over.
type Outcome[S any] struct {
	State   S
	Run     int
	Steps   int
	Pending []Interrupt
}

// Start begins a run on the thread with these writes. A thread with an
// unfinished run refuses (ErrUnfinished): Continue, Answer or Abandon it first.
func (g *Graph[S]) Start(ctx context.Context, thread string, emit func(Event), writes ...Write[S]) (Outcome[S], error) {
	return g.once(ctx, thread, func(t *Thread[S]) (Outcome[S], error) { return t.Start(ctx, emit, writes...) })
}

// Continue goes on with an unfinished run, after a kill or an error, from the
// last record. Tasks that had finished do not run again. If the run waits for
// an answer, that is reported and nothing runs; a question that has expired is
// asked again.
func (g *Graph[S]) Continue(ctx context.Context, thread string, emit func(Event)) (Outcome[S], error) {
	return g.once(ctx, thread, func(t *Thread[S]) (Outcome[S], error) { return t.Continue(ctx, emit) })
}

// Answer answers a pending interrupt and goes on. The answer is stored before
// the node sees it, and the same interrupt cannot be answered again
// (ErrNoInterrupt). ErrStale, ErrExpired and ErrVerdict mean that the answer
// was not taken; nothing has changed then.
func (g *Graph[S]) Answer(ctx context.Context, thread string, a Answer, emit func(Event)) (Outcome[S], error) {
	return g.once(ctx, thread, func(t *Thread[S]) (Outcome[S], error) { return t.Answer(ctx, a, emit) })
}

// Abandon gives an unfinished run up. What its finished steps wrote stays.
func (g *Graph[S]) Abandon(ctx context.Context, thread string) error {
	_, err := g.once(ctx, thread, func(t *Thread[S]) (Outcome[S], error) { return Outcome[S]{}, t.Abandon(ctx) })
	return err
}

// once opens a thread for one piece of work.
func (g *Graph[S]) once(ctx context.Context, thread string, do func(*Thread[S]) (Outcome[S], error)) (Outcome[S], error) {
	t, err := g.Open(ctx, thread)
	if err != nil {
		return Outcome[S]{}, err
	}
	defer t.Close(ctx)
	return do(t)
}

func (g *Graph[S]) claim(thread string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[thread] {
		return fmt.Errorf("thread %s: %w", thread, ErrBusy)
	}
	if g.running == nil {
		g.running = make(map[string]bool)
	}
	g.running[thread] = true
	return nil
}

func (g *Graph[S]) unclaim(thread string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, thread)
}

// session is what all levels of one call share.
type session struct {
	thread  string
	records *recorder
	emit    func(Event)
	out     sync.Mutex // serialises emit
	tokens  []*Tokens
	clock   Clock
	seed    uint64
	cache   Cache
	script  *script // of a replay
}

func (s *session) send(e Event) {
	if s.emit == nil {
		return
	}
	s.out.Lock()
	defer s.out.Unlock()
	s.emit(e)
}
