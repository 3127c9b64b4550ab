package graph

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"sync"
)

// Kind says what a Record tells.
type Kind string

// The kinds of record.
const (
	KindInput     Kind = "input"     // a run begins with these writes
	KindStep      Kind = "step"      // a step is over; Next is active now
	KindTask      Kind = "task"      // one of several active nodes is through
	KindNote      Kind = "note"      // a node remembers a part of its work
	KindInterrupt Kind = "interrupt" // a node waits for an answer
	KindAnswer    Kind = "answer"    // the answer came
	KindAbandon   Kind = "abandon"   // the run was given up
)

// Record is one delta of a thread. Only the fields that its kind needs are set.
type Record struct {
	Kind      Kind            `json:"kind"`
	Run       int             `json:"run"`
	Step      int             `json:"step"`
	Node      string          `json:"node,omitempty"`
	Writes    []Change        `json:"writes,omitempty"`
	Next      []string        `json:"next,omitempty"`
	Key       string          `json:"key,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Interrupt *Interrupt      `json:"interrupt,omitempty"`
	Answer    *Answer         `json:"answer,omitempty"`
}

// Change is a Write as it is stored.
type Change struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// Checkpointer stores the records of threads. Append returns when the record
// is as safe as the implementation can make it; Records yields them in the
// order in which they were appended. Package graphtest checks implementations.
type Checkpointer interface {
	Append(ctx context.Context, thread string, r Record) error
	Records(ctx context.Context, thread string) iter.Seq2[Record, error]
}

// Memory is a Checkpointer for tests and for graphs that need not survive.
// The zero value is ready.
type Memory struct {
	mu      sync.Mutex
	threads map[string][]Record
}

var _ Checkpointer = (*Memory)(nil)

// Append keeps the record.
func (m *Memory) Append(_ context.Context, thread string, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.threads == nil {
		m.threads = make(map[string][]Record)
	}
	m.threads[thread] = append(m.threads[thread], r)
	return nil
}

// Records yields what was there when the iteration began.
func (m *Memory) Records(_ context.Context, thread string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.Lock()
		records := slices.Clone(m.threads[thread])
		m.mu.Unlock()
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}
