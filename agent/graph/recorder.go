package graph

import (
	"context"
	"fmt"
	"sync"
)

// queueLimit is how many records may wait for the background writer. A run
// that is faster than the disk is held up there.
const queueLimit = 1024

// recorder stores the records of one call, at once, in the background or at
// the end.
type recorder struct {
	c      Checkpointer // nil: records are only counted
	thread string
	mode   Durability

	mu     sync.Mutex
	change sync.Cond // of all that follows
	count  int       // records of the thread, stored or waiting
	queue  []Record
	spare  []Record // the queue's other buffer
	busy   bool     // the writer is storing a batch
	closed bool
	failed error
	worker sync.WaitGroup
	begun  bool
}

func newRecorder(c Checkpointer, thread string, mode Durability) *recorder {
	r := &recorder{c: c, thread: thread, mode: mode}
	r.change.L = &r.mu
	return r
}

// add counts a record and stores it as the durability says. What has been done
// is kept even when ctx has ended meanwhile.
func (r *recorder) add(ctx context.Context, rec Record) error {
	ctx = context.WithoutCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return r.failed
	}
	switch {
	case r.c == nil:
	case r.mode == Sync:
		if err := r.c.Append(ctx, r.thread, rec); err != nil {
			r.failed = r.wrap(err)
			return r.failed
		}
	default:
		r.queue = append(r.queue, rec)
		if r.mode == Async {
			r.hand(ctx)
		}
	}
	r.count++
	return nil
}

// hand wakes the writer, and waits if it is too far behind.
func (r *recorder) hand(ctx context.Context) {
	if !r.begun {
		r.begun = true
		r.worker.Go(func() { r.write(ctx) })
	}
	r.change.Broadcast()
	for len(r.queue) >= queueLimit && r.failed == nil {
		r.change.Wait()
	}
}

// write is the background writer.
func (r *recorder) write(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.queue) == 0 && !r.closed {
			r.change.Wait()
		}
		if len(r.queue) == 0 || r.failed != nil {
			return
		}
		batch := r.queue
		r.queue, r.spare, r.busy = r.spare[:0], nil, true
		r.mu.Unlock()
		err := r.store(ctx, batch)
		r.mu.Lock()
		clear(batch)
		r.spare, r.busy, r.failed = batch, false, err
		r.change.Broadcast()
	}
}

func (r *recorder) store(ctx context.Context, batch []Record) error {
	if b, ok := r.c.(Batcher); ok {
		return r.wrap(b.AppendAll(ctx, r.thread, batch))
	}
	for _, rec := range batch {
		if err := r.c.Append(ctx, r.thread, rec); err != nil {
			return r.wrap(err)
		}
	}
	return nil
}

// broken says why nothing can be stored any more, or nil.
func (r *recorder) broken() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// flush returns when everything is stored.
func (r *recorder) flush(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mode == Exit && len(r.queue) > 0 && r.failed == nil {
		r.failed = r.store(context.WithoutCancel(ctx), r.queue)
		r.queue = r.queue[:0]
	}
	for (len(r.queue) > 0 || r.busy) && r.failed == nil {
		r.change.Wait()
	}
	return r.failed
}

// close flushes and ends the writer.
func (r *recorder) close(ctx context.Context) error {
	err := r.flush(ctx)
	r.mu.Lock()
	r.closed = true
	r.change.Broadcast()
	r.mu.Unlock()
	r.worker.Wait()
	return err
}

func (r *recorder) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store the records of thread %s: %w", r.thread, err)
}

// serial numbers questions within the thread; records are only added.
func (r *recorder) serial() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}
