package graph

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// Memory is a Checkpointer for tests and for graphs that need not survive.
// The zero value is ready.
type Memory struct {
	mu      sync.Mutex
	threads map[string][]Record
	pruned  int
	held    map[string]bool
}

var (
	_ Checkpointer = (*Memory)(nil)
	_ Batcher      = (*Memory)(nil)
	_ Pruner       = (*Memory)(nil)
	_ Marker       = (*Memory)(nil)
)

// Append keeps the record.
func (m *Memory) Append(ctx context.Context, thread string, r Record) error {
	return m.AppendAll(ctx, thread, []Record{r})
}

// AppendAll keeps the records.
func (m *Memory) AppendAll(_ context.Context, thread string, rs []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.threads == nil {
		m.threads = make(map[string][]Record)
	}
	m.threads[thread] = append(m.threads[thread], rs...)
	return nil
}

// Records yields what was there when the iteration began.
func (m *Memory) Records(ctx context.Context, thread string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.Lock()
		records := m.threads[thread] // only added to, or replaced as a whole
		m.mu.Unlock()
		for _, r := range records {
			if err := ctx.Err(); err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Prune puts one record in the place of the first ones.
func (m *Memory) Prune(_ context.Context, thread string, drop int, with Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if drop < 1 || drop > len(m.threads[thread]) {
		return fmt.Errorf("prune %d of %d records: %w", drop, len(m.threads[thread]), ErrNoPoint)
	}
	m.threads[thread] = slices.Concat([]Record{with}, m.threads[thread][drop:])
	m.pruned++
	return nil
}

// Mark tells one state of a thread from another: records are only added, but
// for pruning.
func (m *Memory) Mark(_ context.Context, thread string) (mark string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("%d/%d", m.pruned, len(m.threads[thread])), true
}

// Acquire makes the caller the thread's only writer until release is called,
// as far as others ask for it, too. ErrBusy means that another one is.
func (m *Memory) Acquire(_ context.Context, thread string) (release func() error, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held[thread] {
		return nil, fmt.Errorf("thread %s: %w", thread, ErrBusy)
	}
	if m.held == nil {
		m.held = make(map[string]bool)
	}
	m.held[thread] = true
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.held, thread)
		return nil
	}, nil
}
