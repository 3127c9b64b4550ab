package memory

import "github.com/minivess/minivess/engine/nn"

// convolution is a convolution's settings.
type convolution struct {
	stride, padding, dilation [3]int
	groups                    int
	transposed                bool
}

// oneDNN's blocked layouts hold channels in groups of 16.
const blockedChannels = 16

// blocked is the size of a weight that oneDNN has reordered: a channel count,
// rounded up to whole groups, times what lies behind it.
func blocked(channels, rest int, elem int64) int64 {
	return int64(groupsOf(channels)*blockedChannels) * int64(rest) * elem
}

// vectorised reports whether libtorch leaves a convolution to oneDNN. It keeps
// small single images for itself, and unfolds them; with one thread, single
// voxels too.
func (c convolution) vectorised(x, w *tensor, threads int) bool {
	const small, many = 20480, 16 // elements of the first four axes, images
	one := [3]int{1, 1, 1}
	voxels := w.shape[3] == 1 && w.shape[4] == 1 && c.stride == one && c.dilation == one && x.shape[0] < many
	if x.elem == bfloat16Bytes || threads == 1 && voxels {
		return x.elem == bfloat16Bytes
	}
	return c.groups > 1 || w.shape[3] > 3 && w.shape[4] > 3 || x.shape[0] > 1 || x.shape[:4].Elements() > small
}

// convolve plays a convolution of x by a weight and perhaps a bias.
func (p *player) convolve(c convolution, in []*tensor, shape nn.Shape) *tensor {
	if c.vectorised(in[0], in[1], p.threads) {
		return p.oneDNN(c, in, shape)
	}
	return p.unfolded(c, in, shape)
}

// weightIn is the weight as oneDNN takes it beside an image with channels last.
func (p *player) weightIn(w *tensor, last bool) *tensor {
	if last {
		return p.copied(w, channelsLast(w.shape))
	}
	return p.share(w)
}

// imageLayout are the strides that oneDNN takes and gives images in.
func imageLayout(shape nn.Shape, last bool) []int64 {
	if last {
		return channelsLast(shape)
	}
	return contiguous(shape)
}

func (p *player) oneDNN(c convolution, in []*tensor, shape nn.Shape) *tensor {
	x, w := in[0], in[1]
	last := x.suggestsChannelsLast() || w.suggestsChannelsLast()
	image, weight := p.copied(x, imageLayout(x.shape, last)), p.weightIn(w, last)
	out := p.empty(shape, imageLayout(shape, last), x.elem)
	if !last { // computed in blocks, then copied
		p.scratch(blocked(shape[1], int(shape.Elements())/shape[1], x.elem))
	}
	var sums *tensor
	if c.transposed && len(in) > 2 { // the bias is added afterwards
		sums = p.empty(shape, nil, x.elem)
	}
	p.scratch(blocked(shape[1], int(w.shape.Elements())/shape[1], x.elem))
	p.free(sums)
	p.free(weight)
	p.free(image)
	p.record(out, in, []*tensor{x, w}, func(g *tensor) []*tensor { return p.oneDNNBackward(x, in, g, last) })
	return out
}

func (p *player) oneDNNBackward(x *tensor, in []*tensor, g *tensor, last bool) []*tensor {
	w, grads := in[1], make([]*tensor, len(in))
	image, weight := p.copied(x, imageLayout(x.shape, last)), p.weightIn(w, last)
	dense := p.copied(g, imageLayout(g.shape, last))
	elements := int(w.shape.Elements())
	if x.needs() {
		grads[0] = p.empty(x.shape, imageLayout(x.shape, last), x.elem)
		p.scratch(blocked(x.shape[1], elements/x.shape[1], w.elem))
	}
	if w.needs() {
		inBlocks := p.allocate(blocked(g.shape[1], elements/g.shape[1], w.elem))
		switch {
		case w.elem == bfloat16Bytes:
			p.scratch(p.transposed(x.shape, g.shape, w.shape))
		case x.shape[2] < w.shape[2]: // oneDNN's fast kernel wants a kernel that fits
			const copies = 4 // for each thread
			p.scratch(int64(copies*p.threads) * w.bytes())
		}
		plain := p.empty(w.shape, nil, w.elem)
		grads[1] = p.empty(w.shape, nil, w.elem)
		p.free(plain)
		p.release(inBlocks)
	}
	if len(in) > 2 && in[2].needs() {
		grads[2] = p.empty(in[2].shape, nil, in[2].elem)
	}
	p.free(dense)
	p.free(weight)
	p.free(image)
	return grads
}

// unfolded plays libtorch's own convolution, which lays out the neighbourhood
// of every voxel and multiplies matrices.
func (p *player) unfolded(c convolution, in []*tensor, shape nn.Shape) *tensor {
	x, w := in[0], in[1]
	image := p.copied(x, contiguous(x.shape))
	columns := p.columns(c, x, w, shape)
	out := p.empty(shape, nil, x.elem)
	p.release(columns)
	p.free(image)
	p.record(out, in, []*tensor{x, w}, func(g *tensor) []*tensor {
		grads := make([]*tensor, len(in))
		if x.needs() {
			dense := p.copied(g, contiguous(g.shape))
			grads[0] = p.empty(x.shape, nil, x.elem)
			p.release(p.columns(c, x, w, shape))
			p.free(dense)
		}
		if w.needs() {
			grads[1] = p.empty(w.shape, nil, w.elem)
			dense, image := p.copied(g, contiguous(g.shape)), p.copied(x, contiguous(x.shape))
			p.release(p.columns(c, x, w, shape))
			p.free(image)
			p.free(dense)
		}
		if len(in) > 2 && in[2].needs() {
			grads[2] = p.empty(in[2].shape, nil, in[2].elem)
		}
		return grads
	})
	return out
}

// columns is the matrix of neighbourhoods; of single voxels it is the image.
func (p *player) columns(c convolution, x, w *tensor, shape nn.Shape) *block {
	kernel := w.shape[2:].Elements()
	one := [3]int{1, 1, 1}
	if kernel == 1 && c.stride == one && c.padding == [3]int{} {
		return p.allocate(0)
	}
	if c.transposed {
		return p.allocate(kernel * int64(shape[1]) * x.shape[2:].Elements() * x.elem)
	}
	return p.allocate(int64(x.shape[0]) * kernel * int64(x.shape[1]) * shape[2:].Elements() * x.elem)
}

// transposed is what oneDNN takes to differentiate by a weight in bfloat16: each
// thread transposes a sample's image and gradient, in blocks of channels. The
// numbers were measured on a processor with matrix units (AMX); others take
// less.
func (p *player) transposed(x, g, w nn.Shape) int64 {
	in, out := float64(groupsOf(x[1])), float64(groupsOf(g[1]))
	units := 2.46 * (in + out)
	switch {
	case in == 1 && out == 1:
		units = 3
	case in == 1:
		units = 1.43 + 2.07*out
	}
	if w[2:].Elements() == 1 {
		units *= 0.75
	}
	voxels := max(x[2:].Elements(), g[2:].Elements())
	return int64(units * float64(p.threads*blockedChannels*bfloat16Bytes) * float64(voxels))
}

func groupsOf(channels int) int { return (channels + blockedChannels - 1) / blockedChannels }
