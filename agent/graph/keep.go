package graph

import (
	"context"
	"slices"
	"sync"
)

// A Marker is a Checkpointer that can tell, faster than by reading, whether a
// thread is still as it was: whatever changes its records gives it another
// mark. Without ok nothing is known.
type Marker interface {
	Mark(ctx context.Context, thread string) (mark string, ok bool)
}

// rest is a thread that was left with no run under way.
type rest[S any] struct {
	thread string
	mark   string
	at     position[S]
	count  int // of records
}

// keeper holds the threads that were worked on last. Each is handed out once:
// what is built on a state may share memory with it.
type keeper[S any] struct {
	mu  sync.Mutex
	all []rest[S] // the latest last
}

// take hands out where a thread was left, if it is still there.
func (k *keeper[S]) take(ctx context.Context, c Checkpointer, thread string) (rest[S], bool) {
	return k.left(ctx, c, thread, true)
}

// look is take that leaves the thread where it is, for reading.
func (k *keeper[S]) look(ctx context.Context, c Checkpointer, thread string) (rest[S], bool) {
	return k.left(ctx, c, thread, false)
}

func (k *keeper[S]) left(ctx context.Context, c Checkpointer, thread string, remove bool) (rest[S], bool) {
	k.mu.Lock()
	i := k.find(thread)
	if i < 0 {
		k.mu.Unlock()
		return rest[S]{}, false
	}
	found := k.all[i]
	if remove {
		k.all = slices.Delete(k.all, i, i+1)
	}
	k.mu.Unlock()
	mark, ok := markOf(ctx, c, thread)
	return found, ok && mark == found.mark
}

// put keeps a thread, and of all only the last so many.
func (k *keeper[S]) put(ctx context.Context, c Checkpointer, r rest[S], limit int) {
	if limit <= 0 {
		return
	}
	var ok bool
	if r.mark, ok = markOf(ctx, c, r.thread); !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := k.find(r.thread); i >= 0 {
		k.all = slices.Delete(k.all, i, i+1)
	}
	k.all = append(k.all, r)
	if len(k.all) > limit {
		k.all = slices.Delete(k.all, 0, len(k.all)-limit)
	}
}

func (k *keeper[S]) find(thread string) int {
	return slices.IndexFunc(k.all, func(r rest[S]) bool { return r.thread == thread })
}

func markOf(ctx context.Context, c Checkpointer, thread string) (string, bool) {
	m, ok := c.(Marker)
	if !ok {
		return "", false
	}
	return m.Mark(ctx, thread)
}
