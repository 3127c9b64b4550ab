// Package cost says what a network takes before anything runs: parameters,
// floating-point operations and memory for a batch of patches. It interprets
// the same nn.Program that libtorch runs, without libtorch.
//
// Times do not belong here: they depend on the machine (a measured rate is
// multiplied with these numbers elsewhere).
package cost

import (
	"errors"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// ErrRequest means that a batch, patch or precision makes no sense.
var ErrRequest = errors.New("cannot estimate")

// Network is the part of a model that is needed.
type Network interface {
	Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error)
	TrainableParameters() []nn.Param
	Config() nn.Config
}

// Cost is what one pass over one batch takes.
type Cost struct {
	// Parameters is the exact number of trained elements.
	Parameters int64 `json:"parameters"`
	// FLOPs counts floating-point operations, a multiply-add as two: of the
	// forward pass, or of forward and backward pass when training.
	FLOPs int64 `json:"flops"`
	// ActivationBytes is, when training, what the forward pass keeps for the
	// backward pass; otherwise the most that is alive at one time.
	ActivationBytes int64 `json:"activation_bytes"`
	// PeakBytes is the most tensor memory in use at one time: weights and
	// activations and, when training, gradients and AdamW's two moments.
	// The process itself and libtorch's scratch buffers come on top.
	PeakBytes int64 `json:"peak_bytes"`
}

// The precisions, by the names that configurations use.
const (
	Float32  = "float32"
	BFloat16 = "bfloat16" // activations in two bytes, master weights in four
)

// Estimate works out the cost of a batch of patches with sizes in voxels along
// x, y and z. Precision is Float32 or BFloat16. Errors wrap ErrRequest and say
// what would fit.
func Estimate(network Network, batch int, patch [3]int, precision string, training bool) (Cost, error) {
	element := nn.F32
	switch precision {
	case Float32:
	case BFloat16:
		element = nn.BF16
	default:
		return Cost{}, fmt.Errorf("%w: precision %q is neither %s nor %s", ErrRequest, precision, Float32, BFloat16)
	}
	if batch < 1 {
		return Cost{}, fmt.Errorf("%w: batch of %d", ErrRequest, batch)
	}
	params := network.TrainableParameters()
	image := nn.Shape{batch, network.Config().InChannels, patch[0], patch[1], patch[2]}
	p, err := nn.Trace(network.Forward, params, nn.InputShapes{Image: image})
	if err != nil {
		return Cost{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	m := newModel(p, int64(element.Size()))
	if m.overflow {
		return Cost{}, fmt.Errorf("%w: patch %v in batches of %d is beyond any machine", ErrRequest, patch, batch)
	}
	c := Cost{Parameters: nn.CountElements(params)}
	weights := weightBytes(params, element)
	if training {
		c.FLOPs = m.forwardFLOPs() + m.backwardFLOPs()
		var peak int64
		c.ActivationBytes, peak = m.trainingMemory()
		// A gradient and two moments for each master weight.
		c.PeakBytes = weights + 3*4*c.Parameters + peak
		return c, nil
	}
	c.FLOPs = m.forwardFLOPs()
	c.ActivationBytes = m.inferenceMemory()
	c.PeakBytes = weights + c.ActivationBytes
	return c, nil
}

// weightBytes is the size of all parameters and buffers as they lie on the
// device, with the copies that a lower precision makes.
func weightBytes(params []nn.Param, precision nn.DType) int64 {
	var n int64
	for _, p := range params {
		n += p.Shape.Elements() * int64(p.Type().Size())
		if precision == nn.BF16 && len(p.Shape) > 1 {
			n += p.Shape.Elements() * int64(precision.Size())
		}
	}
	return n
}

// model is a program with its sizes in bytes.
type model struct {
	*nn.Program
	bytes    []int64 // by value; 0 for parameters, which are counted apart
	storage  []int   // by value: the value whose memory it shares, itself mostly
	overflow bool
}

func newModel(p *nn.Program, elementSize int64) *model {
	m := &model{Program: p, bytes: make([]int64, len(p.Values)), storage: make([]int, len(p.Values))}
	var total float64
	for v, info := range p.Values {
		m.storage[v] = v
		if info.Source == nn.FromParam {
			continue
		}
		m.bytes[v] = info.Shape.Elements() * elementSize
		total += float64(info.Shape.Elements()) * float64(elementSize)
		if info.Source == nn.FromNode && sharesInput(p.Nodes[info.Index].Op) {
			m.storage[v] = m.storage[p.Nodes[info.Index].In[0]]
			m.bytes[v] = 0
		}
	}
	m.overflow = total > math.MaxInt64/1024
	return m
}

// sharesInput reports whether the result lies in its input's memory: a view,
// or an activation done in place by the kernel that made the input.
func sharesInput(op nn.Op) bool {
	switch o := op.(type) {
	case nn.Reshape, nn.Permute, nn.Slice:
		return true
	case nn.Activation:
		return o.Function == nn.ActReLU || o.Function == nn.ActLeakyReLU
	default:
		return false
	}
}
