package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// warmupSteps are made before the clock starts.
const warmupSteps = 3

// BenchRequest says what Bench measures.
type BenchRequest struct {
	// Steps are timed, after a few that are not.
	Steps int
	// Forward times predictions instead of training steps.
	Forward bool
}

// BenchResult is what Bench measured.
type BenchResult struct {
	Model   string `json:"model"`
	Filters int    `json:"filters"`
	Forward bool   `json:"forward"`
	Batch   int    `json:"batch"`
	Patch   [3]int `json:"patch"`
	Threads int    `json:"threads"`
	Device  string `json:"device"`
	// Seconds are those of each step, on the clock and of all processors.
	Seconds   []float64 `json:"seconds"`
	Median    float64   `json:"median_seconds"`
	Best      float64   `json:"best_seconds"`
	Processor float64   `json:"median_cpu_seconds"`
	// PeakBytes is the most resident memory of the process, less what it had
	// before the network was made. TensorBytes is the most that tensors held.
	PeakBytes   int64   `json:"peak_bytes"`
	TensorBytes int64   `json:"peak_tensor_bytes"`
	Loss        float64 `json:"loss"` // of the last training step
}

// Bench times one batch of made-up data: whole training steps (copying the batch
// in, forward, loss, backward, the optimiser's update) or predictions (copying
// the batch in, forward, copying the logits out).
func Bench(ctx context.Context, e config.Experiment, q BenchRequest) (r BenchResult, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if q.Steps < 1 {
		return r, fmt.Errorf("%w: %d steps", ErrBadSpec, q.Steps)
	}
	device, name, threads, err := prepare(e)
	if err != nil {
		return r, err
	}
	counter := torch.CountMemory()
	_, before := taken()
	net, err := newNetwork(e, device)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	r = BenchResult{
		Model: e.Model.Name, Filters: e.Model.InitFilters, Forward: q.Forward, Batch: e.Train.BatchSize, Patch: e.Train.PatchSize,
		Threads: threads, Device: name,
	}
	once, done, err := net.prepareStep(ctx, e, q.Forward, &r.Loss)
	if err != nil {
		return r, err
	}
	defer done()
	if err := r.measure(ctx, q.Steps, once); err != nil {
		return r, err
	}
	_, most := taken()
	r.PeakBytes, r.TensorBytes = most-before, counter.Peak()
	return r, nil
}

// prepareStep returns what is timed, and what to call after it all.
func (n *network) prepareStep(ctx context.Context, e config.Experiment, forward bool, value *float64) (once func() error, done func(), err error) {
	image, onehot := madeUp(e)
	if forward {
		patch := e.Train.PatchSize
		shape := nn.Shape{e.Train.BatchSize, e.Model.InChannels, patch[0], patch[1], patch[2]}
		return func() error {
			_, _, err := n.Predict(image, shape)
			return err
		}, func() {}, nil
	}
	chosen, err := n.choose(e.Train)
	if err != nil {
		return nil, nil, err
	}
	optimise, err := newOptimiser(n.Parameters(), chosen.Trained, e.Train, n.device)
	if err != nil {
		return nil, nil, err
	}
	l := newLoss(e.Train, e.Model.OutChannels, n.device)
	return func() (err error) {
		if *value, err = n.gradients(ctx, l, image, onehot); err != nil {
			return err
		}
		_, err = optimise.advance(e.Train.LearningRate)
		return err
	}, optimise.close, nil
}

// measure times the steps.
func (r *BenchResult) measure(ctx context.Context, steps int, once func() error) error {
	var processor []float64
	for i := range warmupSteps + steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		begun := time.Now()
		before, _ := taken()
		if err := once(); err != nil {
			return err
		}
		if i >= warmupSteps {
			after, _ := taken()
			r.Seconds = append(r.Seconds, time.Since(begun).Seconds())
			processor = append(processor, (after - before).Seconds())
		}
	}
	sorted := slices.Sorted(slices.Values(r.Seconds))
	r.Median, r.Best = sorted[len(sorted)/2], sorted[0]
	slices.Sort(processor)
	r.Processor = processor[len(processor)/2]
	return nil
}

// taken is the processor time of this process, and the most memory it ever had.
func taken() (processor time.Duration, most int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), u.Maxrss * 1024
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
