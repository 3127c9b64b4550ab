package graph

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of running a graph. They come wrapped, so use errors.Is.
var (
	ErrStepLimit    = errors.New("step limit reached")
	ErrLoop         = errors.New("the run goes in circles")
	ErrUnfinished   = errors.New("the thread has an unfinished run")
	ErrNoRun        = errors.New("the thread has nothing to go on with")
	ErrNoInterrupt  = errors.New("no such question is pending; it may have been answered already")
	ErrStale        = errors.New("the answer is for another question or an older state; look at the question again")
	ErrExpired      = errors.New("the question is too old to be answered; continue the thread and it is asked again")
	ErrVerdict      = errors.New("this answer does not fit the question")
	ErrUndeclared   = errors.New("branch to an undeclared target")
	ErrNoTarget     = errors.New("the node has no edges and its result names no target")
	ErrFanOut       = errors.New("more tasks than declared")
	ErrNoPayload    = errors.New("the task was not sent a payload")
	ErrTimeout      = errors.New("the node took too long")
	ErrIdle         = errors.New("nothing was heard of the node for too long")
	ErrBusy         = errors.New("another run is at work on the thread")
	ErrClosed       = errors.New("the thread was closed; open it again")
	ErrNoRecords    = errors.New("the graph was compiled without a checkpointer")
	ErrIncompatible = errors.New("the thread's records do not fit this graph")
	ErrNoPoint      = errors.New("the thread's records do not go there")
	ErrNotEmpty     = errors.New("the new thread is not empty")
	ErrCannotPrune  = errors.New("the checkpointer cannot prune")
	ErrDiverged     = errors.New("the replay differs from the records")
)

// Errors of building a graph, joined in a *CompileError.
var (
	ErrNoEntry     = errors.New("no entry node")
	ErrUnknownNode = errors.New("unknown node")
	ErrDuplicate   = errors.New("duplicate")
	ErrUnreachable = errors.New("unreachable from the entry")
	ErrNoWayOut    = errors.New("no way out")
	ErrNilFunction = errors.New("nil function")
	ErrReserved    = errors.New("reserved or empty name")
	ErrUnbounded   = errors.New("fan-out without a bound")
	ErrPolicy      = errors.New("contradictory policy")
	ErrField       = errors.New("field that cannot work")
)

// CompileError lists everything that is wrong with a graph at once.
type CompileError struct {
	Graph    string
	Problems []error
}

// Error names the graph and each problem.
func (e *CompileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return fmt.Sprintf("graph %s does not compile: %s", e.Graph, strings.Join(lines, "; "))
}

// Unwrap gives the problems, so that errors.Is finds each.
func (e *CompileError) Unwrap() []error { return e.Problems }

// NodeError says in which node, at which step, something went wrong. Path is
// the way from the entry of the run to the node, oldest first, shortened to
// the last few.
type NodeError struct {
	Graph string
	Node  string
	Step  int
	Path  []string
	Err   error
}

// Error names graph, node path and step.
func (e *NodeError) Error() string {
	return fmt.Sprintf("%s: step %d (%s): %v", e.Graph, e.Step, strings.Join(e.Path, " > "), e.Err)
}

// Unwrap gives the node's own error.
func (e *NodeError) Unwrap() error { return e.Err }

// PanicError is a panic of a node, turned into an error.
type PanicError struct {
	Value any
	Stack string
}

// Error gives the panic's value; Stack is left for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("node panicked: %v", e.Value) }

// LoopError says that a run came to the same nodes with the same state Times
// times. Cycle are the nodes on the way from one time to the next.
type LoopError struct {
	Times int
	Cycle []string
}

// Error names the cycle.
func (e *LoopError) Error() string {
	return fmt.Sprintf("%v: %d times the same state at %s", ErrLoop, e.Times, strings.Join(e.Cycle, " > "))
}

// Unwrap gives ErrLoop.
func (e *LoopError) Unwrap() error { return ErrLoop }
