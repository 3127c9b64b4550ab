// Package inorder runs tasks side by side within a limit of weight, and hands
// over their results in the order in which the tasks came, so that what is
// written down does not depend on which of them is done first. What the tasks
// do, and what their weight means, is the caller's business.
package inorder

import (
	"context"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Limits bound what goes on at a time.
type Limits struct {
	// Weight is how much the tasks may weigh together. A heavier task runs too,
	// but by itself.
	Weight int64
	// Tasks is how many there may be.
	Tasks int
}

// Queue takes tasks from one goroutine and runs them in others.
type Queue[T any] struct {
	ctx     context.Context //nolint:containedctx // that of the tasks, which end with the queue
	group   *errgroup.Group
	room    *semaphore.Weighted
	slots   *semaphore.Weighted
	limit   int64
	deliver func(T) error
	last    chan struct{} // closed when the newest task's result has been handed over
	broken  bool          // owned by whoever may deliver
}

// New makes a queue. Deliver is called with one result at a time, in the order
// of the tasks; its first error, like that of a task, ends the queue. Wait must
// be called.
func New[T any](ctx context.Context, l Limits, deliver func(T) error) *Queue[T] {
	q := &Queue[T]{limit: max(l.Weight, 1), deliver: deliver, last: make(chan struct{})}
	close(q.last)
	q.room, q.slots = semaphore.NewWeighted(q.limit), semaphore.NewWeighted(int64(max(l.Tasks, 1)))
	q.group, q.ctx = errgroup.WithContext(ctx)
	return q
}

// Reserve waits until a task of a weight may begin. The reservation is for the
// next Submit, or for GiveBack. It ends with an error when the queue has ended.
func (q *Queue[T]) Reserve(weight int64) error {
	if err := q.slots.Acquire(q.ctx, 1); err != nil {
		return err
	}
	if err := q.room.Acquire(q.ctx, q.clamp(weight)); err != nil {
		q.slots.Release(1)
		return err
	}
	return nil
}

// GiveBack undoes a reservation.
func (q *Queue[T]) GiveBack(weight int64) {
	q.room.Release(q.clamp(weight))
	q.slots.Release(1)
}

func (q *Queue[T]) clamp(weight int64) int64 { return min(max(weight, 0), q.limit) }

// Submit runs a task for which there is a reservation of its weight.
func (q *Queue[T]) Submit(weight int64, task func(context.Context) (T, error)) {
	before, after := q.last, make(chan struct{})
	q.last = after
	q.group.Go(func() error {
		defer close(after)
		value, err := q.run(weight, task)
		<-before
		switch {
		case err != nil:
			q.broken = true
			return err
		case q.broken:
			return nil // what came before has failed, and is the error
		}
		if err := q.deliver(value); err != nil {
			q.broken = true
			return err
		}
		return nil
	})
}

func (q *Queue[T]) run(weight int64, task func(context.Context) (T, error)) (T, error) {
	defer q.GiveBack(weight)
	return task(q.ctx)
}

// Deliver hands over a result that needs no work, in its turn.
func (q *Queue[T]) Deliver(value T) error {
	if err := q.Reserve(0); err != nil {
		return err
	}
	q.Submit(0, func(context.Context) (T, error) { return value, nil })
	return nil
}

// Wait waits for all tasks and gives the first error.
func (q *Queue[T]) Wait() error { return q.group.Wait() }
