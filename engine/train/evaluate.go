package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/inorder"
	"github.com/minivess/minivess/engine/train/patches"
)

// predictionsDir is where predicted label volumes go, below the artifacts.
const predictionsDir = "predictions"

// evaluation judges one checkpoint on one split.
type evaluation struct {
	*job

	request runs.EvaluateSpec
	volumes []runs.VolumeRef
	files   []string // of the predictions, below predictionsDir
	net     *network
	read    patches.Options
	config  config.Experiment
	at      Position
	judge   judge
	known   map[string]runs.Case // volumes that earlier attempts judged
	cases   []runs.Case          // in the order of the volumes
	passed  int64                // windows of the volumes that are predicted
}

// evaluate predicts and scores every volume of the split. An attempt that was
// stopped is taken up at the first volume whose scores and prediction are not
// both there.
func (j *job) evaluate(ctx context.Context) (err error) {
	request := *j.spec.Evaluate
	request.Split = cmp.Or(request.Split, "test")
	cases := volumes(j.spec, request.Split)
	if len(cases) == 0 {
		return fmt.Errorf("%w: dataset %q has no volumes in split %q", ErrBadSpec, j.spec.Dataset.Name, request.Split)
	}
	checkpoint, err := readCheckpoint(request.Checkpoint)
	if err != nil {
		return fail(CodeCheckpoint, "evaluate another checkpoint of the run, or train it again", err)
	}
	v, err := newEvaluation(j, request, checkpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.net.Close()) }()
	v.volumes, v.files = cases, fileNames(cases)
	if v.known, err = v.judged(); err != nil {
		return err
	}
	if err := v.all(ctx); err != nil {
		return err
	}
	return v.finish(ctx)
}

// newEvaluation makes the network as it was trained. How the volumes are read
// and which windows are laid are the checkpoint's business; where and with how
// many threads, this job's.
func newEvaluation(j *job, request runs.EvaluateSpec, c *stored) (*evaluation, error) {
	e := j.asTrained(c.meta.Experiment)
	if err := e.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	v := &evaluation{job: j, request: request, config: e, at: c.meta.Position}
	var err error
	if v.judge, err = newJudge(request, e); err != nil {
		return nil, err
	}
	device, name, threads, err := prepare(e)
	if err != nil {
		return nil, err
	}
	j.step = c.meta.Position.Step
	if err := j.started(name, threads); err != nil {
		return nil, err
	}
	if v.read, err = readOptions(e.Normalise, e.Model.OutChannels); err != nil {
		return nil, err
	}
	v.read.Keep = request.Ignore
	if v.net, err = newNetwork(e, device); err != nil {
		return nil, err
	}
	if _, err := v.net.LoadState(c.weights, true); err != nil {
		return nil, errors.Join(fail(CodeCheckpoint, "", fmt.Errorf("checkpoint %q: %w", request.Checkpoint, err)), v.net.Close())
	}
	return v, nil
}

// asTrained is a training's experiment, to predict with: where, with how many
// threads and which windows is this job's business.
func (j *job) asTrained(trained config.Experiment) config.Experiment {
	e := trained
	if j.described {
		e.Device, e.Threads, e.Infer = j.experiment.Device, j.experiment.Threads, j.experiment.Infer
		if e.Infer.Window == [3]int{} {
			e.Infer.Window = trained.WindowSize()
		}
	}
	return e
}

// all judges the volumes that have not been judged yet. The network predicts
// one at a time; meanwhile those before it are scored, as many as their memory
// allows, and what comes of them is written down in the volumes' order.
func (v *evaluation) all(ctx context.Context) error {
	v.report.phase("evaluate", int64(len(v.known)), int64(len(v.volumes)))
	v.foresee()
	scoring := inorder.New(ctx, inorder.Limits{Weight: scoringMemory(v.Memory), Tasks: runtime.GOMAXPROCS(0)}, v.record)
	err := func() error {
		for i, ref := range v.volumes {
			if c, ok := v.known[ref.ID]; ok {
				if err := scoring.Deliver(outcome{scores: c, known: true}); err != nil {
					return err
				}
				continue
			}
			if err := v.one(ctx, scoring, ref, v.files[i]); err != nil {
				return err
			}
		}
		return nil
	}()
	if ended := scoring.Wait(); ended != nil {
		return ended // says why the queue takes no more
	}
	return err
}

// one predicts a volume and hands it over to be scored. What is wrong with the
// volume becomes its result; an error is for what would be wrong with any.
func (v *evaluation) one(ctx context.Context, scoring *inorder.Queue[outcome], ref runs.VolumeRef, file string) error {
	weight := v.judge.memory(ref.Shape)
	if err := scoring.Reserve(weight); err != nil {
		return err
	}
	p, err := v.predict(ctx, ref)
	if err == nil {
		scoring.Submit(weight, func(ctx context.Context) (outcome, error) { return v.scored(ctx, p, file) })
		return nil
	}
	scoring.GiveBack(weight)
	if v.lasting(ctx, err) {
		return errors.Join(ctx.Err(), err)
	}
	return scoring.Deliver(outcome{scores: v.judge.failed(ref, err)})
}

// predict reads a volume and predicts it.
func (v *evaluation) predict(ctx context.Context, ref runs.VolumeRef) (predicted, error) {
	if err := v.report.failure(); err != nil {
		return predicted{}, err
	}
	defer v.pass(ref.Shape)
	c, header, err := patches.Read(ctx, ref, v.read)
	if err != nil {
		return predicted{}, err
	}
	p := predicted{ref: ref, shape: c.Shape, header: header, truth: c.Label}
	before := v.passed
	o := windows(v.config, func(done, _ int) { v.report.expect(before + int64(done)) })
	err = v.judge.labels(ctx, &p, c.Image, o, predict(v.net, v.config.Model.OutChannels))
	return p, err
}

// finish writes the means over the volumes and the report.
func (v *evaluation) finish(ctx context.Context) error {
	if err := v.report.failure(); err != nil {
		return err
	}
	v.illustrate(ctx)
	if err := errors.Join(ctx.Err(), v.report.failure()); err != nil {
		return err
	}
	if failed := failures(v.cases); len(failed) > 0 {
		return v.incomplete(failed)
	}
	return v.sumUp()
}

// failures are the volumes that could not be judged.
func failures(cases []runs.Case) []runs.Case {
	return slices.DeleteFunc(slices.Clone(cases), func(c runs.Case) bool { return c.Failure == nil })
}

// defaultMetrics are what an evaluation measures unless it is told what to.
func defaultMetrics() []string {
	return []string{metrics.Dice, metrics.ClDice, metrics.HD95, metrics.NSD}
}
