package cost

import "github.com/minivess/minivess/engine/nn"

// forwardFLOPs adds up one forward pass.
func (m *model) forwardFLOPs() int64 {
	var n int64
	for i := range m.Nodes {
		n += m.nodeFLOPs(i)
	}
	return n
}

// backwardFLOPs adds up one backward pass. A convolution or matrix product is
// differentiated by each of its inputs at the forward pass's cost; the image
// itself needs no gradient.
func (m *model) backwardFLOPs() int64 {
	var n int64
	for i, node := range m.Nodes {
		f := m.nodeFLOPs(i)
		switch node.Op.(type) {
		case nn.Conv, nn.ConvTranspose, nn.MatMulOp:
			for _, v := range node.In[:2] {
				if m.Values[v].Source != nn.FromInput {
					n += f
				}
			}
		default:
			n += 2 * f
		}
	}
	return n
}

// nodeFLOPs counts one operation: exactly for products, by a fixed number an
// element for the rest.
func (m *model) nodeFLOPs(i int) int64 {
	node := m.Nodes[i]
	out := m.Values[node.Out].Shape.Elements()
	switch op := node.Op.(type) {
	case nn.Conv:
		w := m.Values[node.In[1]].Shape // (O, C/groups, kx, ky, kz)
		return 2*out*w[1:].Elements() + bias(node, out)
	case nn.ConvTranspose:
		w := m.Values[node.In[1]].Shape // (C, O/groups, kx, ky, kz)
		return 2*m.Values[node.In[0]].Shape.Elements()*w[1:].Elements() + bias(node, out)
	case nn.MatMulOp:
		a := m.Values[node.In[0]].Shape
		return 2 * out * int64(a[len(a)-1])
	case nn.GroupNormOp, nn.InstanceNormOp, nn.LayerNormOp:
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
	case nn.Binary, nn.Affine, nn.DropoutOp:
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
