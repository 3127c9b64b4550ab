package graph

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"
)

// EventKind says what an Event reports.
type EventKind string

// The kinds of event.
const (
	EventNodeStarted EventKind = "node_started"
	EventNodeEnded   EventKind = "node_ended" // Err if it failed
	EventRetry       EventKind = "retry"      // the node failed with Err and runs again after Elapsed
	EventStep        EventKind = "step"       // the step's writes are merged
	EventInterrupt   EventKind = "interrupt"
	EventCustom      EventKind = "custom" // Value is what the node emitted
)

// Event is one report from a run.
type Event struct {
	Kind      EventKind
	Run       int
	Step      int    // finished steps of the run, or of the subgraph's
	Node      string // the task, with the subgraphs that lead to it
	Value     any
	Interrupt *Interrupt
	Elapsed   time.Duration
	Err       error
}

// Stream turns a function that reports through emit into a sequence. Nothing
// is dropped: emit blocks until the reader has taken the event, so a slow
// reader slows the work. A reader that stops early ends the function's context
// and waits for it to return. The function's error is yielded last.
func Stream[E any](ctx context.Context, run func(ctx context.Context, emit func(E)) error) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		events, gone := make(chan E), make(chan struct{})
		var err error
		var worker sync.WaitGroup
		worker.Go(func() {
			defer close(events)
			err = run(ctx, func(e E) {
				select {
				case events <- e:
				case <-gone:
				}
			})
		})
		for e := range events {
			if !yield(e, nil) {
				close(gone)
				cancel()
				worker.Wait()
				return
			}
		}
		worker.Wait()
		if err != nil {
			var none E
			yield(none, err)
		}
	}
}

// Token is one report of Runtime.Token.
type Token struct {
	Thread string
	Run    int
	Node   string
	Value  any
}

// Tokens is a stream that never holds up the work: what does not fit into its
// buffer is dropped and counted.
type Tokens struct {
	buffer chan Token
	leave  func(*Tokens)

	mu      sync.Mutex
	closed  bool
	dropped uint64
}

// Tokens follows what the nodes of a thread report with Runtime.Token, in runs
// that begin after the call, with room for so many unread tokens. The caller
// must Close it.
func (g *Graph[S]) Tokens(thread string, room int) *Tokens {
	t := &Tokens{buffer: make(chan Token, max(1, room)), leave: func(t *Tokens) { g.threads.remove(thread, t) }}
	g.threads.add(thread, t)
	return t
}

func (t *Tokens) offer(v Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	select {
	case t.buffer <- v:
	default:
		t.dropped++
	}
}

// All yields tokens until Close has been called and all that were kept are
// read.
func (t *Tokens) All() iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for v := range t.buffer {
			if !yield(v) {
				return
			}
		}
	}
}

// Dropped counts the tokens that did not fit.
func (t *Tokens) Dropped() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// Close ends the stream. It may be called twice.
func (t *Tokens) Close() {
	t.leave(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.buffer)
	}
}

// listeners are those who follow threads.
type listeners struct {
	mu sync.Mutex
	of map[string][]*Tokens
}

func (l *listeners) add(thread string, t *Tokens) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[string][]*Tokens)
	}
	l.of[thread] = append(l.of[thread], t)
}

func (l *listeners) remove(thread string, t *Tokens) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[thread] = slices.DeleteFunc(slices.Clone(l.of[thread]), func(o *Tokens) bool { return o == t })
	if len(l.of[thread]) == 0 {
		delete(l.of, thread)
	}
}

func (l *listeners) on(thread string) []*Tokens {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.of[thread])
}
