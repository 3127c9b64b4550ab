package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/minivess/minivess/engine/config"
)

// warmupSteps are made before the clock starts.
const warmupSteps = 3

// BenchResult is what Bench measured.
type BenchResult struct {
	Model   string    `json:"model"`
	Filters int       `json:"filters"`
	Batch   int       `json:"batch"`
	Patch   [3]int    `json:"patch"`
	Threads int       `json:"threads"`
	Device  string    `json:"device"`
	Seconds []float64 `json:"seconds"` // of each step
	Median  float64   `json:"median_seconds"`
	Best    float64   `json:"best_seconds"`
	Loss    float64   `json:"loss"` // of the last step
}

// Bench times whole training steps (copying the batch in, forward, loss,
// backward, AdamW) on one batch of made-up data.
func Bench(ctx context.Context, e config.Experiment, steps int) (r BenchResult, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if steps < 1 {
		return r, fmt.Errorf("%w: %d steps", ErrBadSpec, steps)
	}
	device, name, threads, err := prepare(e)
	if err != nil {
		return r, err
	}
	net, err := newNetwork(e, device)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	chosen, err := net.choose(e.Train)
	if err != nil {
		return r, err
	}
	optimise, err := newOptimiser(net.Parameters(), chosen.Trained, e.Train, device)
	if err != nil {
		return r, err
	}
	defer optimise.close()
	image, onehot := madeUp(e)
	l := newLoss(e.Train, e.Model.OutChannels)
	r = BenchResult{
		Model: e.Model.Name, Filters: e.Model.InitFilters, Batch: e.Train.BatchSize, Patch: e.Train.PatchSize, Threads: threads, Device: name,
	}
	for i := range warmupSteps + steps {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		begun := time.Now()
		if r.Loss, err = net.gradients(l, image, onehot); err != nil {
			return r, err
		}
		if _, err := optimise.advance(e.Train.LearningRate); err != nil {
			return r, err
		}
		if i >= warmupSteps {
			r.Seconds = append(r.Seconds, time.Since(begun).Seconds())
		}
	}
	sorted := slices.Sorted(slices.Values(r.Seconds))
	r.Median, r.Best = sorted[len(sorted)/2], sorted[0]
	return r, nil
}

// madeUp is a batch of waves, foreground where they are high.
func madeUp(e config.Experiment) (image, onehot []float32) {
	n := e.Train.PatchSize[0] * e.Train.PatchSize[1] * e.Train.PatchSize[2]
	image = make([]float32, e.Train.BatchSize*n)
	onehot = make([]float32, e.Train.BatchSize*e.Model.OutChannels*n)
	for i := range image {
		image[i] = float32(math.Sin(0.01 * float64(i)))
		class := 0
		if image[i] > 0.8 {
			class = 1
		}
		onehot[((i/n)*e.Model.OutChannels+class)*n+i%n] = 1
	}
	return image, onehot
}
