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
	"github.com/minivess/minivess/engine/nn/cost/memory"
	"github.com/minivess/minivess/engine/nn/schedule"
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
	// Parameters is the exact number of trained elements, frozen ones included.
	Parameters int64 `json:"parameters"`
	// FLOPs counts floating-point operations, a multiply-add as two: of the
	// forward pass, or of forward and backward pass when training.
	FLOPs int64 `json:"flops"`
	// ActivationBytes is, when training, what lies between forward and backward
	// pass; otherwise the most that is alive at one time. Weights are left out.
	ActivationBytes int64 `json:"activation_bytes"`
	// PeakBytes is the most tensor memory in use at one time: weights and
	// activations and, when training, gradients and the optimiser's moments. It
	// is within a few percent of what libtorch allocates on a CPU; the process
	// itself comes on top.
	PeakBytes int64 `json:"peak_bytes"`
}

// The precisions, by the names that configurations use.
const (
	Float32  = "float32"
	BFloat16 = "bfloat16" // activations in two bytes, master weights in four
)

// Estimate is Of for the settings that matter most.
func Estimate(network Network, batch int, patch [3]int, precision string, training bool) (Cost, error) {
	if precision == "" {
		return Cost{}, fmt.Errorf("%w: no precision; choose %s or %s", ErrRequest, Float32, BFloat16)
	}
	return Of(network, Request{Batch: batch, Patch: patch, Precision: precision, Training: training})
}

// Of works out the cost of a request. Errors wrap ErrRequest and say what would
// fit.
func Of(network Network, r Request) (Cost, error) {
	if err := r.check(); err != nil {
		return Cost{}, err
	}
	params := network.TrainableParameters()
	image := nn.Shape{r.Batch, network.Config().InChannels, r.Patch[0], r.Patch[1], r.Patch[2]}
	p, err := nn.Trace(network.Forward, params, nn.InputShapes{Image: image})
	if err != nil {
		return Cost{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if !r.Auxiliary || !r.Training {
		p = p.LogitsOnly()
	}
	if beyond(p) {
		return Cost{}, fmt.Errorf("%w: patch %v in batches of %d is beyond any machine", ErrRequest, r.Patch, r.Batch)
	}
	c := Cost{Parameters: nn.CountElements(params)}
	if c.ActivationBytes, c.PeakBytes, err = peak(p, params, r); err != nil {
		return Cost{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	c.FLOPs = flops(p, r)
	return c, nil
}

// beyond reports whether the sizes could overflow a sum of bytes.
func beyond(p *nn.Program) bool {
	total := 0.0
	for _, v := range p.Values {
		size := 8.0
		for _, n := range v.Shape {
			size *= float64(n)
		}
		total += size
	}
	return total > math.MaxInt64/1024
}

// peak works out the memory of a pass and the most there is at any time.
func peak(p *nn.Program, params []nn.Param, r Request) (activations, most int64, err error) {
	o := memory.Options{BFloat16: r.Precision == BFloat16, Threads: r.Threads, Frozen: r.Frozen, Loss: losses()[r.Loss]}
	settings := schedule.Settings{Mode: schedule.Infer, Kernels: true}
	weights, trained, largest := sizes(params, r.Frozen)
	if !r.Training {
		b, err := memory.Predict(schedule.New(p, settings), o)
		return b.Peak, weights + b.Peak, err
	}
	settings.Mode = schedule.Train
	if r.Checkpointing {
		settings.Mode = schedule.Recompute
	}
	b, err := memory.Train(schedule.New(p, settings), o)
	moments := momentsOf(r.Optimiser)
	// The update works parameter by parameter with three tensors of its size.
	return b.Kept, weights + (1+moments)*trained + max(b.Peak, 3*largest), err
}

// sizes are the bytes of all parameters and buffers, of the trained ones, and
// of the largest trained one, as they lie on the device.
func sizes(params []nn.Param, frozen func(string) bool) (all, trained, largest int64) {
	for _, p := range params {
		n := p.Shape.Elements() * int64(p.Type().Size())
		if p.Type().Float() { // whole numbers stay on the host
			all += n
		}
		if !p.Buffer && (frozen == nil || !frozen(p.Name)) {
			trained += n
			largest = max(largest, n)
		}
	}
	return all, trained, largest
}
