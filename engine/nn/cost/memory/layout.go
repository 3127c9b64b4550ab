package memory

import "github.com/minivess/minivess/engine/nn"

func (p *player) concat(in []*tensor, shape nn.Shape) *tensor {
	last, elem := true, int64(0)
	for _, t := range in {
		last = last && t.suggestsChannelsLast()
		elem = max(elem, t.elem)
	}
	out := p.empty(shape, imageLayout(shape, last), elem)
	p.record(out, in, nil, func(g *tensor) []*tensor {
		grads := make([]*tensor, len(in))
		for i, t := range in {
			if t.needs() {
				grads[i] = p.viewed(g, t.shape, g.strides)
			}
		}
		return grads
	})
	return out
}

// slice is a view; its gradient is as large as what it was cut from.
func (p *player) slice(x *tensor, shape nn.Shape, axis, step int) *tensor {
	if axis < 0 {
		axis += len(shape)
	}
	strides := append([]int64(nil), x.strides...)
	strides[axis] *= int64(step)
	out := p.viewed(x, shape, strides)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.empty(x.shape, nil, g.elem)} })
	return out
}

func (p *player) permute(x *tensor, axes []int) *tensor {
	out := p.permuted(x, axes)
	back := make([]int, len(axes))
	for i, a := range axes {
		back[a] = i
	}
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.permuted(g, back)} })
	return out
}

func (p *player) permuted(x *tensor, axes []int) *tensor {
	shape, strides := make(nn.Shape, len(axes)), make([]int64, len(axes))
	for i, a := range axes {
		shape[i], strides[i] = x.shape[a], x.strides[a]
	}
	return p.viewed(x, shape, strides)
}

// reshape is a view where that is possible, else a copy.
func (p *player) reshape(x *tensor, shape nn.Shape) *tensor {
	out := p.reshaped(x, shape)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.reshaped(g, x.shape)} })
	return out
}

func (p *player) reshaped(x *tensor, shape nn.Shape) *tensor {
	if strides, ok := x.view(shape); ok {
		return p.viewed(x, shape, strides)
	}
	return p.empty(shape, nil, x.elem)
}

// roll goes axis by axis, each a new tensor, there and back.
func (p *player) roll(x *tensor, shift []int) *tensor {
	times := 0
	for _, s := range shift {
		if s != 0 {
			times++
		}
	}
	if times == 0 {
		return p.share(x)
	}
	out := p.rolled(x, times)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.rolled(g, times)} })
	return out
}

func (p *player) rolled(x *tensor, times int) *tensor {
	out := p.share(x)
	for range times {
		next := p.empty(x.shape, nil, x.elem)
		p.free(out)
		out = next
	}
	out.from, out.leaf = nil, nil
	return out
}

func (p *player) pad(x *tensor, shape nn.Shape) *tensor {
	last := x.suggestsChannelsLast()
	out := p.empty(shape, imageLayout(shape, last), x.elem)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor { return []*tensor{p.elementwise(g.elem, x)} })
	return out
}

// gather keeps the numbers of its rows.
func (p *player) gather(table *tensor, shape nn.Shape, rows int) *tensor {
	index := p.empty(nn.Shape{rows}, nil, int64Bytes)
	out := p.empty(shape, nil, table.elem)
	p.record(out, []*tensor{table}, []*tensor{index}, func(*tensor) []*tensor { return []*tensor{p.empty(table.shape, nil, table.elem)} })
	p.free(index)
	return out
}
