package graph

import (
	"fmt"
	"slices"
	"time"
)

// End is the target that ends a run.
const End = "end"

// DefaultStepLimit is how many steps a run may take unless Options says more.
// It is small on purpose: an agent that needs more is going in circles.
const DefaultStepLimit = 50

// DefaultParallel is how many tasks of a step run at once by default.
const DefaultParallel = 4

// DefaultLoopLimit is how often a run may come to the same nodes with the same
// state before it is stopped, by default.
const DefaultLoopLimit = 3

// Options are the settings of a compiled graph. A graph that is used as a node
// of another takes its checkpointer, durability, clock and seed from the
// outermost one.
type Options struct {
	Checkpointer Checkpointer // nil: nothing is stored, and interrupts end the run
	Durability   Durability   // when records are stored; default Sync
	StepLimit    int          // default DefaultStepLimit
	Parallel     int          // default DefaultParallel
	LoopLimit    int          // default DefaultLoopLimit; below zero: loops are not looked for
	Clock        Clock        // default: the system's
	Seed         uint64       // of the jitter of retries
	Cache        Cache        // default: a MemoryCache for each compiled graph
	// Keep is how many threads are remembered as they were left, so that the
	// next run needs not read them if they are still so. It needs a Marker, and
	// that whoever works on a thread is its only writer from before Open until
	// after Close. Zero reads every time.
	Keep int
}

func (o Options) withDefaults() Options {
	if o.StepLimit <= 0 {
		o.StepLimit = DefaultStepLimit
	}
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.LoopLimit == 0 {
		o.LoopLimit = DefaultLoopLimit
	}
	if o.Durability == "" {
		o.Durability = Sync
	}
	if o.Clock == nil {
		o.Clock = ClockOf(time.Now)
	}
	if o.Cache == nil {
		o.Cache = &MemoryCache{}
	}
	return o
}

// Builder collects the parts of a graph. Its methods may be chained; mistakes
// are reported together by Compile.
type Builder[S any] struct {
	name     string
	fields   []AnyField[S]
	order    []string
	nodes    map[string]*vertex[S]
	edges    []edge[S]
	policies []named[Policy[S]]
	entry    string
	problems []error
}

// A vertex is a node with all that leads on from it.
type vertex[S any] struct {
	name     string
	run      Node[S]    // nil for a subgraph
	nested   *Nested[S] // nil for a plain node
	policy   Policy[S]
	out      []edge[S]
	gotos    []string
	sends    []string
	maxSends int
}

type edgeKind int

const (
	plainEdge edgeKind = iota
	branchEdge
	gotoEdge
	sendEdge
)

type edge[S any] struct {
	kind    edgeKind
	from    string
	targets []string
	choose  func(S) string // of a branch
	most    int            // of sends
}

type named[T any] struct {
	name  string
	value T
}

// New begins a graph over the state S with these fields.
func New[S any](name string, fields ...AnyField[S]) *Builder[S] {
	return &Builder[S]{name: name, fields: fields, nodes: make(map[string]*vertex[S])}
}

// Node adds a node. A name has no '/', '[', ']' or '#', which paths, tasks and
// questions are told apart by.
func (b *Builder[S]) Node(name string, fn Node[S]) *Builder[S] {
	if fn == nil {
		b.problem(ErrNilFunction, "node %s", name)
	}
	return b.add(&vertex[S]{name: name, run: fn})
}

// Subgraph adds a node that runs another graph; see Over.
func (b *Builder[S]) Subgraph(name string, inner Nested[S]) *Builder[S] {
	if inner.open == nil {
		b.problem(ErrNilFunction, "subgraph %s", name)
	}
	return b.add(&vertex[S]{name: name, nested: &inner})
}

func (b *Builder[S]) add(v *vertex[S]) *Builder[S] {
	switch {
	case !validName(v.name):
		b.problem(ErrReserved, "node %q", v.name)
	case b.nodes[v.name] != nil:
		b.problem(ErrDuplicate, "node %s", v.name)
	default:
		b.order = append(b.order, v.name)
		b.nodes[v.name] = v
	}
	return b
}

// Policy says how a node is run. A node has at most one.
func (b *Builder[S]) Policy(name string, p Policy[S]) *Builder[S] {
	b.policies = append(b.policies, named[Policy[S]]{name, p})
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
	b.edges = append(b.edges, edge[S]{kind: plainEdge, from: from, targets: []string{to}})
	return b
}

// Branch leads from a node to the one of targets that choose names.
func (b *Builder[S]) Branch(from string, choose func(S) string, targets ...string) *Builder[S] {
	if choose == nil || len(targets) == 0 {
		b.problem(ErrNilFunction, "branch from %s", from)
		return b
	}
	b.edges = append(b.edges, edge[S]{kind: branchEdge, from: from, targets: slices.Clone(targets), choose: choose})
	return b
}

// Goto declares which targets a node's result may name with Result.To. Where
// a result names targets, they take the place of the node's edges.
func (b *Builder[S]) Goto(from string, targets ...string) *Builder[S] {
	if len(targets) == 0 {
		b.problem(ErrUnknownNode, "goto from %s names no target", from)
		return b
	}
	b.edges = append(b.edges, edge[S]{kind: gotoEdge, from: from, targets: slices.Clone(targets)})
	return b
}

// Sends declares that a node's result may send up to most tasks to these
// targets with Result.Sending.
func (b *Builder[S]) Sends(from string, most int, targets ...string) *Builder[S] {
	switch {
	case most <= 0:
		b.problem(ErrUnbounded, "sends from %s: say how many tasks it may send at most", from)
	case len(targets) == 0:
		b.problem(ErrUnknownNode, "sends from %s name no target", from)
	default:
		b.edges = append(b.edges, edge[S]{kind: sendEdge, from: from, targets: slices.Clone(targets), most: most})
	}
	return b
}

func (b *Builder[S]) problem(err error, format string, args ...any) {
	b.problems = append(b.problems, fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...)))
}

// Compile checks the graph and makes it runnable. It reports everything that
// is wrong at once, in a *CompileError: unknown, duplicate and unreachable
// nodes, nodes from which End cannot be reached, a missing entry, fields that
// are incomplete, share memory or cannot be stored, policies that contradict
// what a node does, and fan-out without a bound.
func (b *Builder[S]) Compile(o Options) (*Graph[S], error) {
	check := *b
	check.problems = slices.Clone(b.problems)
	fields := check.checkFields()
	check.checkEdges()
	check.checkEntry()
	policies := check.checkPolicies()
	check.checkOptions(o)
	check.checkPaths()
	if len(check.problems) > 0 {
		return nil, &CompileError{Graph: b.name, Problems: check.problems}
	}
	g := &Graph[S]{
		name: b.name, entry: b.entry, options: o.withDefaults(),
		fields: fields, fieldOrder: slices.Clone(b.fields),
		order: slices.Clone(b.order), nodes: make(map[string]*vertex[S], len(b.nodes)),
	}
	for name, v := range b.nodes {
		g.nodes[name] = &vertex[S]{name: name, run: v.run, nested: v.nested, policy: policies[name]}
	}
	for _, e := range b.edges {
		v := g.nodes[e.from]
		switch e.kind {
		case gotoEdge:
			v.gotos = append(v.gotos, e.targets...)
		case sendEdge:
			v.sends, v.maxSends = append(v.sends, e.targets...), e.most
		default:
			v.out = append(v.out, e)
		}
	}
	return g, nil
}

// Durability says when the records of a run are stored.
type Durability string

// The durabilities. Whatever is chosen, notes and answers are stored before
// anything goes on, and so is all that happened before and in a node that is
// declared to write.
const (
	Sync  Durability = "sync"  // each record before the run goes on
	Async Durability = "async" // in the background, several at once; all before the call returns
	Exit  Durability = "exit"  // when the call returns
)

func (d Durability) known() bool {
	return d == "" || d == Sync || d == Async || d == Exit
}

// retryLimits keep a policy from meaning something else than was written.
const (
	maxAttempts = 100
	maxPause    = 24 * time.Hour
)
