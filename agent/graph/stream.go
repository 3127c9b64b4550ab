package graph

import (
	"context"
	"iter"
	"sync"
	"time"
)

// EventKind says what an Event reports.
type EventKind string

// The kinds of event.
const (
	EventNodeStarted EventKind = "node_started"
	EventNodeEnded   EventKind = "node_ended" // Err if it failed
	EventStep        EventKind = "step"       // the step's writes are merged and stored
	EventInterrupt   EventKind = "interrupt"
	EventCustom      EventKind = "custom" // Value is what the node emitted
)

// Event is one report from a run.
type Event struct {
	Kind      EventKind
	Run       int
	Step      int
	Node      string
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
