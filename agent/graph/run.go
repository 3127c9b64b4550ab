package graph

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Graph is a compiled graph. It keeps no state of its own and may be used by
// many goroutines, but only one run at a time may write to a thread; a second
// one in the same process is refused (ErrBusy).
type Graph[S any] struct {
	name       string
	entry      string
	options    Options
	fields     map[string]AnyField[S]
	fieldOrder []AnyField[S]
	order      []string
	nodes      map[string]*vertex[S]

	threads listeners
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
	return g.work(ctx, thread, emit, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) > 0 {
			return fmt.Errorf("%w: it is at %v", ErrUnfinished, l.at.next)
		}
		if err := l.begin(ctx, l.at.run+1, writes); err != nil {
			return err
		}
		return l.loop(ctx)
	})
}

// Continue goes on with an unfinished run, after a kill or an error, from the
// last record. Tasks that had finished do not run again. If the run waits for
// an answer, that is reported and nothing runs; a question that has expired is
// asked again.
func (g *Graph[S]) Continue(ctx context.Context, thread string, emit func(Event)) (Outcome[S], error) {
	return g.work(ctx, thread, emit, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) == 0 {
			return ErrNoRun
		}
		if err := l.expire(ctx); err != nil {
			return err
		}
		return l.loop(ctx)
	})
}

// Answer answers a pending interrupt and goes on. The answer is stored before
// the node sees it, and the same interrupt cannot be answered again
// (ErrNoInterrupt). ErrStale, ErrExpired and ErrVerdict mean that the answer
// was not taken; nothing has changed then.
func (g *Graph[S]) Answer(ctx context.Context, thread string, a Answer, emit func(Event)) (Outcome[S], error) {
	return g.work(ctx, thread, emit, func(ctx context.Context, l *level[S]) error {
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

// Abandon gives an unfinished run up. What its finished steps wrote stays.
func (g *Graph[S]) Abandon(ctx context.Context, thread string) error {
	_, err := g.work(ctx, thread, nil, func(ctx context.Context, l *level[S]) error {
		if len(l.at.next) == 0 {
			return ErrNoRun
		}
		return l.save(ctx, &Record{Kind: KindAbandon, Run: l.at.run, Step: l.at.step}, nil)
	})
	return err
}

// work loads a thread, does something to it and sees to it that all records
// are stored.
func (g *Graph[S]) work(ctx context.Context, thread string, emit func(Event), do func(context.Context, *level[S]) error) (Outcome[S], error) {
	if err := g.claim(thread); err != nil {
		return Outcome[S]{}, err
	}
	defer g.unclaim(thread)
	s := &session{
		thread: thread, emit: emit, clock: g.options.Clock, seed: g.options.Seed, cache: g.options.Cache,
		tokens:  g.threads.on(thread),
		records: newRecorder(g.options.Checkpointer, thread, g.options.Durability),
	}
	l := &level[S]{g: g, s: s}
	if err := l.load(ctx, g.options.Checkpointer, thread); err != nil {
		return Outcome[S]{}, err
	}
	err := do(ctx, l)
	if cerr := s.records.close(ctx); cerr != nil && !errors.Is(err, cerr) {
		err = errors.Join(err, cerr)
	}
	return l.outcome(), err
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
