package assistant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/minivess/minivess/agent/graph"
)

// ErrFork means that a thread cannot be continued in another one from there.
var ErrFork = errors.New("the conversation cannot be forked there")

// Fork copies a conversation up to the end of a turn into a new thread, which
// create makes once it is sure that there is something to copy, and where it
// goes on without the old one noticing. Turn 0 means the last turn that is over.
// A turn that waits or was cut off cannot be the end, since what it launched
// would be launched again; follow-ups stay with the old thread. It returns the
// new thread and the turn that was forked at.
func (a *Assistant) Fork(ctx context.Context, from string, turn int, create func(context.Context) (string, error)) (string, int, error) {
	ends := make(map[int]graph.Point)
	last := 0
	for at, err := range a.graph.History(ctx, from) {
		if err != nil {
			return "", 0, err
		}
		delete(ends, at.Run)
		if !at.Unfinished() {
			ends[at.Run], last = at.At, at.Run
		}
	}
	if turn == 0 {
		turn = last
	}
	point, over := ends[turn]
	if !over {
		return "", 0, fmt.Errorf("%w: turn %d of %s is not there or not over; the last one that is over is turn %d", ErrFork, turn, from, last)
	}
	to, err := create(ctx)
	if err != nil {
		return "", 0, err
	}
	release, err := a.options.Threads.Acquire(ctx, to)
	if err != nil {
		return "", 0, err
	}
	return to, turn, errors.Join(a.graph.Fork(ctx, from, point, to), release())
}

// followups are those that the thread asked for itself: a fork does not take
// over what another thread waits for.
func (s *state) followups(thread string) []Followup {
	return slices.DeleteFunc(slices.Clone(s.Followups), func(f Followup) bool { return f.Thread != thread })
}
