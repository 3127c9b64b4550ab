package tui

import (
	"context"
	"iter"

	tea "charm.land/bubbletea/v2"

	"github.com/minivess/minivess/agent/assistant"
)

// stream carries the events of the turn at hand from the assistant to Update.
// The channel has no buffer: a slow screen slows the turn down and loses nothing.
type stream struct {
	events chan eventMsg
	cancel context.CancelFunc
}

// eventMsg is one event, or the error that ends the sequence; endMsg says that
// the sequence is over.
type (
	eventMsg struct {
		event assistant.Event
		err   error
	}
	endMsg struct{}
)

// start begins to read a sequence in a goroutine that ends with it.
func (s *stream) start(ctx context.Context, sequence func(context.Context) iter.Seq2[assistant.Event, error]) tea.Cmd {
	program := ctx
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan eventMsg)
	s.events, s.cancel = events, cancel
	go func() {
		defer close(events)
		defer cancel()
		for event, err := range sequence(ctx) {
			select {
			case events <- eventMsg{event, err}:
			case <-program.Done():
				// Whoever left no longer reads; the rest of the sequence is
				// consumed so that the assistant can let go in its own order.
			}
		}
	}()
	return s.next()
}

// next waits for one event.
func (s *stream) next() tea.Cmd {
	events := s.events
	return func() tea.Msg {
		msg, ok := <-events
		if !ok {
			return endMsg{}
		}
		return msg
	}
}

// stop ends the work on the turn; what comes of that is still read.
func (s *stream) stop() {
	if s.cancel != nil {
		s.cancel()
	}
}

// active says whether a sequence is being read.
func (s *stream) active() bool { return s.events != nil }

// done forgets a sequence that ended.
func (s *stream) done() { s.events, s.cancel = nil, nil }

// drain lets go of the sequence and waits until the assistant has, too.
func (s *stream) drain() {
	if s.events == nil {
		return
	}
	s.cancel()
	for range s.events {
	}
	s.done()
}
