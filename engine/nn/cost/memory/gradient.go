package memory

import (
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// node is one operation in the history of gradients.
type node struct {
	number int // operations that ran later are differentiated earlier
	shapes []nn.Shape
	elems  []int64
	next   []edge // by input
	saved  []*tensor
	// back turns the gradient of the result into those of the inputs; nil for an
	// input that wants none. It does not free what it is given.
	back func(g *tensor) []*tensor

	incoming *tensor
	waiting  int // for gradients of so many readers
}

// edge leads from an operation to where an input came from.
type edge struct {
	node *node
	leaf *leaf
}

// leaf is a tensor whose gradient is collected. A parameter's gradient has
// memory of its own already.
type leaf struct {
	kept    bool
	strides []int64
	grad    *tensor
}

// record notes how out was computed, if a gradient is wanted of any input.
// Saved tensors are shared until the gradient is computed.
func (p *player) record(out *tensor, inputs, saved []*tensor, back func(g *tensor) []*tensor) {
	if !p.grad || !slices.ContainsFunc(inputs, func(t *tensor) bool { return t != nil && t.needs() }) {
		return
	}
	p.numbered++
	n := &node{number: p.numbered, back: back}
	for _, t := range inputs {
		e := edge{}
		if t != nil {
			e = edge{t.from, t.leaf}
		}
		n.next = append(n.next, e)
		if t == nil {
			n.shapes, n.elems = append(n.shapes, nil), append(n.elems, 0)
			continue
		}
		n.shapes, n.elems = append(n.shapes, t.shape), append(n.elems, t.elem)
	}
	for _, t := range saved {
		n.saved = append(n.saved, p.share(t))
	}
	out.from, out.leaf = n, nil
}

// backward differentiates a scalar.
func (p *player) backward(total *tensor) {
	if total.from == nil {
		return
	}
	grad := p.grad
	p.grad = false
	defer func() { p.grad = grad }()
	root := total.from
	p.dependencies(root)
	root.incoming = p.empty(nn.Shape{}, nil, float32Bytes)
	ready := []*node{root} // by number; the latest operation goes first
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, next := range p.step(n) {
			at, _ := slices.BinarySearchFunc(ready, next.number, func(n *node, number int) int { return n.number - number })
			ready = slices.Insert(ready, at, next)
		}
	}
}

// dependencies counts the gradients that each operation waits for.
func (p *player) dependencies(root *node) {
	seen, stack := map[*node]bool{root: true}, []*node{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, e := range n.next {
			if e.node == nil {
				continue
			}
			e.node.waiting++
			if !seen[e.node] {
				seen[e.node] = true
				stack = append(stack, e.node)
			}
		}
	}
}

// step runs one operation's gradient and returns the operations that
// have all of theirs now.
func (p *player) step(n *node) (ready []*node) {
	if n.incoming == nil { // nothing that reads it has a gradient for it
		for _, t := range n.saved {
			p.free(t)
		}
		n.saved = nil
		return p.pass(n, make([]*tensor, len(n.next)))
	}
	out := n.back(n.incoming)
	for i, g := range out {
		out[i] = p.fitted(g, n.shapes[i], n.elems[i])
	}
	p.free(n.incoming)
	for _, t := range n.saved {
		p.free(t)
	}
	n.incoming, n.saved, n.back = nil, nil, nil
	return p.pass(n, out)
}

// pass hands gradients on.
func (p *player) pass(n *node, out []*tensor) (ready []*node) {
	for i, e := range n.next {
		if e.node == nil {
			continue
		}
		e.node.incoming = p.accumulate(e.node.incoming, out[i])
		out[i] = nil
		if e.node.waiting--; e.node.waiting == 0 {
			ready = append(ready, e.node)
		}
	}
	for i, e := range n.next {
		if out[i] == nil {
			continue
		}
		if e.leaf == nil {
			p.free(out[i])
			continue
		}
		p.collect(e.leaf, out[i])
	}
	return ready
}

// fitted brings a gradient to the shape and type of what it belongs to: what
// was broadcast is summed.
func (p *player) fitted(g *tensor, shape nn.Shape, elem int64) *tensor {
	if g == nil {
		return nil
	}
	if !g.shape.Equal(shape) {
		sum := p.empty(shape, contiguous(shape), g.elem)
		p.free(g)
		g = sum
	}
	if g.elem != elem {
		wide := p.like(g, elem)
		p.free(g)
		g = wide
	}
	return g
}

// accumulate adds a gradient to the one that has arrived before, in its memory
// if nobody else holds that.
func (p *player) accumulate(old, g *tensor) *tensor {
	if old == nil || g == nil {
		if old == nil {
			return g
		}
		return old
	}
	if old.mem.refs == 1 && old.isDense() {
		p.free(g)
		return old
	}
	sum := p.elementwise(old.elem, old, g)
	p.free(old)
	p.free(g)
	return sum
}

// collect adds a gradient to a leaf's. The first one is taken as it is if
// nobody else holds it.
func (p *player) collect(l *leaf, g *tensor) {
	if !l.kept && l.grad == nil {
		if g.mem.refs == 1 && slices.Equal(g.strides, l.strides) {
			l.grad = g
			return
		}
		l.grad = p.empty(g.shape, l.strides, g.elem)
	}
	p.free(g)
}
