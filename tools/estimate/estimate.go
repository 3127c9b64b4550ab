// Package estimate says what a job will cost before it is launched: time from
// what earlier runs on this machine achieved, memory and arithmetic from the
// network itself. It launches nothing and reads only journals.
package estimate

import (
	"math"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/tools"
)

// What is not in a cost model.
const (
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
	seconds := startSeconds + s.of(m.step.times(steps))
	seconds += float64(validations) * (s.of(m.predicting(e, j.Held)) + voxels(j.Held)/scoreRate)
	return Estimate{
		Parameters: m.parameters, Steps: steps,
		Cost: tools.Cost{
			Seconds: rounded(seconds), MemoryBytes: m.trainingBytes(j),
			// best and last: weights; last: the optimiser's moments as well
			DiskBytes: 4*m.parameters*2 + m.momentBytes, Basis: s.basis,
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
	return Estimate{Parameters: m.parameters, Cost: tools.Cost{
		Seconds:     rounded(startSeconds + s.of(m.predicting(j.Experiment, j.Held)) + voxels(j.Held)/scoreRate),
		MemoryBytes: m.predictingBytes(j),
		DiskBytes:   int64(labelBytes * voxels(j.Held)),
		Basis:       s.basis,
	}}, nil
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
