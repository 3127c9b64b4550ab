package memory

// channelNorm plays a normalisation over voxels, which keeps two numbers for
// each set of them: by this project's own kernel when the schedule says so, else
// by libtorch's.
func (p *player) channelNorm(in []*tensor, statistics int64) *tensor {
	x := in[0]
	if !p.plan.Settings.Kernels || len(x.shape) != spatialRank {
		return p.normalise(in, statistics)
	}
	layout := channelsLast(x.shape)
	image := p.copied(x, layout)
	kept := p.allocate(2 * statistics * float32Bytes)
	out := p.empty(x.shape, layout, x.elem)
	p.record(out, in, []*tensor{image, {mem: kept}}, func(g *tensor) []*tensor {
		same := p.cast(g, x.elem)
		dense := p.copied(same, layout)
		p.free(same)
		grads := make([]*tensor, len(in))
		grads[0] = p.empty(x.shape, layout, x.elem)
		p.affineGrads(in, grads)
		p.free(dense)
		return grads
	})
	p.free(image)
	p.release(kept)
	return out
}

// affineGrads makes the gradients of weight and bias.
func (p *player) affineGrads(in, grads []*tensor) {
	for i := 1; i < len(in); i++ {
		if in[i].needs() {
			grads[i] = p.empty(in[i].shape, nil, in[i].elem)
		}
	}
}

// normalise plays a normalisation of libtorch's that keeps its input and two
// numbers for each set of elements.
func (p *player) normalise(in []*tensor, statistics int64) *tensor {
	x := in[0]
	out := p.like(x, x.elem)
	kept := p.allocate(2 * statistics * float32Bytes)
	p.record(out, in, []*tensor{x, {mem: kept}}, func(*tensor) []*tensor {
		grads := make([]*tensor, len(in))
		if x.needs() {
			grads[0] = p.like(x, x.elem)
		}
		p.affineGrads(in, grads)
		return grads
	})
	p.release(kept)
	return out
}

// layerNorm plays a normalisation over the last axes, which wants and gives C
// order.
func (p *player) layerNorm(in []*tensor, axes int) *tensor {
	x := in[0]
	order := contiguous(x.shape)
	sets := x.shape[:len(x.shape)-axes].Elements()
	dense := p.copied(x, order)
	out := p.empty(x.shape, order, x.elem)
	kept := p.allocate(2 * sets * float32Bytes)
	p.free(dense)
	p.record(out, in, []*tensor{x, {mem: kept}}, func(g *tensor) []*tensor {
		dense, image := p.copied(g, order), p.copied(x, order)
		grads := make([]*tensor, len(in))
		if x.needs() {
			grads[0] = p.empty(x.shape, order, x.elem)
		}
		p.affineGrads(in, grads)
		p.free(image)
		p.free(dense)
		return grads
	})
	p.release(kept)
	return out
}
