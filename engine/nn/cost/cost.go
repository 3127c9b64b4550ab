// Package cost interprets a network by adding up what it takes: parameters,
// arithmetic, activations and peak memory. It computes nothing and links
// nothing; it is what a plan quotes before anybody has approved it.
package cost

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// Network is what is estimated; every models.Adapter is one.
type Network interface {
	Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error)
	TrainableParameters() []nn.Param
}

// Cost is what one step takes: one optimiser step of a batch when training,
// one forward pass otherwise.
type Cost struct {
	// Parameters is the exact number of trained elements.
	Parameters int64
	// FLOPs counts a multiplication and an addition as two, forward only when
	// predicting, forward and backward when training.
	FLOPs int64
	// ActivationBytes are all tensors that operations make in a forward pass.
	ActivationBytes int64
	// PeakBytes is the most memory alive at once: weights, gradients and
	// optimiser moments (training), and the tensors still needed.
	PeakBytes int64
}

// The bytes of one element. Weights, gradients and moments stay float32 in
// every precision; activations follow it.
const (
	floatBytes = 4
	halfBytes  = 2
)

// moments is how many tensors of a weight's size AdamW keeps.
const moments = 2

// Estimate adds up a network's cost for a batch of patches of the given size
// (x, y, z) in voxels. Precision is float32 or bfloat16. A patch that the
// network cannot take is an error that names the layer.
func Estimate(network Network, batch int, patch [3]int, precision string, training bool) (Cost, error) {
	if batch < 1 {
		return Cost{}, fmt.Errorf("estimating a network: the batch must hold at least 1 patch, not %d", batch)
	}
	params := network.TrainableParameters()
	channels, err := inputChannels(params)
	if err != nil {
		return Cost{}, err
	}
	image := nn.Shape{batch, channels, patch[0], patch[1], patch[2]}
	program, err := nn.Trace(network.Forward, params, nn.InputShapes{Image: image})
	if err != nil {
		return Cost{}, fmt.Errorf("estimating a network for a patch of %v: %w", patch, err)
	}
	element := int64(floatBytes)
	if precision == "bfloat16" {
		element = halfBytes
	}
	c := Cost{Parameters: nn.CountElements(params), FLOPs: forwardFLOPs(program)}
	c.ActivationBytes = element * madeElements(program)
	weights := floatBytes * c.Parameters
	if !training {
		c.PeakBytes = weights + element*peakElements(program)
		return c, nil
	}
	// The backward pass of a convolution costs two of its forward passes: one
	// for the input's gradient, one for the weight's.
	c.FLOPs *= 3
	largest := element * largestValue(program)
	c.PeakBytes = weights*(2+moments) + element*keptElements(program) + 2*largest
	return c, nil
}

// inputChannels finds how many channels the image has. In the order of the
// state_dict, the first convolution is the one that reads the image.
func inputChannels(params []nn.Param) (int, error) {
	for _, p := range params {
		if len(p.Shape) == 5 {
			return p.Shape[1], nil
		}
	}
	return 0, fmt.Errorf("estimating a network: it has no convolution to tell the number of input channels")
}

// madeElements counts the elements that operations make.
func madeElements(p *nn.Program) int64 {
	var n int64
	for _, node := range p.Nodes {
		n += elements(p.Values[node.Out].Shape)
	}
	return n
}

// keptElements counts what the backward pass needs: the inputs of operations
// that multiply or normalise, and the outputs of those that rectify. Each
// tensor is counted once, whoever needs it.
func keptElements(p *nn.Program) int64 {
	kept := make([]bool, len(p.Values))
	for _, node := range p.Nodes {
		switch op := node.Op.(type) {
		case nn.Conv, nn.ConvTranspose, nn.GroupNormOp, nn.InstanceNormOp, nn.LayerNormOp, nn.MatMulOp:
			for _, v := range node.In {
				kept[v] = true
			}
		case nn.Activation, nn.SoftmaxOp, nn.DropoutOp:
			kept[node.Out] = true
		case nn.Binary:
			if op.Operation == nn.BinaryMul || op.Operation == nn.BinaryDiv {
				kept[node.In[0]], kept[node.In[1]] = true, true
			}
		}
	}
	var n int64
	for v, k := range kept {
		if k && p.Values[v].Source != nn.FromParam {
			n += elements(p.Values[v].Shape)
		}
	}
	return n
}

// peakElements walks the program, frees what nobody needs any more, and
// returns the most that was alive at once.
func peakElements(p *nn.Program) int64 {
	var alive, peak int64
	for _, in := range p.Inputs {
		alive += elements(p.Values[in.Value].Shape)
	}
	free := p.LastUses()
	for i, node := range p.Nodes {
		alive += elements(p.Values[node.Out].Shape)
		peak = max(peak, alive)
		for _, v := range free[i] {
			alive -= elements(p.Values[v].Shape)
		}
	}
	return max(peak, alive)
}

func largestValue(p *nn.Program) int64 {
	var largest int64
	for _, v := range p.Values {
		if v.Source == nn.FromNode {
			largest = max(largest, elements(v.Shape))
		}
	}
	return largest
}

func elements(s nn.Shape) int64 {
	n := int64(1)
	for _, size := range s {
		n *= int64(size)
	}
	return n
}
