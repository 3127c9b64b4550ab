package nntest

import "github.com/minivess/minivess/engine/nn"

// EveryOp is a small network that uses every operation of package nn.
// scripts/peers/everyop_fixture.py is the same network in PyTorch.
type EveryOp struct {
	// Dropout is the probability of all its dropouts.
	Dropout float64
}

// Config describes the network.
func (EveryOp) Config() nn.Config {
	return nn.Config{Name: "everyop", InChannels: 2, OutChannels: 12, Divisor: [3]int{4, 4, 4}}
}

// TrainableParameters lists its parameters.
func (EveryOp) TrainableParameters() []nn.Param {
	p := func(name string, shape ...int) nn.Param {
		return nn.Param{Name: name, Shape: shape, Init: nn.KaimingUniform(8)}
	}
	params := []nn.Param{
		p("conv1.weight", 4, 2, 3, 3, 3), p("conv1.bias", 4),
		p("deconv.weight", 4, 2, 2, 2, 2), p("deconv.bias", 4),
		p("conv2.weight", 6, 4, 3, 3, 3),
		p("norm1.weight", 4), p("norm1.bias", 4), p("norm2.weight", 6), p("norm2.bias", 6),
		p("norm3.weight", 6), p("norm3.bias", 6),
		p("linear.weight", 6, 6), p("table", 5, 64), p("act1.weight", 1), p("act6.weight", 6),
	}
	params = append(params, nn.BatchNormParams("batch1", 6, true)...)
	return append(params, nn.BatchNormParams("batch2", 6, false)...)
}

// Forward takes images of 4×4×4 voxels. It has two auxiliary heads, one of which
// is a value that the logits are made from too.
func (n EveryOp) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	x := g.Segment("local", func() nn.Value { return n.local(g, in.Image) })
	x = g.Segment("batch", func() nn.Value { return n.batch(g, x) })
	t := g.Segment("global", func() nn.Value { return n.global(g, x) })
	y := g.Segment("shape", func() nn.Value { return n.shapes(g, nn.Add(g, x, t)) })
	return nn.Outputs{Logits: y, Auxiliary: []nn.Value{nn.Scale(g, x, 0.5), t}}, nil
}

// local has the convolutions, channel norms and activations: (N, 6, 4, 4, 4).
func (n EveryOp) local(g nn.Graph, x nn.Value) nn.Value {
	one, two, none := [3]int{1, 1, 1}, [3]int{2, 2, 2}, [3]int{}
	x = nn.Conv3d(g, x, "conv1.weight", "conv1.bias", nn.Conv{Stride: one, Padding: one, Dilation: one, Groups: 1})
	x = nn.LeakyReLU(g, nn.InstanceNorm(g, x, "norm1.weight", "norm1.bias", 1e-5), 0.01)
	x = nn.LeakyReLU(g, nn.InstanceNorm(g, x, "", "", 1e-5), 0.2)
	x = g.Apply(nn.Activation{Function: nn.ActSiLU}, nn.GELU(g, x))
	x = nn.Add(g, nn.Sigmoid(g, x), g.Apply(nn.Activation{Function: nn.ActTanh}, x))
	x = nn.Dropout(g, x, n.Dropout, true)
	x = nn.ConvTranspose3d(g, x, "deconv.weight", "deconv.bias",
		nn.ConvTranspose{Stride: two, Padding: none, OutputPadding: one, Dilation: one, Groups: 2})
	x = nn.Conv3d(g, x, "conv2.weight", "", nn.Conv{Stride: two, Padding: none, Dilation: one, Groups: 1})
	return nn.ReLU(g, nn.GroupNorm(g, x, "norm2.weight", "norm2.bias", 3, 1e-5))
}

// batch has the batch norms, further activations, pooling and rolling:
// (N, 6, 4, 4, 4).
func (n EveryOp) batch(g nn.Graph, x nn.Value) nn.Value {
	one, two := [3]int{1, 1, 1}, [3]int{2, 2, 2}
	act := func(a nn.Activation, x nn.Value) nn.Value { return g.Apply(a, x) }
	x = nn.BatchNorm(g, x, "batch1", true, nn.BatchNormOp{Eps: 1e-5, Momentum: 0.1})
	x = act(nn.Activation{Function: nn.ActELU, Alpha: 0.5}, x)
	x = nn.BatchNorm(g, x, "batch2", false, nn.BatchNormOp{Eps: 1e-3, Momentum: 0.25})
	x = nn.Add(g, act(nn.Activation{Function: nn.ActCELU, Alpha: 2}, x), act(nn.Activation{Function: nn.ActSELU}, x))
	x = nn.PReLU(g, nn.PReLU(g, act(nn.Activation{Function: nn.ActMish}, x), "act1.weight"), "act6.weight")
	x = nn.Sub(g, x, act(nn.Activation{Function: nn.ActReLU6}, nn.Scale(g, x, 4)))
	x = nn.Sub(g, x, act(nn.Activation{Function: nn.ActELU}, x))
	x = nn.Shifted(g, nn.DropPath(g, x, n.Dropout), 0, 0, 1, -2, 3)
	x = g.Apply(nn.Pool{Function: nn.PoolAverage, Kernel: two, Stride: one, Padding: one}, x)
	return g.Apply(nn.Pool{Function: nn.PoolMax, Kernel: two, Stride: one}, x)
}

// global is attention over the 64 voxels.
func (n EveryOp) global(g nn.Graph, x nn.Value) nn.Value {
	tokens := nn.Transpose(g, nn.View(g, x, 0, 6, -1), 0, 2, 1)
	tokens = nn.LayerNorm(g, tokens, "norm3.weight", "norm3.bias", 1, 1e-5)
	q := nn.MatMul(g, tokens, g.Param("linear.weight"))
	scores := nn.Scale(g, nn.MatMul(g, q, nn.Transpose(g, tokens, 0, 2, 1)), 0.4)
	rows := make([]int, 64)
	for i := range rows {
		rows[i] = (i*i + 3) % 5
	}
	bias := g.Apply(nn.Gather{Indices: rows}, g.Param("table"))
	attention := nn.Dropout(g, nn.Softmax(g, nn.Add(g, scores, bias), -1), n.Dropout, false)
	mixed := nn.LayerNorm(g, nn.MatMul(g, attention, tokens), "", "", 2, 1e-5)
	return nn.View(g, nn.Transpose(g, mixed, 0, 2, 1), 0, 6, 4, 4, 4)
}

// shapes moves elements about: (N, 12, 8, 6, 8).
func (EveryOp) shapes(g nn.Graph, x nn.Value) nn.Value {
	x = g.Apply(nn.Pad{Before: []int{0, 0, 1, 0, 0}, After: []int{0, 0, 1, 2, 0}, Value: 0.5}, x)
	x = g.Apply(nn.Pad{Before: []int{0, 0, 0, 0, 0}, After: []int{0, 0, 0, 0, 1}}, x)
	x = nn.Take(g, nn.Take(g, nn.Take(g, x, 2, 1, 5, 1), 3, 0, 100, 2), -1, -5, -1, 1)
	x = g.Apply(nn.Resize{Mode: nn.ResizeNearest, Scale: [3]int{2, 1, 1}}, x)
	x = g.Apply(nn.Resize{Mode: nn.ResizeTrilinear, Scale: [3]int{1, 2, 2}}, x)
	ramp := g.Apply(nn.Constant{Shape: nn.Shape{1, 6, 1, 1, 1}, Values: []float32{1, 1.5, 2, 2.5, 3, 3.5}})
	y := nn.Div(g, nn.Sub(g, nn.Mul(g, x, x), ramp), ramp)
	return nn.Join(g, 1, x, g.Apply(nn.Affine{Scale: 0.5, Offset: 0.25}, y))
}
