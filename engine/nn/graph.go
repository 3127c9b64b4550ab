package nn

// Graph is what a model's forward pass is written against. It has four
// methods so that a recorder is easy to write; the operations themselves are
// the functions of this package (Conv3d, GroupNorm, Add, …), which call Apply.
//
// Nothing panics and no operation returns an error: the first mistake is
// remembered with the place where it happened, everything after it yields
// invalid values, and Trace reports it.
type Graph interface {
	// Param returns the parameter of that name, which must be among those the
	// network declares.
	Param(name string) Value
	// Apply adds one operation.
	Apply(op Op, inputs ...Value) Value
	// Segment names a part of the network, for error messages and as a unit of
	// recomputation (gradient checkpointing). The body may use any value from
	// outside; only its result may be used after it.
	Segment(name string, body func() Value) Value
	// Fail records an error of the model's own, such as an unsupported size,
	// and returns an invalid value.
	Fail(err error) Value
}

// Value is an opaque handle of a tensor inside one Graph.
type Value struct {
	id    int // index into Program.Values, plus one; 0 is invalid
	shape Shape
}

// Valid reports whether the value came from an operation that succeeded.
func (v Value) Valid() bool { return v.id > 0 }

// Shape returns a copy of the tensor's sizes, axis by axis. It is empty for an
// invalid value.
func (v Value) Shape() Shape { return v.shape.Clone() }

// Rank returns the number of axes.
func (v Value) Rank() int { return len(v.shape) }

// Dim returns the size of one axis; a negative axis counts from the end. An
// axis that does not exist has size 1, so that a forward pass can go on after
// an error without a check at every step.
func (v Value) Dim(axis int) int {
	if axis < 0 {
		axis += len(v.shape)
	}
	if axis < 0 || axis >= len(v.shape) {
		return 1
	}
	return v.shape[axis]
}

// Inputs is what a network is given. Image has shape (N, C, X, Y, Z), float32.
// Prompts holds whatever a promptable network takes beside it, by name.
type Inputs struct {
	Image   Value
	Prompts map[string]Value
}

// Outputs is what a network gives back. Logits has shape (N, classes, X, Y, Z),
// before any softmax. Auxiliary holds the extra heads of deep supervision,
// finest first, when the network has them.
type Outputs struct {
	Logits    Value
	Auxiliary []Value
}

// Forward is a network's forward pass.
type Forward func(g Graph, in Inputs) (Outputs, error)
