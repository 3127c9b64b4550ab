// Package estimate says what a job will cost before it is launched: time from
// what earlier runs on this machine achieved, memory and arithmetic from the
// network itself. It launches nothing and reads only journals.
package estimate

import (
	"fmt"
	"math"
	"runtime"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/tools"
)

// What is assumed when nothing was measured, and what no model covers.
const (
	// assumedSpeed is the arithmetic that one core does in training, FLOP/s: what
	// SegResNet reaches on a server core of 2023.
	assumedSpeed = 20e9
	// workerBytes is what a worker takes before it has loaded anything.
	workerBytes = 300 << 20
	// startSeconds is what a worker takes to start and to read its volumes.
	startSeconds = 2.0
	// scoreRate is how fast a predicted volume is scored, voxels a second.
	scoreRate = 2e6
	// labelBytes is what a voxel of a predicted label takes, compressed.
	labelBytes = 0.1
)

// Job is what is to be done.
type Job struct {
	Experiment config.Experiment
	Train      [][3]int // shapes of the training volumes
	Held       [][3]int // shapes of the volumes that are predicted whole
}

// Estimate is what a job will cost.
type Estimate struct {
	Parameters int64
	Steps      int
	Cost       tools.Cost
}

// model is a network's arithmetic for one experiment.
type model struct {
	parameters int64
	stepFLOPs  float64 // one training step
	peakBytes  int64   // of a training step
	winFLOPs   float64 // one window, predicted
	winBytes   int64
}

func modelOf(e config.Experiment) (model, error) {
	net, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		return model{}, err
	}
	step, err := cost.Estimate(net, e.Train.BatchSize, e.Train.PatchSize, e.Train.Precision, true)
	if err != nil {
		return model{}, err
	}
	window, err := cost.Estimate(net, max(1, e.Infer.WindowBatch), e.WindowSize(), e.Train.Precision, false)
	if err != nil {
		return model{}, err
	}
	return model{
		parameters: step.Parameters, stepFLOPs: float64(step.FLOPs), peakBytes: step.PeakBytes,
		winFLOPs: float64(window.FLOPs) / float64(max(1, e.Infer.WindowBatch)), winBytes: window.PeakBytes,
	}, nil
}

// predictFLOPs is the arithmetic of predicting the volumes once.
func (m model) predictFLOPs(e config.Experiment, shapes [][3]int) float64 {
	windows := 0
	for _, s := range shapes {
		windows += len(infer.Windows(s, e.WindowSize(), e.Infer.Overlap))
	}
	return float64(windows) * m.winFLOPs
}

// Training estimates a whole training, validations included. Of a TorchScript
// network only the number of steps is known.
func Training(j Job, past History) (Estimate, error) {
	e := j.Experiment
	if e.Model.Name == config.TorchScript {
		return Estimate{Steps: e.Train.TotalSteps(len(j.Train))}, nil
	}
	m, err := modelOf(e)
	if err != nil {
		return Estimate{}, err
	}
	steps := e.Train.TotalSteps(len(j.Train))
	every := e.Train.ValidateEvery
	if every == 0 {
		every = e.Train.StepsPerEpoch(len(j.Train))
	}
	validations := (steps + every - 1) / every
	s := past.speed(e, m)
	seconds := startSeconds + float64(steps)*m.stepFLOPs/s.flops
	seconds += float64(validations) * (m.predictFLOPs(e, j.Held)/s.flops + voxels(j.Held)/scoreRate)
	cache := min(int64(e.Train.CacheMegabytes)<<20, int64(voxels(j.Train)+voxels(j.Held))*5)
	return Estimate{
		Parameters: m.parameters, Steps: steps,
		Cost: tools.Cost{
			Seconds: rounded(seconds), MemoryBytes: workerBytes + m.peakBytes + cache,
			// best and last: weights; last: two moments of each weight as well
			DiskBytes: 4 * m.parameters * (1 + 3), Basis: s.basis,
		},
	}, nil
}

// Evaluation estimates predicting and scoring the held volumes once. Of a
// TorchScript network nothing is known.
func Evaluation(j Job, past History) (Estimate, error) {
	if j.Experiment.Model.Name == config.TorchScript {
		return Estimate{}, nil
	}
	m, err := modelOf(j.Experiment)
	if err != nil {
		return Estimate{}, err
	}
	s := past.speed(j.Experiment, m)
	largest := 0.0
	for _, shape := range j.Held {
		largest = max(largest, voxels([][3]int{shape}))
	}
	return Estimate{Parameters: m.parameters, Cost: tools.Cost{
		Seconds:     rounded(startSeconds + m.predictFLOPs(j.Experiment, j.Held)/s.flops + voxels(j.Held)/scoreRate),
		MemoryBytes: workerBytes + m.winBytes + int64(largest)*4*int64(1+j.Experiment.Model.OutChannels),
		DiskBytes:   int64(labelBytes * voxels(j.Held)),
		Basis:       s.basis,
	}}, nil
}

// speed is how much arithmetic a second this machine does for such a network.
type speed struct {
	flops float64
	basis string
}

func assumed() speed {
	cores := runtime.NumCPU()
	return speed{
		flops: assumedSpeed * float64(cores),
		basis: fmt.Sprintf("cost model at an assumed %.0f GFLOP/s on %s; no run was measured here yet", assumedSpeed*float64(cores)/1e9, tools.Count(cores, "core")),
	}
}

// rounded keeps two digits: an estimate has no more.
func rounded(seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(seconds))-1)
	return math.Round(seconds/unit) * unit
}

func voxels(shapes [][3]int) float64 {
	n := 0.0
	for _, s := range shapes {
		n += float64(s[0]) * float64(s[1]) * float64(s[2])
	}
	return n
}
