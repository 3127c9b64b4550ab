package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
)

// ahead is how many batches are prepared before they are needed.
const ahead = 4

// trainer fits one network.
type trainer struct {
	*job
	net      *network
	optimise *optimiser
	loss     loss
	train    *patches.Store
	val      *patches.Store // nil without validation volumes
	plan     patches.Plan
	total    int64
	at       Position
	saved    int64 // step of the last checkpoint on disk
	lastLoss float64
	warned   bool // of parameters without gradients
}

// fit trains from the last checkpoint, or from the start, to the end.
func (j *job) fit(ctx context.Context) (err error) {
	t := &trainer{job: j, saved: -1, at: Position{Metric: "val/dice"}}
	device, name, threads, err := prepare(j.experiment)
	if err != nil {
		return err
	}
	previous, err := j.saver.load()
	if err != nil {
		return err
	}
	if previous != nil {
		j.step = previous.meta.Position.Step
	}
	if err := j.started(name, threads); err != nil {
		return err
	}
	if j.spec.Network != nil {
		if err := unchanged("network", *j.spec.Network); err != nil {
			return err
		}
	}
	if t.net, err = newNetwork(j.experiment, device); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.net.Close()) }()
	j.saver.best = t.net.save
	if err := t.net.trainable(); err != nil {
		return err
	}
	chosen, err := t.net.choose(j.experiment.Train)
	if err != nil {
		return err
	}
	if err := t.begin(previous, chosen); err != nil {
		return err
	}
	if err := t.open(ctx); err != nil {
		return err
	}
	if t.optimise, err = newOptimiser(t.net.Parameters(), chosen.Trained, j.experiment.Train, device); err != nil {
		return err
	}
	defer t.optimise.close()
	if err := t.restore(previous); err != nil {
		return err
	}
	return t.finish(ctx)
}

// finish runs the loop and saves the state when it is told to stop.
func (t *trainer) finish(ctx context.Context) error {
	reason, err := t.loop(ctx)
	if err != nil {
		if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
			return err
		}
		if failure := t.saveIfNew(); failure != nil {
			return failure
		}
		return err
	}
	summary := map[string]runs.Number{"train/loss": runs.Number(t.lastLoss)}
	if t.val != nil && t.at.BestStep > 0 {
		summary[t.at.Metric] = t.at.Best
	}
	_, err = t.Journal.Append(runs.EventFinished, runs.Finished{
		Step: t.at.Step, Epoch: t.at.Epoch, Seconds: time.Since(t.begun).Seconds(), Reason: reason, Summary: summary,
	})
	return err
}

// open reads the volumes and says what is odd about them.
func (t *trainer) open(ctx context.Context) error {
	e := t.experiment
	normalise, err := patches.ParseNormalisation(e.Normalise)
	if err != nil {
		return fmt.Errorf("%w: normalise: %w", ErrBadSpec, err)
	}
	training, validation := volumes(t.spec, "train"), volumes(t.spec, "val")
	o := patches.Options{Normalise: normalise, Classes: e.Model.OutChannels, Budget: int64(e.Train.CacheMegabytes) << 20}
	t.report.phase("load", 0, int64(len(training)+len(validation)))
	o.Progress = func(done, _ int) { t.report.done(int64(done)) }
	if t.train, err = patches.Open(ctx, training, o); err != nil {
		return fmt.Errorf("training volumes of dataset %q: %w", t.spec.Dataset.Name, err)
	}
	if t.train.WithForeground() == 0 {
		return fmt.Errorf("dataset %q: %w", t.spec.Dataset.Name, patches.ErrNoForeground)
	}
	if len(validation) > 0 {
		o.Budget -= t.train.Bytes()
		o.Progress = func(done, _ int) { t.report.done(int64(len(training) + done)) }
		if t.val, err = patches.Open(ctx, validation, o); err != nil {
			return fmt.Errorf("validation volumes of dataset %q: %w", t.spec.Dataset.Name, err)
		}
	}
	t.warnings()
	perEpoch := e.Train.StepsPerEpoch(len(training))
	t.total = int64(e.Train.TotalSteps(len(training)))
	t.plan = patches.Plan{
		Seed: e.Seed, Batch: e.Train.BatchSize, PatchesPerVolume: e.Train.PatchesPerVolume, StepsPerEpoch: perEpoch,
		Size: e.Train.PatchSize, Foreground: e.Train.ForegroundFraction, Flip: e.Augment.Flip,
	}
	t.loss = newLoss(e.Train, e.Model.OutChannels, t.net.device)
	return nil
}

func (t *trainer) warnings() {
	if n := t.train.Len() - t.train.WithForeground(); n > 0 {
		t.report.warn("%d of %d training volumes have no foreground", n, t.train.Len())
	}
	if n := t.train.Binarised(); n > 0 {
		t.report.warn("the labels of %d training volumes hold values above 1; every value but 0 counts as foreground", n)
	}
	if n := t.train.Uncached(); n > 0 {
		t.report.warn("%d of %d training volumes do not fit train.cache_megabytes=%d and are read again whenever they are needed", n, t.train.Len(), t.experiment.Train.CacheMegabytes)
	}
	if t.val == nil {
		t.report.warn("there are no validation volumes: the best checkpoint is the last one, and training does not stop early")
	}
}

func volumes(spec runs.Spec, split string) []runs.VolumeRef {
	var all []runs.VolumeRef
	for _, v := range spec.Dataset.Volumes {
		if v.Split == split {
			all = append(all, v)
		}
	}
	return all
}

// restore goes back to a checkpoint.
func (t *trainer) restore(c *stored) error {
	if c == nil {
		return nil
	}
	path := t.saver.path(c.meta.Role)
	if _, err := t.net.LoadState(c.weights, true); err != nil {
		return fail(CodeCheckpoint, "launch a new run: a run's model cannot be changed", fmt.Errorf("checkpoint %q: %w", path, err))
	}
	t.at = c.meta.Position
	if c.optimiser.Len() == 0 {
		t.at.Optimiser, t.at.Validated, t.at.SinceBest = 0, t.at.Step, 0
		t.report.warn("resumed from %q, which has no optimiser: its running means start anew", path)
	} else if err := t.optimise.load(c.optimiser, t.at.Optimiser); err != nil {
		return fail(CodeCheckpoint, "", fmt.Errorf("checkpoint %q: %w", path, err))
	}
	if p := t.experiment.Train.Patience; p > 0 && t.at.SinceBest >= p {
		t.at.SinceBest = 0 // it had stopped early, and was resumed all the same
	}
	t.net.SetPass(t.at.Step)
	t.saved = t.at.Step
	if t.at.BestStep == t.at.Step && c.meta.Role == roleLast {
		return t.saveBest() // the kill may have come between the two files
	}
	return nil
}

// loop is the training. It returns why it ended.
func (t *trainer) loop(ctx context.Context) (string, error) {
	if t.due(t.experiment.Train.ValidateEvery) && t.at.Validated < t.at.Step {
		if err := t.milestone(ctx); err != nil {
			return "", err
		}
	}
	loader := patches.NewLoader(ctx, t.train, t.plan, t.at.Step, t.total, ahead)
	defer loader.Close()
	t.report.phase("train", t.at.Step, t.total)
	for t.at.Step < t.total {
		if p := t.experiment.Train.Patience; p > 0 && t.at.SinceBest >= p {
			return "early stopping", t.saveIfNew()
		}
		if err := errors.Join(ctx.Err(), t.report.failure()); err != nil {
			return "", err
		}
		batch, err := loader.Next(ctx)
		if err != nil {
			return "", err
		}
		if err := t.advance(ctx, batch); err != nil {
			return "", err
		}
		loader.Recycle(batch)
		if err := t.milestone(ctx); err != nil {
			return "", err
		}
	}
	return "all steps done", nil
}

// advance makes one step and writes it down.
func (t *trainer) advance(ctx context.Context, b *patches.Batch) error {
	step := b.Step + 1
	rate := learningRate(t.experiment.Train, step, t.total)
	value, norm, err := t.update(ctx, b, rate)
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	if math.IsNaN(value) || math.IsInf(value, 0) || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return t.diverged(step, value, norm)
	}
	t.at.Step, t.at.Epoch, t.at.Optimiser = step, int(b.Step/int64(t.plan.StepsPerEpoch))+1, t.optimise.step
	t.step, t.lastLoss = step, value
	t.report.train(step, t.at.Epoch, t.experiment.Train.Epochs)
	t.report.event(runs.EventMetric, runs.Metric{Step: step, Epoch: t.at.Epoch, Split: "train", Values: map[string]runs.Number{
		"loss": runs.Number(value), "learning_rate": runs.Number(rate), "gradient_norm": runs.Number(norm),
	}})
	return nil
}

// update is the step itself: forward, loss, backward, AdamW.
func (t *trainer) update(ctx context.Context, b *patches.Batch, rate float64) (value, norm float64, err error) {
	n := t.net
	value, err = n.gradients(ctx, t.loss, b.Image, b.Label)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return value, 0, err
	}
	norm, err = t.optimise.advance(rate)
	t.unused()
	return value, norm, err
}

// gradients computes the loss of a batch and its gradients.
func (n *network) gradients(ctx context.Context, l loss, image, onehot []float32) (value float64, err error) {
	var a arena
	defer a.free()
	if err := n.ZeroGrad(); err != nil {
		return 0, err
	}
	shape := append([]int64{l.shape[0], 1}, l.shape[2:]...)
	in := a.host(image, shape, n.device)
	if a.err != nil {
		return 0, a.err
	}
	x := ts.New(a.give(in))
	defer x.MustDrop()
	outputs, err := n.ForwardAll(x, true)
	if err != nil {
		return 0, err
	}
	defer func() {
		for _, o := range outputs {
			o.MustDrop()
		}
	}()
	n.uncounted = slices.Contains(l.weights(len(outputs)), 0)
	total := l.total(ctx, &a, outputs, a.host(onehot, l.shape, n.device))
	value = a.scalar(total)
	if a.err != nil {
		return 0, a.err
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return value, nil
	}
	scalar := ts.New(a.give(total))
	defer scalar.MustDrop()
	return value, n.Backward(scalar)
}

// diverged ends the run without touching the last good checkpoint.
func (t *trainer) diverged(step int64, value, norm float64) error {
	rate := t.experiment.Train.LearningRate
	kept := "no checkpoint had been saved yet"
	if t.saved > 0 {
		kept = fmt.Sprintf("the checkpoint of step %d is kept", t.saved)
	}
	return fail(CodeNaNLoss,
		fmt.Sprintf("lower train.learning_rate (it is %v, try %v) and launch again; %s", rate, rate/10, kept),
		fmt.Errorf("the training diverged at step %d: loss %v, gradient norm %v", step, value, norm))
}

// due tells whether a cadence falls on this step; 0 means the end of an epoch.
func (t *trainer) due(every int) bool {
	if every == 0 {
		every = t.plan.StepsPerEpoch
	}
	return t.at.Step > 0 && (t.at.Step%int64(every) == 0 || t.at.Step == t.total)
}

// milestone validates and saves when it is time to. Last is always written
// before best: should a kill come between the two, the resumed run writes best
// from it.
func (t *trainer) milestone(ctx context.Context) error {
	e := t.experiment.Train
	better := false
	if t.due(e.ValidateEvery) && t.at.Validated < t.at.Step {
		var err error
		if better, err = t.validate(ctx); err != nil {
			return err
		}
	}
	if !better && !t.due(e.CheckpointEvery) {
		return nil
	}
	if t.val == nil {
		better, t.at.BestStep, t.at.Metric = true, t.at.Step, ""
	}
	if err := t.saveLast(); err != nil {
		return err
	}
	if better {
		return t.saveBest()
	}
	return nil
}

// saveIfNew saves the state unless that of this step is on disk already.
func (t *trainer) saveIfNew() error {
	if t.saved == t.at.Step {
		return nil
	}
	return t.saveLast()
}

func (t *trainer) saveLast() error {
	state, err := t.net.State()
	if err != nil {
		return err
	}
	all := &nn.State{}
	for tensor := range state.All() {
		if err := all.Add(tensor); err != nil {
			return err
		}
	}
	if err := t.optimise.addTo(all); err != nil {
		return err
	}
	if err := t.save(all, roleLast); err != nil {
		return err
	}
	t.saved = t.at.Step
	return nil
}

func (t *trainer) saveBest() error {
	state, err := t.net.State()
	if err != nil {
		return err
	}
	return t.save(state, roleBest)
}

func (t *trainer) save(s *nn.State, role string) error {
	c, err := t.saver.save(s, Metadata{
		Schema: 1, Run: t.spec.RunID, Dataset: t.spec.Dataset.Name, Digest: t.spec.Dataset.Digest,
		Role: role, Experiment: t.experiment, Position: t.at,
	})
	if err != nil {
		return err
	}
	t.report.event(runs.EventCheckpoint, c)
	return nil
}
