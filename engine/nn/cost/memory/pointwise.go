package memory

import "github.com/minivess/minivess/engine/nn"

// activation plays an element-wise function. Its gradient is computed from the
// result or from the input.
func (p *player) activation(a nn.Activation, x *tensor, inPlace bool) *tensor {
	var out *tensor
	if inPlace {
		out = p.share(x)
	} else {
		out = p.like(x, x.elem)
	}
	out.from, out.leaf = nil, nil
	saved := x
	switch a.Function {
	case nn.ActReLU, nn.ActSigmoid, nn.ActTanh, nn.ActSELU:
		saved = out
	default:
		if inPlace {
			saved = out
		}
	}
	p.record(out, []*tensor{x}, []*tensor{saved}, func(g *tensor) []*tensor {
		return []*tensor{p.elementwise(g.elem, g, saved)}
	})
	return out
}

func (p *player) prelu(x, weight *tensor) *tensor {
	out := p.like(x, x.elem)
	p.record(out, []*tensor{x, weight}, []*tensor{x}, func(g *tensor) []*tensor {
		return []*tensor{p.elementwise(x.elem, x, g), p.elementwise(x.elem, x, g)}
	})
	return out
}

// binary plays an operation of two tensors.
func (p *player) binary(b nn.Binary, x, y *tensor, inPlace bool) *tensor {
	if b.Operation == nn.BinaryAdd {
		return p.add(x, y, inPlace)
	}
	out := p.elementwise(max(x.elem, y.elem), x, y)
	p.promote(out, x, y)
	if b.Operation == nn.BinarySub {
		p.record(out, []*tensor{x, y}, nil, func(g *tensor) []*tensor {
			grads := []*tensor{p.share(g), nil}
			if y.needs() {
				grads[1] = p.like(g, g.elem)
			}
			return grads
		})
		return out
	}
	return p.product(out, x, y, b.Operation == nn.BinaryDiv)
}

func (p *player) add(x, y *tensor, inPlace bool) *tensor {
	var out *tensor
	if inPlace {
		out = p.share(x)
		out.from, out.leaf = nil, nil
	} else {
		out = p.elementwise(max(x.elem, y.elem), x, y)
	}
	p.promote(out, x, y)
	p.record(out, []*tensor{x, y}, nil, func(g *tensor) []*tensor {
		grads := make([]*tensor, 2)
		for i, t := range []*tensor{x, y} {
			if t.needs() {
				grads[i] = p.share(g)
			}
		}
		return grads
	})
	return out
}

// promote plays the copies that libtorch makes of operands, and of a result,
// that are not of the type it computes in.
func (p *player) promote(out, x, y *tensor) {
	elem := max(x.elem, y.elem)
	var copies []*tensor
	for _, t := range []*tensor{out, x, y} {
		if t.elem != elem {
			copies = append(copies, p.like(t, elem))
		}
	}
	for _, t := range copies {
		p.free(t)
	}
}

// product records the gradients of x·y, or of x/y: each needs the other factor;
// a quotient's always needs the divisor.
func (p *player) product(out, x, y *tensor, quotient bool) *tensor {
	var saved []*tensor
	if x.needs() || quotient {
		saved = append(saved, y)
	}
	if y.needs() {
		saved = append(saved, x)
	}
	p.record(out, []*tensor{x, y}, saved, func(g *tensor) []*tensor {
		grads := make([]*tensor, 2)
		if x.needs() {
			grads[0] = p.elementwise(out.elem, g, y)
		}
		if y.needs() {
			grads[1] = p.elementwise(out.elem, g, x)
		}
		return grads
	})
	return out
}

// scaled plays a multiplication by a number, which keeps nothing.
func (p *player) scaled(x *tensor) *tensor {
	out := p.like(x, x.elem)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.like(g, g.elem)} })
	return out
}

// shifted plays the addition of a number.
func (p *player) shifted(x *tensor) *tensor {
	out := p.like(x, x.elem)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.share(g)} })
	return out
}

func (p *player) affine(a nn.Affine, x *tensor) *tensor {
	y := p.scaled(x)
	if a.Offset == 0 {
		return y
	}
	out := p.shifted(y)
	p.free(y)
	return out
}

// fromResult plays a function whose gradient is computed from its result, such
// as softmax.
func (p *player) fromResult(x *tensor) *tensor {
	out := p.like(x, x.elem)
	p.record(out, []*tensor{x}, []*tensor{out}, func(g *tensor) []*tensor {
		return []*tensor{p.elementwise(out.elem, out, g)}
	})
	return out
}

func (p *player) softmax(x *tensor) *tensor {
	dense := p.copied(x, contiguous(x.shape))
	dense.from, dense.leaf = x.from, x.leaf
	out := p.fromResult(dense)
	p.free(dense)
	return out
}

// dropout keeps the mask: of elements, of channels or of samples.
func (p *player) dropout(d nn.DropoutOp, x *tensor) *tensor {
	if !p.train {
		return p.share(x)
	}
	shape := x.shape.Clone()
	if d.Channels || d.Samples {
		for i := range shape {
			if i > 1 || d.Samples && i > 0 {
				shape[i] = 1
			}
		}
	}
	mask := p.like(&tensor{shape: shape, strides: contiguous(shape)}, x.elem)
	out := p.product(p.like(x, x.elem), x, mask, false)
	p.free(mask)
	return out
}

// resample plays the enlarging and pooling of images. A maximum keeps where it
// was found.
func (p *player) resample(x *tensor, shape nn.Shape, maximum bool) *tensor {
	last := x.suggestsChannelsLast()
	out := p.empty(shape, imageLayout(shape, last), x.elem)
	var saved []*tensor
	if maximum {
		found := p.empty(shape, nil, int64Bytes)
		saved = []*tensor{x, found}
		defer p.free(found)
	}
	p.record(out, []*tensor{x}, saved, func(*tensor) []*tensor {
		return []*tensor{p.empty(x.shape, imageLayout(x.shape, last), x.elem)}
	})
	return out
}
