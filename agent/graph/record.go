package graph

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// Kind says what a Record tells.
type Kind string

// The kinds of record.
const (
	KindInput     Kind = "input"     // a run begins with these writes
	KindStep      Kind = "step"      // a step is over; Next is active now
	KindTask      Kind = "task"      // one of several active tasks is through
	KindNote      Kind = "note"      // a node remembers a part of its work
	KindInterrupt Kind = "interrupt" // a node waits for an answer
	KindAnswer    Kind = "answer"    // the answer came
	KindExpire    Kind = "expire"    // a question or its answer is too old; the node asks again
	KindAbandon   Kind = "abandon"   // the run was given up
	KindEnter     Kind = "enter"     // a subgraph begins with these writes
	KindInner     Kind = "inner"     // a step of a subgraph is over
	KindSnapshot  Kind = "snapshot"  // what was before was pruned; this is what it added up to
	KindFork      Kind = "fork"      // what follows was copied from the thread Key
)

// Record is one delta of a thread. Only the fields that its kind needs are set.
type Record struct {
	Kind Kind `json:"kind"`
	Run  int  `json:"run"`
	Step int  `json:"step"`
	// Path is the subgraph that the record belongs to, as the tasks that lead
	// there with slashes between; empty for the outermost graph.
	Path   string   `json:"path,omitempty"`
	Node   string   `json:"node,omitempty"` // the task: a node, or node[i] of what was sent
	Writes []Change `json:"writes,omitempty"`
	// Next are the tasks that are active after a step or input, or, in the
	// record of a task, the targets that its node named.
	Next []string `json:"next,omitempty"`
	// Sends are the payloads of the tasks node[i] in Next, or, in the record of
	// a task, what it sends.
	Sends     []Sent          `json:"sends,omitempty"`
	Key       string          `json:"key,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Interrupt *Interrupt      `json:"interrupt,omitempty"`
	Answer    *Answer         `json:"answer,omitempty"`
	// Before counts the records that a snapshot stands for.
	Before int `json:"before,omitempty"`
}

// Change is a Write as it is stored.
type Change struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// Sent is a Send as it is stored.
type Sent struct {
	Node    string          `json:"node"`
	Payload json.RawMessage `json:"payload"`
}

// Checkpointer stores the records of threads. Append returns when the record
// is as safe as the implementation can make it; Records yields them in the
// order in which they were appended. A record is stored whole or not at all.
// Package graphtest checks implementations.
type Checkpointer interface {
	Append(ctx context.Context, thread string, r Record) error
	Records(ctx context.Context, thread string) iter.Seq2[Record, error]
}

// A Batcher is a Checkpointer that stores several records faster together than
// one by one. After an error, some of the first of them may have been stored.
type Batcher interface {
	AppendAll(ctx context.Context, thread string, rs []Record) error
}

// A Pruner is a Checkpointer that can put one record in the place of the first
// drop ones of a thread, all or nothing.
type Pruner interface {
	Prune(ctx context.Context, thread string, drop int, with Record) error
}

// task is the key of the i-th task that was sent.
func taskKey(node string, i int) string { return node + "[" + strconv.Itoa(i) + "]" }

// splitKey gives a task's node and its place among what was sent, or -1.
func splitKey(key string) (node string, i int) {
	node, rest, sent := strings.Cut(key, "[")
	if !sent {
		return key, -1
	}
	i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if err != nil || i < 0 || taskKey(node, i) != key {
		return key, -1
	}
	return node, i
}

// address is a task's place below a path.
func address(path, key string) string {
	if path == "" {
		return key
	}
	return path + "/" + key
}
