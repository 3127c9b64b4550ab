package schedule

import "github.com/minivess/minivess/engine/nn"

// Mode says what a pass is for.
type Mode int

// The modes.
const (
	// Infer keeps nothing for gradients.
	Infer Mode = iota
	// Train keeps what gradients need.
	Train
	// Recompute keeps the values on the borders of segments and computes what
	// lies inside again in the backward pass.
	Recompute
)

// Settings say how a program is going to be run.
type Settings struct {
	Mode Mode
	// Kernels says that the executor's own kernels are used, as on a CPU with
	// channels last in memory: they apply an activation together with the
	// normalisation before it.
	Kernels bool
}

// Plan is a program with what running it needs to know. It is not to be changed
// and may be shared by goroutines.
type Plan struct {
	*nn.Program
	Settings Settings
	// Steps has one entry for each node of the program.
	Steps []Step
	// Chunks cover all nodes in order. Without recomputation they are run one
	// after the other as if they were one.
	Chunks []Chunk
}

// Step says how one node is run.
type Step struct {
	// InPlace means that the result is written over the first input.
	InPlace bool
	// Fused is the activation that a normalisation's kernel applies too; nil
	// for none. The activation's own node, the next one, is Covered.
	Fused *nn.Activation
	// Covered means that the step before has computed this node's result, which
	// takes over the first input's memory.
	Covered bool
	// Dies lists the values that are freed when the step has run: inputs of the
	// network and results, never parameters.
	Dies []int
}

// New analyses a program.
func New(p *nn.Program, s Settings) *Plan {
	l := &Plan{Program: p, Settings: s, Steps: make([]Step, len(p.Nodes)), Chunks: split(p)}
	for i, dies := range p.LastUses() {
		l.Steps[i].Dies = dies
	}
	uses := p.UseCounts()
	if s.Kernels {
		l.fuse(uses)
	}
	for i := range p.Nodes {
		l.Steps[i].InPlace = !l.Steps[i].Covered && l.inPlace(i, uses)
	}
	return l
}

// inPlace reports whether node i may write over its first input.
func (l *Plan) inPlace(i int, uses []int) bool {
	n := l.Nodes[i]
	if !overwrites(n.Op) || uses[n.In[0]] != 1 {
		return false
	}
	info := l.Values[n.In[0]]
	if info.Source != nn.FromNode || !info.Shape.Equal(l.Values[n.Out].Shape) {
		return false
	}
	producer := l.Nodes[info.Index].Op
	if !Fresh(producer) || l.Settings.Mode != Infer && savesResult(producer) {
		return false
	}
	// A value on a border is a leaf, which must not change.
	return l.Settings.Mode != Recompute || l.sameChunk(i, info.Index)
}

// fuse finds normalisations whose only reader is the next operation, an
// activation that the kernel can apply in the same pass over memory.
func (l *Plan) fuse(uses []int) {
	for i := range len(l.Nodes) - 1 {
		n, next := l.Nodes[i], l.Nodes[i+1]
		act, ok := next.Op.(nn.Activation)
		if !ok || len(l.Values[n.Out].Shape) != spatialRank || next.In[0] != n.Out || uses[n.Out] != 1 || !l.sameChunk(i, i+1) {
			continue
		}
		if act.Function != nn.ActReLU && act.Function != nn.ActLeakyReLU {
			continue
		}
		switch n.Op.(type) {
		case nn.GroupNormOp, nn.InstanceNormOp, nn.BatchNormOp:
			l.Steps[i].Fused = &act
			l.Steps[i+1].Covered = true
		}
	}
}

// spatialRank is the number of axes of (N, C, X, Y, Z).
const spatialRank = 5

// overwrites reports whether there is a form of the operation that writes into
// its first input.
func overwrites(op nn.Op) bool {
	switch o := op.(type) {
	case nn.Activation:
		return o.Function == nn.ActReLU || o.Function == nn.ActLeakyReLU
	case nn.Binary:
		return o.Operation == nn.BinaryAdd
	default:
		return false
	}
}

// Fresh reports whether the operation's result always has memory of its own,
// shared with no other value.
func Fresh(op nn.Op) bool {
	switch op.(type) {
	case nn.Conv, nn.ConvTranspose, nn.GroupNormOp, nn.InstanceNormOp, nn.BatchNormOp, nn.LayerNormOp,
		nn.Activation, nn.PReLUOp, nn.Pool, nn.Binary, nn.Affine, nn.Resize, nn.MatMulOp, nn.SoftmaxOp:
		return true
	default:
		return false
	}
}

// savesResult reports whether the operation's gradient is computed from its
// result, which therefore must stay as it is while training.
func savesResult(op nn.Op) bool {
	switch op.(type) {
	case nn.Activation, nn.SoftmaxOp:
		return true
	default:
		return false
	}
}
