package graph

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of running a graph. They come wrapped, so use errors.Is.
var (
	ErrStepLimit    = errors.New("step limit reached")
	ErrUnfinished   = errors.New("the thread has an unfinished run")
	ErrNoRun        = errors.New("the thread has nothing to go on with")
	ErrNoInterrupt  = errors.New("no such question is pending; it may have been answered already")
	ErrUndeclared   = errors.New("branch to an undeclared target")
	ErrNoRecords    = errors.New("the graph was compiled without a checkpointer")
	ErrIncompatible = errors.New("the thread's records do not fit this graph")
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
