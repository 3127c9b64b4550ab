package cost

import "github.com/minivess/minivess/engine/nn"

// forwardFLOPs adds up the arithmetic of one forward pass.
func forwardFLOPs(p *nn.Program) int64 {
	var n int64
	for _, node := range p.Nodes {
		n += nodeFLOPs(p, node)
	}
	return n
}

// nodeFLOPs is the arithmetic of one operation: exact for convolutions and
// matrix products, a few per element for everything else, which matters little.
func nodeFLOPs(p *nn.Program, node nn.Node) int64 {
	out := elements(p.Values[node.Out].Shape)
	switch node.Op.(type) {
	case nn.Conv:
		// Each output element is a product over the input channels of its group
		// and the kernel: the weight's elements for one output channel.
		weight := p.Values[node.In[1]].Shape
		return 2 * out * elements(weight[1:])
	case nn.ConvTranspose:
		// Each input element is spread over the output channels and the kernel.
		weight := p.Values[node.In[1]].Shape
		return 2 * elements(p.Values[node.In[0]].Shape) * elements(weight[1:])
	case nn.MatMulOp:
		a := p.Values[node.In[0]].Shape
		return 2 * out * int64(a[len(a)-1])
	case nn.GroupNormOp, nn.InstanceNormOp, nn.LayerNormOp:
		const perElement = 7 // two passes of statistics, scale and shift
		return perElement * out
	case nn.Resize:
		const perElement = 14 // seven linear interpolations
		return perElement * out
	case nn.SoftmaxOp:
		const perElement = 4
		return perElement * out
	case nn.Activation, nn.Binary, nn.Affine, nn.DropoutOp:
		return out
	default:
		return 0 // moving data is not arithmetic
	}
}
