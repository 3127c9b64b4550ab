package estimate

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/engine/train/selection"
	"github.com/minivess/minivess/engine/train/soft"
	"github.com/minivess/minivess/tools"
)

// workerBytes is what a worker takes beside its tensors: itself and libtorch
// 110 MB, and what libtorch keeps at hand. Measured as resident memory, which
// for each network was this plus its tensors and its initial weights to 2 %.
const workerBytes = 140e6

// volumeBytes is what a voxel of a volume kept for training takes: image and
// label.
const volumeBytes = 5

// work is what takes time: arithmetic, and activations that go to memory and
// back.
type work struct{ flops, bytes float64 }

func workOf(c cost.Cost) work { return work{float64(c.FLOPs), float64(c.ActivationBytes)} }

func (w work) times(n int) work { return work{w.flops * float64(n), w.bytes * float64(n)} }

// What one core of a computer of 2020 is taken to do when no run was measured:
// half of what was measured on a server of 2023, where these two numbers gave
// the seconds of SegResNet, DynUNet and Swin UNETR to 15 %.
const (
	assumedFLOPs = 95e9  // a second
	assumedBytes = 0.2e9 // of activations, a second
)

// seconds is how long the work takes on one such core.
func (w work) seconds() float64 { return w.flops/assumedFLOPs + w.bytes/assumedBytes }

// model is what a network takes for one experiment.
type model struct {
	parameters  int64
	step        work  // one training step
	stepBytes   int64 // tensors of a training step, at most
	staticBytes int64 // weights, gradients and moments
	momentBytes int64
	window      work // one window, predicted
	windowBytes int64
	passBytes   int64 // of the windows predicted together, without weights
}

func modelOf(e config.Experiment) (model, error) {
	net, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		return model{}, err
	}
	chosen, err := selection.Make(net.TrainableParameters(), e.Train)
	if err != nil {
		return model{}, err
	}
	frozen := func(name string) bool {
		return slices.ContainsFunc(chosen.Frozen, func(p nn.Param) bool { return p.Name == name })
	}
	r := cost.Request{
		Batch: e.Train.BatchSize, Patch: e.Train.PatchSize, Precision: e.Train.Precision, Training: true,
		Checkpointing: e.Train.GradientCheckpointing, Frozen: frozen, Optimiser: optimiser(e.Train), Auxiliary: true,
		Loss: e.Train.Loss, Threads: threads(e),
	}
	step, err := cost.Of(net, r)
	if err != nil {
		return model{}, err
	}
	many := max(1, e.Infer.WindowBatch)
	window, err := cost.Of(net, cost.Request{Batch: many, Patch: e.WindowSize(), Precision: e.Train.Precision, Threads: r.Threads})
	if err != nil {
		return model{}, err
	}
	var trained int64
	for _, rule := range chosen.Trained {
		trained += 4 * rule.Param.Shape.Elements()
	}
	recipe, _ := soft.Of(e.Train.Loss)
	m := model{
		parameters: step.Parameters, step: workOf(step), stepBytes: step.PeakBytes + recipe.Bytes(e.Train.BatchSize, e.Model.OutChannels, e.Train.PatchSize), windowBytes: window.PeakBytes,
		window: work{workOf(window).flops / float64(many), workOf(window).bytes / float64(many)}, passBytes: window.ActivationBytes,
	}
	switch r.Optimiser {
	case cost.AdamW:
		m.momentBytes = 2 * trained
	case cost.SGD:
		m.momentBytes = trained
	}
	m.staticBytes = 4*m.parameters + trained + m.momentBytes
	return m, nil
}

func optimiser(t config.Train) string {
	switch {
	case t.Optimizer != "sgd":
		return cost.AdamW
	case t.Momentum == 0:
		return cost.Descent
	default:
		return cost.SGD
	}
}

// threads are those of the worker: one a core when nobody says otherwise.
func threads(e config.Experiment) int {
	if e.Threads > 0 {
		return e.Threads
	}
	return runtime.NumCPU()
}

// predicting is the work of predicting the volumes once.
func (m model) predicting(e config.Experiment, shapes [][3]int) work {
	windows := 0
	for _, s := range shapes {
		windows += len(infer.Windows(s, e.WindowSize(), e.Infer.Overlap))
	}
	return m.window.times(windows)
}

// trainingBytes is what a training worker takes at most: in a step, or while it
// predicts the largest held volume; with the volumes that it keeps.
func (m model) trainingBytes(j Job) int64 {
	cache := min(int64(j.Experiment.Train.CacheMegabytes)<<20, int64(voxels(j.Train)+voxels(j.Held))*volumeBytes)
	validating := int64(0)
	if len(j.Held) > 0 {
		validating = m.staticBytes + m.passBytes + wholeBytes(j)
	}
	return workerBytes + 4*m.parameters + cache + max(m.stepBytes, validating)
}

// predictingBytes is what a worker takes that predicts whole volumes.
func (m model) predictingBytes(j Job) int64 {
	return workerBytes + 4*m.parameters + m.windowBytes + wholeBytes(j)
}

// wholeBytes is the largest held volume with the sums of its windows' logits.
func wholeBytes(j Job) int64 {
	largest := 0.0
	for _, shape := range j.Held {
		largest = max(largest, voxels([][3]int{shape}))
	}
	return int64(largest) * 4 * int64(1+j.Experiment.Model.OutChannels)
}

// speed is how this machine compares with the core that is assumed.
type speed struct {
	factor float64 // seconds for each second of work.seconds
	basis  string
}

func (s speed) of(w work) float64 { return s.factor * w.seconds() }

func assumed(e config.Experiment, m model) speed {
	cores := threads(e)
	rate := m.step.flops / m.step.seconds() * float64(cores)
	return speed{
		factor: 1 / float64(cores),
		basis:  fmt.Sprintf("cost model at an assumed %.0f GFLOP/s for such a network on %s; no run was measured here yet", rate/1e9, tools.Count(cores, "core")),
	}
}
