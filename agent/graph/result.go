package graph

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Node does one piece of work. It gets the state by value and must treat all
// that the state points to as read-only; what it wants changed it returns.
type Node[S any] func(ctx context.Context, s S, rt *Runtime) (Result[S], error)

// Result is what a node returns: writes, where to go, or a question.
type Result[S any] struct {
	writes   []Write[S]
	to       []string
	sends    []Send
	question *Question
}

// Update is the result that changes the state.
func Update[S any](writes ...Write[S]) Result[S] { return Result[S]{writes: writes} }

// To names the nodes that become active next, in place of the node's edges;
// End ends this way. They must be declared with Builder.Goto.
func (r Result[S]) To(targets ...string) Result[S] {
	r.to = append(slices.Clip(r.to), targets...)
	return r
}

// Sending adds tasks that run next, at most Options.Parallel at a time, in
// place of the node's edges. Their writes are merged in the order in which
// they are sent. They must be declared with Builder.Sends.
func (r Result[S]) Sending(tasks ...Send) Result[S] {
	r.sends = append(slices.Clip(r.sends), tasks...)
	return r
}

// Send is a task: a node and what it is to work on, which must survive JSON
// and is found with Payload.
type Send struct {
	Node    string
	Payload any
}

// Pause is the result that asks a question. The node runs again, from its
// beginning, when the answer is there; payload must survive JSON. Ask is the
// stricter form for approvals.
func Pause[S any](payload any) Result[S] {
	return Result[S]{question: &Question{Payload: payload, lenient: true}}
}

// Ask is the result that asks a question whose answer must carry the
// question's fingerprint, so that an approval of something else, of an older
// state or of another thread is refused.
func Ask[S any](q Question) Result[S] { return Result[S]{question: &q} }

// Question is what Ask asks.
type Question struct {
	// Payload is shown to whoever answers.
	Payload any
	// Binding is what the answer is good for beyond the payload and the state:
	// the tool and its arguments, say. Runtime.StillBound checks it again.
	Binding any
	// Allow lists the verdicts that make sense; all, if empty.
	Allow []Verdict
	// Expires is how long an answer is taken, and acted on; zero is for ever.
	Expires time.Duration

	lenient bool
}

// Payload reads what the task that the node runs for was sent.
func Payload[T any](rt *Runtime) (T, error) {
	var v T
	if rt.payload == nil {
		return v, ErrNoPayload
	}
	return v, json.Unmarshal(rt.payload, &v)
}
