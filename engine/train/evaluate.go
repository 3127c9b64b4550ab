package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
	"github.com/minivess/minivess/engine/volume"
)

// predictionsDir is where predicted label volumes go, below the artifacts.
const predictionsDir = "predictions"

// evaluation judges one checkpoint on one split.
type evaluation struct {
	*job
	request runs.EvaluateSpec
	net     *network
	read    patches.Options
	config  config.Experiment
	sums    map[string]float64
	counts  map[string]int
	left    map[string]int // volumes that a metric's empty-mask policy left out
}

// evaluate predicts and scores every volume of the split.
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
	j.report.phase("evaluate", 0, int64(len(cases)))
	for i, ref := range cases {
		if err := v.judge(ctx, ref); err != nil {
			return fmt.Errorf("volume %q: %w", ref.ID, err)
		}
		j.report.done(int64(i + 1))
	}
	return v.finish(len(cases), checkpoint.meta.Position)
}

// newEvaluation makes the network as it was trained. How the volumes are read
// and which windows are laid are the checkpoint's business; where and with how
// many threads, this job's.
func newEvaluation(j *job, request runs.EvaluateSpec, c *stored) (*evaluation, error) {
	e := j.asTrained(c.meta.Experiment)
	if err := e.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	device, name, threads, err := prepare(e)
	if err != nil {
		return nil, err
	}
	j.step = c.meta.Position.Step
	if err := j.started(name, threads); err != nil {
		return nil, err
	}
	if len(request.Metrics) == 0 {
		request.Metrics = []string{metrics.Dice, metrics.ClDice, metrics.HD95, metrics.NSD}
	}
	request.Tolerance = cmp.Or(request.Tolerance, metrics.DefaultTolerance)
	v := &evaluation{job: j, request: request, config: e, sums: map[string]float64{}, counts: map[string]int{}, left: map[string]int{}}
	if v.read, err = readOptions(e.Normalise, e.Model.OutChannels); err != nil {
		return nil, err
	}
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

// judge predicts, saves and scores one volume.
func (v *evaluation) judge(ctx context.Context, ref runs.VolumeRef) error {
	if err := v.report.failure(); err != nil {
		return err
	}
	c, header, err := patches.Read(ctx, ref, v.read)
	if err != nil {
		return err
	}
	labels, err := labels(ctx, v.net, c.Image, c.Shape, v.config, nil)
	if err != nil {
		return err
	}
	pred, truth := make([]uint8, len(labels)), make([]uint8, len(labels))
	patches.FromC(pred, labels, c.Shape)
	patches.FromC(truth, c.Label, c.Shape)
	if err := v.save(ctx, ref, &volume.Labels{Shape: c.Shape, Spacing: header.Spacing(), Unit: header.Unit(), Affine: header.Affine(), Data: pred}); err != nil {
		return err
	}
	r, err := score(ctx, truth, pred, c.Shape, v.config.Model.OutChannels, metrics.Options{
		Spacing: header.Spacing(), Unit: header.Unit(), Tolerance: v.request.Tolerance, Metrics: v.request.Metrics, Threads: v.config.Threads,
	})
	if err != nil {
		return err
	}
	values := make(map[string]runs.Number, len(r.Values))
	for name, x := range r.Values {
		values[name] = runs.Number(x)
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			v.sums[name] += x
			v.counts[name]++
		}
	}
	for name := range r.Excluded {
		v.left[name]++
	}
	v.report.event(runs.EventCase, runs.Case{Volume: ref.ID, Split: v.request.Split, Values: values, Excluded: r.Excluded, ByPolicy: r.ByPolicy})
	return nil
}

// save writes a predicted label volume into the artifacts.
func (v *evaluation) save(ctx context.Context, ref runs.VolumeRef, l *volume.Labels) error {
	dir := filepath.Join(v.dir, runs.ArtifactsDir, predictionsDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("save the prediction: %w", err)
	}
	name := fileName(ref.ID) + ".nii.gz"
	file := filepath.Join(dir, name)
	if err := volume.WriteLabels(ctx, file, l, volume.WriteOptions{}); err != nil {
		return fmt.Errorf("save the prediction: %w", err)
	}
	sum, size, err := runs.Digest(file)
	if err != nil {
		return fmt.Errorf("save the prediction: %w", err)
	}
	v.report.event(runs.EventArtifact, runs.Artifact{
		Path: path.Join(runs.ArtifactsDir, predictionsDir, name), Role: "prediction", SHA256: sum, Bytes: size,
	})
	return nil
}

// fileName makes a volume's id safe as a file name: what is not a letter, a
// digit, '.', '_' or '-' becomes '_', as does a leading dot.
func fileName(id string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, id)
	if s == "" || s[0] == '.' {
		s = "_" + s
	}
	return s
}

// finish writes the means over the volumes.
func (v *evaluation) finish(cases int, at Position) error {
	split := v.request.Split
	values := map[string]runs.Number{}
	summary := map[string]runs.Number{split + "/volumes": runs.Number(cases)}
	for _, name := range slices.Sorted(maps.Keys(v.counts)) {
		values[name] = runs.Number(v.sums[name] / float64(v.counts[name]))
		summary[split+"/"+name] = values[name]
	}
	for name, n := range v.left {
		summary[split+"/"+name+"_excluded"] = runs.Number(n)
	}
	v.report.event(runs.EventMetric, runs.Metric{Step: at.Step, Epoch: at.Epoch, Split: split, Values: values})
	v.report.tell()
	if err := v.report.failure(); err != nil {
		return err
	}
	_, err := v.Journal.Append(runs.EventFinished, runs.Finished{
		Step: at.Step, Epoch: at.Epoch, Seconds: time.Since(v.begun).Seconds(),
		Reason: fmt.Sprintf("all %d volumes judged", cases), Summary: summary,
	})
	return err
}
