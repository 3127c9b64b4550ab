package memory

import "github.com/minivess/minivess/engine/nn"

// matMul plays a product of matrices. A weight multiplies all rows at once;
// stacks of matrices are multiplied pair by pair. Either way libtorch works on
// reshaped operands, and keeps those.
func (p *player) matMul(a, b *tensor, shape nn.Shape) *tensor {
	left, right := a, b
	n, m := len(a.shape), len(b.shape)
	if m == 2 && n > 2 {
		rows := a.shape[:n-1].Elements()
		left = p.reshape(a, nn.Shape{int(rows), a.shape[n-1]})
		right = p.share(b)
	} else {
		left = p.stacked(a, shape)
		right = p.stacked(b, shape)
	}
	inner := nn.Shape{left.shape[len(left.shape)-2], right.shape[len(right.shape)-1]}
	if len(left.shape) > 2 {
		inner = append(nn.Shape{left.shape[0]}, inner...)
	}
	out := p.empty(inner, nil, a.elem)
	p.matMulGrad(out, left, right)
	result := p.reshape(out, shape)
	p.free(out)
	p.free(left)
	p.free(right)
	return result
}

// stacked brings an operand to three axes, or leaves two.
func (p *player) stacked(t *tensor, shape nn.Shape) *tensor {
	n := len(t.shape)
	if len(shape) == 2 {
		return p.share(t)
	}
	full := append(shape[:len(shape)-2].Clone(), t.shape[n-2:]...)
	if t.shape[:n-2].Elements() != full[:len(full)-2].Elements() { // every matrix of the stack meets the same one
		strides := make([]int64, len(full))
		copy(strides[len(full)-2:], t.strides[n-2:])
		expanded := p.viewed(t, full, strides)
		p.record(expanded, []*tensor{t}, nil, func(g *tensor) []*tensor { return []*tensor{p.share(g)} })
		defer p.free(expanded)
		t = expanded
	}
	stack := int(shape[:len(shape)-2].Elements())
	return p.reshape(t, nn.Shape{stack, t.shape[len(t.shape)-2], t.shape[len(t.shape)-1]})
}

// matMulGrad records the two products that are a product's gradients.
func (p *player) matMulGrad(out, left, right *tensor) {
	var saved []*tensor
	if left.needs() {
		saved = append(saved, right)
	}
	if right.needs() {
		saved = append(saved, left)
	}
	p.record(out, []*tensor{left, right}, saved, func(g *tensor) []*tensor {
		grads := make([]*tensor, 2)
		for i, t := range []*tensor{left, right} {
			if t.needs() {
				grads[i] = p.empty(t.shape, nil, t.elem)
			}
		}
		return grads
	})
}
