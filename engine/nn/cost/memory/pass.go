package memory

import (
	"cmp"
	"slices"

	"github.com/minivess/minivess/engine/nn/schedule"
)

// Options say how a network is run.
type Options struct {
	// BFloat16 lowers convolutions and matrix products.
	BFloat16 bool
	// Threads of one operation; 0 means 2. They take scratch memory in bfloat16,
	// and where an image is thinner than a kernel.
	Threads int
	// Frozen tells the parameters that are not trained; nil means none.
	Frozen func(name string) bool
	// Loss is what a training pass differentiates.
	Loss Loss
}

// Bytes is what a pass holds beside weights, gradients and the optimiser's
// state.
type Bytes struct {
	// Kept is what a training pass keeps between forward and backward pass: 0
	// when predicting.
	Kept int64
	// Peak is the most at one time, with the image and, when training, the
	// labels.
	Peak int64
}

func newPlayer(l *schedule.Plan, o Options) *player {
	return &player{
		plan: l, lower: o.BFloat16, threads: cmp.Or(o.Threads, 2), frozen: o.Frozen, params: map[int]*tensor{}, slots: make([]*tensor, len(l.Values)),
		train: l.Settings.Mode != schedule.Infer, grad: l.Settings.Mode != schedule.Infer,
	}
}

// Predict plays a prediction.
func Predict(l *schedule.Plan, o Options) (Bytes, error) {
	p := newPlayer(l, o)
	image := p.put()
	if err := p.run(0, len(l.Nodes), nil); err != nil {
		return Bytes{}, err
	}
	out := p.outputs()
	p.clear()
	for _, t := range out {
		p.inOrder(t)
	}
	p.free(image)
	return Bytes{Peak: p.peak}, nil
}

// Train plays a training pass: forward, loss and backward, or with the
// schedule's mode Recompute chunk by chunk.
func Train(l *schedule.Plan, o Options) (Bytes, error) {
	p := newPlayer(l, o)
	image := p.put()
	defer p.free(image)
	if l.Settings.Mode == schedule.Recompute {
		return p.trainInChunks(o)
	}
	if err := p.run(0, len(l.Nodes), nil); err != nil {
		return Bytes{}, err
	}
	out := p.outputs()
	p.clear()
	kept := p.live
	p.differentiate(o.Loss, out)
	return Bytes{Kept: kept, Peak: p.peak}, nil
}

// put makes the image and lays it out for the network.
func (p *player) put() *tensor {
	v := p.plan.Inputs[0].Value
	shape := p.plan.Values[v].Shape
	image := p.empty(shape, nil, float32Bytes)
	layout := channelsLast(shape)
	if shape[1] == 1 {
		p.slots[v] = p.viewed(image, shape, layout)
	} else {
		p.slots[v] = p.empty(shape, layout, float32Bytes)
	}
	return image
}

// outputs makes the results, float32 in C order.
func (p *player) outputs() []*tensor {
	var out []*tensor
	for _, v := range p.plan.Outputs {
		wide := p.cast(p.get(v), float32Bytes)
		out = append(out, p.inOrder(wide))
		p.free(wide)
	}
	return out
}

// clear frees what is left of a pass.
func (p *player) clear() {
	for i, t := range p.slots {
		p.free(t)
		p.slots[i] = nil
	}
}

// tape is what a pass with recomputation leaves behind, see nn/torch.
type tape struct {
	*player
	leaves, results []*tensor
	held            map[int]bool // leaves that the loss's history keeps, with their gradients
}

func (p *player) trainInChunks(o Options) (Bytes, error) {
	t := &tape{player: p, held: map[int]bool{}, leaves: make([]*tensor, len(p.slots)), results: make([]*tensor, len(p.slots))}
	image := p.plan.Inputs[0].Value
	t.leaves[image], p.slots[image] = p.slots[image], nil
	for _, c := range p.plan.Chunks {
		out, err := t.execute(c, !c.Recompute)
		if err != nil {
			return Bytes{}, err
		}
		for i, v := range c.Out {
			t.leaves[v] = p.share(out[i])
			t.leaves[v].from, t.leaves[v].leaf = nil, &leaf{strides: out[i].strides}
			if c.Recompute {
				p.free(out[i])
			} else {
				t.results[v] = out[i]
			}
		}
	}
	for _, v := range p.plan.Outputs {
		if p.slots[v] == nil {
			p.slots[v] = p.share(t.leaves[v])
			t.held[v] = true
		}
	}
	p.grad = true
	out := p.outputs()
	p.clear()
	kept := p.live
	p.differentiate(o.Loss, out)
	for _, c := range slices.Backward(p.plan.Chunks) {
		if err := t.backwardChunk(c); err != nil {
			return Bytes{}, err
		}
	}
	return Bytes{Kept: kept, Peak: p.peak}, nil
}

// execute runs a chunk on its leaves and returns its results.
func (t *tape) execute(c schedule.Chunk, grad bool) ([]*tensor, error) {
	t.grad = grad
	for _, v := range c.In {
		t.slots[v] = t.share(t.leaves[v])
	}
	if err := t.run(c.First, c.Last, func(v int) bool { return slices.Contains(c.Out, v) }); err != nil {
		return nil, err
	}
	out := make([]*tensor, len(c.Out))
	for i, v := range c.Out {
		out[i], t.slots[v] = t.slots[v], nil
	}
	t.clear()
	return out, nil
}

// backwardChunk makes the gradients of what a chunk was given out of those of
// its results.
func (t *tape) backwardChunk(c schedule.Chunk) error {
	var out []*tensor
	if c.Recompute {
		var err error
		if out, err = t.execute(c, true); err != nil {
			return err
		}
	} else {
		for _, v := range c.Out {
			out = append(out, t.results[v])
			t.results[v] = nil
		}
	}
	t.grad = true
	var total *tensor
	for i, v := range c.Out {
		term := t.term(out[i], t.leaves[v], t.held[v])
		t.leaves[v] = nil
		if term == nil {
			continue
		}
		if total != nil {
			both := t.add(total, term, false)
			t.free(total)
			t.free(term)
			term = both
		}
		total = term
	}
	if total != nil {
		t.backward(total)
		t.free(total)
	}
	for _, h := range out {
		t.free(h)
	}
	return nil
}

// term plays Σ result·gradient, and lets the leaf go unless it is held. It
// returns nil when there is no gradient.
func (t *tape) term(result, l *tensor, held bool) *tensor {
	g := l.leaf.grad
	if g == nil {
		t.free(l)
		return nil
	}
	product := t.product(t.elementwise(result.elem, result, g), result, g, false)
	sum := t.sum(product)
	t.free(product)
	if !held {
		t.free(g)
		t.free(l)
	}
	return sum
}
