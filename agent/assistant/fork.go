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

// Fork copies a conversation up to the end of a turn into a new, empty thread,
// where it goes on without the old one noticing. Turn 0 means the last turn
// that is over. A turn that waits or was cut off cannot be the end, since what
// it launched would be launched again; follow-ups stay with the old thread.
// It returns the turn that was forked at.
func (a *Assistant) Fork(ctx context.Context, from, to string, turn int) (int, error) {
	records, over, err := a.turns(ctx, from)
	if err != nil {
		return 0, err
	}
	last := 0
	if len(over) > 0 {
		last = over[len(over)-1]
	}
	if turn == 0 {
		turn = last
	}
	if !slices.Contains(over, turn) {
		return 0, fmt.Errorf("%w: turn %d of %s is not there or not over; the last one that is over is turn %d", ErrFork, turn, from, last)
	}
	for _, err := range a.options.Threads.Records(ctx, to) {
		if err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%w: thread %s has records already", ErrFork, to)
	}
	release, err := a.options.Threads.Acquire(ctx, to)
	if err != nil {
		return 0, err
	}
	for _, r := range records {
		if r.Run > turn {
			break
		}
		r.Writes = slices.DeleteFunc(slices.Clone(r.Writes), func(c graph.Change) bool { return c.Field == fieldFollowups })
		if err := a.options.Threads.Append(ctx, to, r); err != nil {
			return 0, errors.Join(fmt.Errorf("fork %s: %w", from, err), release())
		}
	}
	return turn, release()
}

// turns reads the records of a thread and says which of its turns are over.
func (a *Assistant) turns(ctx context.Context, thread string) (records []graph.Record, over []int, err error) {
	at, err := a.graph.Inspect(ctx, thread)
	if err != nil {
		return nil, nil, err // damaged, or of another version
	}
	open := 0
	for r, err := range a.options.Threads.Records(ctx, thread) {
		if err != nil {
			return nil, nil, err
		}
		if r.Run != open && open != 0 {
			over = append(over, open)
		}
		open = r.Run
		records = append(records, r)
	}
	if open != 0 && !at.Unfinished() {
		over = append(over, open)
	}
	return records, over, nil
}
