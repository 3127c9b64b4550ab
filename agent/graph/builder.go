package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// End is the target that ends a run.
const End = "end"

// DefaultStepLimit is how many steps a run may take unless Options says more.
// It is small on purpose: an agent that needs more is going in circles.
const DefaultStepLimit = 50

// DefaultParallel is how many nodes of a step run at once by default.
const DefaultParallel = 4

// Node does one piece of work. It gets the state by value and must treat all
// that the state points to as read-only; what it wants changed it returns.
type Node[S any] func(ctx context.Context, s S, rt *Runtime) (Result[S], error)

// Result is what a node returns: writes, or a question.
type Result[S any] struct {
	writes []Write[S]
	pause  bool
	ask    any
}

// Update is the result that changes the state.
func Update[S any](writes ...Write[S]) Result[S] { return Result[S]{writes: writes} }

// Pause is the result that asks a question. The node runs again, from its
// beginning, when the answer is there; payload must survive JSON.
func Pause[S any](payload any) Result[S] { return Result[S]{pause: true, ask: payload} }

// Options are the settings of a compiled graph.
type Options struct {
	Checkpointer Checkpointer // nil: nothing is stored, and interrupts end the run
	StepLimit    int          // default DefaultStepLimit
	Parallel     int          // default DefaultParallel
}

// Builder collects the parts of a graph. Its methods may be chained; mistakes
// are reported together by Compile.
type Builder[S any] struct {
	name     string
	fields   []AnyField[S]
	nodes    []string
	funcs    map[string]Node[S]
	edges    []edge[S]
	entry    string
	problems []error
}

type edge[S any] struct {
	from    string
	targets []string
	choose  func(S) string // nil for a plain edge
}

// New begins a graph over the state S with these fields.
func New[S any](name string, fields ...AnyField[S]) *Builder[S] {
	return &Builder[S]{name: name, fields: fields, funcs: make(map[string]Node[S])}
}

// Node adds a node.
func (b *Builder[S]) Node(name string, fn Node[S]) *Builder[S] {
	switch {
	case name == "" || name == End:
		b.problem(ErrReserved, "node %q", name)
	case b.funcs[name] != nil:
		b.problem(ErrDuplicate, "node %s", name)
	case fn == nil:
		b.problem(ErrNilFunction, "node %s", name)
	default:
		b.nodes = append(b.nodes, name)
		b.funcs[name] = fn
	}
	return b
}

// Entry says where runs begin.
func (b *Builder[S]) Entry(name string) *Builder[S] {
	if b.entry != "" {
		b.problem(ErrDuplicate, "entry %s after %s", name, b.entry)
	}
	b.entry = name
	return b
}

// Edge leads from a node to another, or to End. Several edges from one node
// fan out: all targets become active.
func (b *Builder[S]) Edge(from, to string) *Builder[S] {
	b.edges = append(b.edges, edge[S]{from: from, targets: []string{to}})
	return b
}

// Branch leads from a node to the one of targets that choose names.
func (b *Builder[S]) Branch(from string, choose func(S) string, targets ...string) *Builder[S] {
	if choose == nil || len(targets) == 0 {
		b.problem(ErrNilFunction, "branch from %s", from)
		return b
	}
	b.edges = append(b.edges, edge[S]{from: from, targets: targets, choose: choose})
	return b
}

func (b *Builder[S]) problem(err error, format string, args ...any) {
	b.problems = append(b.problems, fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...)))
}

// Compile checks the graph and makes it runnable. It refuses unknown,
// duplicate and unreachable nodes, nodes from which End cannot be reached, a
// missing entry, and fields that are incomplete or have the same name.
func (b *Builder[S]) Compile(o Options) (*Graph[S], error) {
	check := *b
	check.problems = slices.Clone(b.problems)
	fields := check.checkFields()
	check.checkEdges()
	check.checkEntry()
	if len(check.problems) == 0 {
		check.checkPaths()
	}
	if len(check.problems) > 0 {
		return nil, &CompileError{Graph: b.name, Problems: check.problems}
	}
	if o.StepLimit <= 0 {
		o.StepLimit = DefaultStepLimit
	}
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	g := &Graph[S]{
		name: b.name, entry: b.entry, options: o, fields: fields,
		nodes: make(map[string]Node[S], len(b.nodes)), out: make(map[string][]edge[S], len(b.nodes)),
	}
	maps.Copy(g.nodes, b.funcs)
	for _, e := range b.edges {
		g.out[e.from] = append(g.out[e.from], e)
	}
	return g, nil
}

func (b *Builder[S]) checkFields() map[string]AnyField[S] {
	fields := make(map[string]AnyField[S], len(b.fields))
	for _, f := range b.fields {
		name := f.fieldName()
		switch {
		case name == "":
			b.problem(ErrReserved, "field without a name")
		case !f.complete():
			b.problem(ErrNilFunction, "field %s", name)
		case fields[name] != nil:
			b.problem(ErrDuplicate, "field %s", name)
		default:
			fields[name] = f
		}
	}
	return fields
}

func (b *Builder[S]) checkEdges() {
	plain := make(map[[2]string]bool)
	branched := make(map[string]bool)
	for _, e := range b.edges {
		if b.funcs[e.from] == nil {
			b.problem(ErrUnknownNode, "edge from %q", e.from)
		}
		for _, to := range e.targets {
			if to != End && b.funcs[to] == nil {
				b.problem(ErrUnknownNode, "edge from %q to %q", e.from, to)
			}
		}
		if e.choose != nil {
			if branched[e.from] {
				b.problem(ErrDuplicate, "branch from %s", e.from)
			}
			branched[e.from] = true
			continue
		}
		pair := [2]string{e.from, e.targets[0]}
		if plain[pair] {
			b.problem(ErrDuplicate, "edge from %s to %s", pair[0], pair[1])
		}
		plain[pair] = true
	}
}

func (b *Builder[S]) checkEntry() {
	switch {
	case b.entry == "":
		b.problem(ErrNoEntry, "call Entry with the name of a node")
	case b.funcs[b.entry] == nil:
		b.problem(ErrUnknownNode, "entry %q", b.entry)
	}
}

// checkPaths refuses nodes that no run gets to and nodes that no run leaves.
func (b *Builder[S]) checkPaths() {
	forth, back := make(map[string][]string), make(map[string][]string)
	for _, e := range b.edges {
		for _, to := range e.targets {
			forth[e.from] = append(forth[e.from], to)
			back[to] = append(back[to], e.from)
		}
	}
	reached, leaving := closure(b.entry, forth), closure(End, back)
	for _, n := range b.nodes {
		if !reached[n] {
			b.problem(ErrUnreachable, "node %s", n)
		}
		if !leaving[n] {
			b.problem(ErrNoWayOut, "node %s never comes to %s", n, End)
		}
	}
}

func closure(from string, next map[string][]string) map[string]bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		for _, n := range next[todo[0]] {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	return seen
}
