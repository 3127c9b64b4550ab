package torch

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// plan is a Program with what running it needs to know: when each value dies
// and which operations may overwrite their first input.
type plan struct {
	*nn.Program
	dies    [][]int
	inPlace struct{ infer, train, chunked []bool }
	// fused[i] is the activation that the kernel of normalisation i applies too;
	// its own node i+1 then has nothing to do.
	fused   map[int]nn.Activation
	covered map[int]bool
	chunks  []chunk
}

// chunk is a range of nodes. A recomputed one is a segment whose activations
// are thrown away after the forward pass and made again in the backward pass.
type chunk struct {
	first, last int
	recompute   bool
	random      bool  // holds dropout
	in, out     []int // values that cross the chunk's borders, parameters left out
}

// spatialRank is the number of axes of (N, C, X, Y, Z).
const spatialRank = 5

// plansKept bounds the number of input shapes remembered. Whole volumes of
// many sizes must not fill the memory with plans.
const plansKept = 16

// newPlan analyses a program.
func newPlan(p *nn.Program) *plan {
	l := &plan{Program: p, dies: p.LastUses(), chunks: split(p)}
	uses := p.UseCounts()
	l.fuse(uses)
	l.inPlace.infer, l.inPlace.train = make([]bool, len(p.Nodes)), make([]bool, len(p.Nodes))
	l.inPlace.chunked = make([]bool, len(p.Nodes))
	for i, n := range p.Nodes {
		if !overwrites(n.Op) || uses[n.In[0]] != 1 {
			continue
		}
		info := p.Values[n.In[0]]
		if info.Source != nn.FromNode || !info.Shape.Equal(p.Values[n.Out].Shape) {
			continue
		}
		producer := p.Nodes[info.Index].Op
		l.inPlace.infer[i] = fresh(producer)
		l.inPlace.train[i] = fresh(producer) && !savesResult(producer)
		// A value on a border is a leaf, which must not change.
		l.inPlace.chunked[i] = l.inPlace.train[i] && l.sameChunk(i, info.Index)
	}
	return l
}

// fuse finds normalisations whose only reader is the next operation, an
// activation that our kernel can apply in the same pass over memory.
func (l *plan) fuse(uses []int) {
	l.fused, l.covered = make(map[int]nn.Activation), make(map[int]bool)
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
		case nn.GroupNormOp, nn.InstanceNormOp:
			l.fused[i] = act
			l.covered[i+1] = true
		}
	}
}

// sameChunk reports whether two nodes are in one chunk.
func (l *plan) sameChunk(a, b int) bool {
	for _, c := range l.chunks {
		if a < c.last || b < c.last {
			return a >= c.first && a < c.last && b >= c.first && b < c.last
		}
	}
	return false
}

// overwrites reports whether apply has a form of the operation that writes
// into its first input.
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

// fresh reports whether the operation's result has storage of its own, shared
// with no other value.
func fresh(op nn.Op) bool {
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

// split cuts the program at its segments.
func split(p *nn.Program) []chunk {
	var chunks []chunk
	at := 0
	for _, s := range p.Segments {
		if s.First > at {
			chunks = append(chunks, chunk{first: at, last: s.First})
		}
		chunks = append(chunks, chunk{first: s.First, last: s.Last, recompute: true})
		at = s.Last
	}
	if at < len(p.Nodes) {
		chunks = append(chunks, chunk{first: at, last: len(p.Nodes)})
	}
	for i := range chunks {
		chunks[i].borders(p)
	}
	return chunks
}

// borders finds the values that enter and leave the chunk.
func (c *chunk) borders(p *nn.Program) {
	inside := func(v int) bool {
		info := p.Values[v]
		return info.Source == nn.FromNode && info.Index >= c.first && info.Index < c.last
	}
	seenIn, seenOut := make(map[int]bool), make(map[int]bool)
	for _, n := range p.Nodes[c.first:c.last] {
		if _, ok := n.Op.(nn.DropoutOp); ok {
			c.random = true
		}
		for _, v := range n.In {
			if !inside(v) && p.Values[v].Source != nn.FromParam && !seenIn[v] {
				seenIn[v] = true
				c.in = append(c.in, v)
			}
		}
	}
	leave := func(v int) {
		if inside(v) && !seenOut[v] {
			seenOut[v] = true
			c.out = append(c.out, v)
		}
	}
	for _, n := range p.Nodes[c.last:] {
		for _, v := range n.In {
			leave(v)
		}
	}
	for _, v := range p.Outputs {
		leave(v)
	}
}

// planKey tells plans apart.
type planKey struct {
	image string
	all   bool // auxiliary heads too
}

// plan returns the analysed program for an image of that shape.
func (m *Module) plan(image nn.Shape, all bool) (*plan, error) {
	key := planKey{image.String(), all}
	if l, ok := m.plans[key]; ok {
		return l, nil
	}
	p, err := nn.Trace(m.forward, m.params, nn.InputShapes{Image: image})
	if err != nil {
		return nil, fmt.Errorf("input %v: %w", image, err)
	}
	if !all {
		p = p.LogitsOnly()
	}
	if len(m.plans) >= plansKept {
		clear(m.plans)
	}
	l := newPlan(p)
	m.plans[key] = l
	return l, nil
}
