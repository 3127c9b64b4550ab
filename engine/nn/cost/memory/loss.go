package memory

import "github.com/minivess/minivess/engine/nn"

// Loss says what is differentiated.
type Loss int

// The losses.
const (
	// DiceCE is Dice plus cross-entropy against one-hot labels, as package train
	// computes it.
	DiceCE Loss = iota
	// Dice and CrossEntropy are its halves.
	Dice
	CrossEntropy
	// Weighted is Σ logits·weights, as torch.Module's Differentiate computes it.
	Weighted
)

// differentiate plays the loss of the outputs, and its gradient as far as the
// leaves. The tensors of the loss live until the whole pass is over, so they are
// never freed here. Of several outputs the last does not count, as in nnU-Net,
// and the labels of the coarser ones are made for them.
func (p *player) differentiate(l Loss, outputs []*tensor) {
	if len(outputs) > 1 {
		outputs = outputs[:len(outputs)-1]
	}
	label := p.empty(outputs[0].shape, nil, float32Bytes)
	var total *tensor
	for i, o := range outputs {
		if i > 0 {
			label = p.empty(o.shape, nil, float32Bytes)
		}
		term := p.loss(l, o, label)
		if i > 0 {
			term = p.add(total, p.scaled(term), false)
		}
		total = term
	}
	p.backward(total)
}

func (p *player) loss(l Loss, logits, label *tensor) *tensor {
	if l != Weighted {
		return p.diceCE(l, logits, label)
	}
	product := p.product(p.like(logits, float32Bytes), logits, label, false)
	defer p.free(product)
	defer p.free(label)
	return p.sum(product)
}

// diceCE follows train's loss operation by operation.
func (p *player) diceCE(l Loss, logits, label *tensor) *tensor {
	logp := p.fromResult(logits)
	var total *tensor
	if l != Dice {
		product := p.product(p.like(logp, logp.elem), label, logp, false)
		total = p.scaled(p.sum(product))
	}
	if l == CrossEntropy {
		return total
	}
	probability := p.fromResult(logp)
	classes := logits.shape.Clone()
	classes[1]--
	front, truth := p.slice(probability, classes, 1, 1), p.slice(label, classes, 1, 1)
	both := p.sum(p.product(p.elementwise(front.elem, front, truth), front, truth, false))
	dice := p.add(both, p.sum(front), false)
	if total == nil {
		return dice
	}
	return p.add(total, dice, false)
}

// sum plays a sum whose gradient is expanded to the shape of what was summed.
func (p *player) sum(x *tensor) *tensor {
	out := p.empty(nn.Shape{}, nil, float32Bytes)
	p.record(out, []*tensor{x}, nil, func(g *tensor) []*tensor {
		return []*tensor{p.viewed(g, x.shape, make([]int64, len(x.shape)))}
	})
	return out
}
