package cost

import "github.com/minivess/minivess/engine/nn"

// flops adds up a prediction or a training step.
func flops(p *nn.Program, r Request) int64 {
	c := counter{Program: p, frozen: r.Frozen}
	if !r.Training {
		return c.forward(0, len(p.Nodes))
	}
	n := c.forward(0, len(p.Nodes)) + c.backward()
	if r.Checkpointing {
		for _, s := range p.Segments {
			n += c.forward(s.First, s.Last)
		}
	}
	return n
}

// counter counts the operations of a program.
type counter struct {
	*nn.Program
	frozen func(name string) bool
}

// forward adds up nodes first to last-1.
func (c counter) forward(first, last int) int64 {
	var n int64
	for i := first; i < last; i++ {
		n += c.node(i)
	}
	return n
}

// backward adds up one backward pass. A convolution or matrix product is
// differentiated by each of its inputs that something trained lies behind, at
// the forward pass's cost; the image itself needs no gradient.
func (c counter) backward() int64 {
	needs := make([]bool, len(c.Values))
	for v, info := range c.Values {
		if info.Source == nn.FromParam {
			p := c.Params[info.Index]
			needs[v] = !p.Buffer && (c.frozen == nil || !c.frozen(p.Name))
		}
	}
	var n int64
	for i, node := range c.Nodes {
		f, products := c.node(i), isProduct(node.Op)
		for k, v := range node.In {
			if !needs[v] {
				continue
			}
			needs[node.Out] = true
			if products && k < 2 {
				n += f
			}
		}
		if !products && needs[node.Out] {
			n += 2 * f
		}
	}
	return n
}

// isProduct tells the operations that multiply matrices.
func isProduct(op nn.Op) bool {
	switch op.(type) {
	case nn.Conv, nn.ConvTranspose, nn.MatMulOp:
		return true
	default:
		return false
	}
}

// node counts one operation: exactly for products, by a fixed number an
// element for the rest.
func (c counter) node(i int) int64 {
	node := c.Nodes[i]
	out := c.Values[node.Out].Shape.Elements()
	switch op := node.Op.(type) {
	case nn.Conv:
		w := c.Values[node.In[1]].Shape // (O, C/groups, kx, ky, kz)
		return 2*out*w[1:].Elements() + bias(node, out)
	case nn.ConvTranspose:
		w := c.Values[node.In[1]].Shape // (C, O/groups, kx, ky, kz)
		return 2*c.Values[node.In[0]].Shape.Elements()*w[1:].Elements() + bias(node, out)
	case nn.MatMulOp:
		a := c.Values[node.In[0]].Shape
		return 2 * out * int64(a[len(a)-1])
	case nn.GroupNormOp, nn.InstanceNormOp, nn.LayerNormOp, nn.BatchNormOp:
		return 5 * out // mean, variance, scale and shift
	case nn.Activation:
		if op.Function == nn.ActReLU || op.Function == nn.ActLeakyReLU {
			return out
		}
		return 4 * out
	case nn.SoftmaxOp:
		return 4 * out
	case nn.Resize:
		if op.Mode == nn.ResizeTrilinear {
			return 15 * out // eight corners, weighted and summed
		}
		return 0
	case nn.Pool:
		return out * int64(op.Kernel[0]*op.Kernel[1]*op.Kernel[2])
	case nn.Binary, nn.Affine, nn.DropoutOp, nn.PReLUOp:
		return out
	default:
		return 0
	}
}

func bias(node nn.Node, out int64) int64 {
	if len(node.In) > 2 {
		return out
	}
	return 0
}
