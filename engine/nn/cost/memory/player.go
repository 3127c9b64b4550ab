package memory

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// player runs a schedule with tensors that have sizes only.
type player struct {
	ledger
	plan     *schedule.Plan
	lower    bool // convolutions and matrix products in bfloat16
	threads  int
	train    bool
	grad     bool // history is recorded
	numbered int
	frozen   func(name string) bool
	params   map[int]*tensor // by value
	slots    []*tensor       // by value
}

// empty makes a tensor. Nil strides mean C order.
func (p *player) empty(shape nn.Shape, strides []int64, elem int64) *tensor {
	if strides == nil {
		strides = contiguous(shape)
	}
	return &tensor{shape: shape, strides: strides, elem: elem, mem: p.allocate(shape.Elements() * elem)}
}

// like makes a tensor laid out as t is, without t's gaps.
func (p *player) like(t *tensor, elem int64) *tensor {
	return p.empty(t.shape, t.sameOrder(), elem)
}

// share makes another handle of the same tensor.
func (p *player) share(t *tensor) *tensor {
	t.mem.refs++
	s := *t
	return &s
}

// viewed makes a handle of t's memory with another shape.
func (p *player) viewed(t *tensor, shape nn.Shape, strides []int64) *tensor {
	v := p.share(t)
	v.shape, v.strides, v.from, v.leaf = shape, strides, nil, nil
	return v
}

// free gives a handle back; nil is fine.
func (p *player) free(t *tensor) {
	if t != nil {
		p.release(t.mem)
	}
}

// copied returns t laid out as the strides say: itself if it is, else a copy
// that has no history.
func (p *player) copied(t *tensor, strides []int64) *tensor {
	if t.laidOut(strides) {
		return p.share(t)
	}
	return p.empty(t.shape, strides, t.elem)
}

// elementwise makes the result of combining tensors, laid out like the first
// that is not expanded.
func (p *player) elementwise(elem int64, in ...*tensor) *tensor {
	shape := in[0].shape
	for _, t := range in[1:] {
		shape = broadcast(shape, t.shape)
	}
	for _, t := range in {
		if _, ok := t.order(); ok && t.shape.Equal(shape) {
			return p.empty(shape, t.sameOrder(), elem)
		}
	}
	return p.empty(shape, nil, elem)
}

func broadcast(a, b nn.Shape) nn.Shape {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i, n := range b {
		at := len(a) - len(b) + i
		out[at] = max(out[at], n)
	}
	return out
}

// cast converts to another element size, with history; it shares what has it.
func (p *player) cast(t *tensor, elem int64) *tensor {
	if t.elem == elem {
		return p.share(t)
	}
	out := p.like(t, elem)
	p.record(out, []*tensor{t}, nil, func(g *tensor) []*tensor { return []*tensor{p.share(g)} })
	return out
}

// inOrder returns the tensor in C order, with history.
func (p *player) inOrder(t *tensor) *tensor {
	want := contiguous(t.shape)
	if t.laidOut(want) {
		return p.share(t)
	}
	out := p.empty(t.shape, want, t.elem)
	p.record(out, []*tensor{t}, nil, func(g *tensor) []*tensor { return []*tensor{p.share(g)} })
	return out
}

// get returns a value's tensor, which stays the player's.
func (p *player) get(v int) *tensor {
	info := p.plan.Values[v]
	if info.Source != nn.FromParam {
		return p.slots[v]
	}
	t, ok := p.params[v]
	if !ok { // its memory is counted with the weights
		param := p.plan.Params[info.Index]
		strides := contiguous(param.Shape)
		t = &tensor{shape: param.Shape, strides: strides, elem: float32Bytes, mem: &block{refs: 1}}
		if p.train && !param.Buffer && (p.frozen == nil || !p.frozen(param.Name)) {
			t.leaf = &leaf{kept: true, strides: strides}
		}
		p.params[v] = t
	}
	return t
}

// run plays nodes first to last-1; keep tells values that are not freed after
// their last use.
func (p *player) run(first, last int, keep func(v int) bool) error {
	for i := first; i < last; i++ {
		n, step := p.plan.Nodes[i], p.plan.Steps[i]
		if step.Covered {
			p.slots[n.Out], p.slots[n.In[0]] = p.slots[n.In[0]], nil
		} else {
			in := make([]*tensor, len(n.In))
			for k, v := range n.In {
				in[k] = p.get(v)
			}
			out, err := p.apply(n.Op, in, p.plan.Values[n.Out].Shape, step.InPlace)
			if err != nil {
				return err
			}
			p.slots[n.Out] = out
		}
		for _, v := range step.Dies {
			if keep == nil || !keep(v) {
				p.free(p.slots[v])
				p.slots[v] = nil
			}
		}
	}
	return nil
}

// apply plays one operation. The result is a new handle.
func (p *player) apply(op nn.Op, in []*tensor, shape nn.Shape, inPlace bool) (*tensor, error) {
	switch o := op.(type) {
	case nn.Conv:
		return p.lowered(in, func(in []*tensor) *tensor {
			return p.convolve(convolution{stride: o.Stride, padding: o.Padding, dilation: o.Dilation, groups: o.Groups}, in, shape)
		}), nil
	case nn.ConvTranspose:
		return p.lowered(in, func(in []*tensor) *tensor {
			return p.convolve(convolution{stride: o.Stride, padding: o.Padding, dilation: o.Dilation, groups: o.Groups, transposed: true}, in, shape)
		}), nil
	case nn.MatMulOp:
		return p.lowered(in, func(in []*tensor) *tensor { return p.matMul(in[0], in[1], shape) }), nil
	case nn.GroupNormOp:
		return p.channelNorm(in, int64(shape[0]*o.Groups)), nil
	case nn.InstanceNormOp:
		return p.channelNorm(in, int64(shape[0]*shape[1])), nil
	case nn.BatchNormOp:
		const weight, bias = 4, 5
		affine := []*tensor{in[0]}
		if len(in) > bias {
			affine = append(affine, in[weight], in[bias])
		}
		return p.channelNorm(affine, int64(shape[1])), nil
	case nn.LayerNormOp:
		return p.layerNorm(in, o.Axes), nil
	case nn.Activation:
		return p.activation(o, in[0], inPlace), nil
	case nn.PReLUOp:
		return p.prelu(in[0], in[1]), nil
	case nn.Binary:
		return p.binary(o, in[0], in[1], inPlace), nil
	case nn.Affine:
		return p.affine(o, in[0]), nil
	case nn.SoftmaxOp:
		return p.softmax(in[0]), nil
	case nn.DropoutOp:
		return p.dropout(o, in[0]), nil
	case nn.Resize:
		return p.resample(in[0], shape, false), nil
	case nn.Pool:
		return p.resample(in[0], shape, o.Function == nn.PoolMax), nil
	default:
		return p.applyLayout(op, in, shape)
	}
}

// applyLayout plays the operations that only move elements.
func (p *player) applyLayout(op nn.Op, in []*tensor, shape nn.Shape) (*tensor, error) {
	switch o := op.(type) {
	case nn.Concat:
		return p.concat(in, shape), nil
	case nn.Slice:
		return p.slice(in[0], shape, o.Axis, o.Step), nil
	case nn.Reshape:
		return p.reshape(in[0], shape), nil
	case nn.Permute:
		return p.permute(in[0], o.Axes), nil
	case nn.Roll:
		return p.roll(in[0], o.Shift), nil
	case nn.Pad:
		return p.pad(in[0], shape), nil
	case nn.Gather:
		return p.gather(in[0], shape, len(o.Indices)), nil
	case nn.Constant:
		return p.empty(o.Shape, nil, float32Bytes), nil
	default:
		return nil, fmt.Errorf("%w: the cost of %q is not known", nn.ErrOp, op.Kind())
	}
}

// lowered plays body on inputs in the player's precision.
func (p *player) lowered(in []*tensor, body func(in []*tensor) *tensor) *tensor {
	if !p.lower {
		return body(in)
	}
	cast := make([]*tensor, len(in))
	for i, t := range in {
		cast[i] = p.cast(t, bfloat16Bytes)
	}
	out := body(cast)
	for _, t := range cast {
		p.free(t)
	}
	return out
}
