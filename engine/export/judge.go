package export

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
)

// How far the mean Dice may be from what libtorch recorded: logits that agree to
// 1e-4 differ in hardly any voxel, while validation in bfloat16 is coarser.
const (
	recordedTolerance         = 0.002
	recordedToleranceBFloat16 = 0.02
)

// The split whose Dice a best checkpoint records, and what it calls that.
const (
	validated      = "val"
	recordedMetric = "val/dice"
)

// judge predicts volumes of the run with the model, and with the reference where
// there is one, and compares the Dice.
func (e *exporter) judge(ctx context.Context, m, reference *ort.Model) error {
	const name = "segments"
	split, volumes := e.volumes()
	switch {
	case len(volumes) == 0 || e.Verify.Volumes < 1:
		e.unchecked(name, "the run has no volumes to judge it on, or none were to be predicted")
		return nil
	case e.Source.Adapter.Config().InChannels != 1:
		e.unchecked(name, "it takes images of several channels, volumes have one")
		return nil
	}
	normalise, err := patches.ParseNormalisation(e.Source.Experiment.Normalise)
	if err != nil {
		return err
	}
	j := judge{
		exporter: e, model: m, reference: reference,
		read: patches.Options{Normalise: normalise, Classes: e.Source.Adapter.Config().OutChannels},
	}
	wanted := volumes[:min(len(volumes), e.Verify.Volumes)]
	limited, cancel := context.WithTimeout(ctx, e.Verify.Time)
	defer cancel()
	for i, v := range wanted {
		e.tell("judge", i, len(wanted))
		err := j.volume(limited, v)
		if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			break // the time is up; what was judged counts
		}
		if err != nil {
			return fmt.Errorf("judge the model on volume %q: %w", v.ID, err)
		}
	}
	if j.count == 0 {
		e.unchecked(name, "predicting a volume takes longer than the %s that were allowed", e.Verify.Time)
		return nil
	}
	return e.conclude(&j, split, len(volumes))
}

// volumes are those of the validation split, or else of the test split.
func (e *exporter) volumes() (split string, all []runs.VolumeRef) {
	for _, split := range []string{validated, "test"} {
		for _, v := range e.Source.Run.Spec.Dataset.Volumes {
			if v.Split == split {
				all = append(all, v)
			}
		}
		if len(all) > 0 {
			return split, all
		}
	}
	return "", nil
}

// conclude files what was found.
func (e *exporter) conclude(j *judge, split string, of int) error {
	d := &Dice{Split: split, Volumes: j.count, Of: of, Exported: j.sums[0] / float64(j.count)}
	e.report.Dice = d
	if j.reference != nil {
		reference := j.sums[1] / float64(j.count)
		loss := reference - d.Exported
		d.Reference, d.Loss, d.LargestLogit = &reference, &loss, &j.worst
		e.checked("mean Dice", "%.4f with weights in float32, %.4f as exported, on %d of %d %s volumes; logits differ by up to %.3g",
			reference, d.Exported, j.count, of, split, j.worst)
		return nil
	}
	c := e.Source.Checkpoint
	if split != validated || j.count < of || c.Metric != recordedMetric {
		e.checked("segments", "Dice %.4f on %d of %d %s volumes", d.Exported, j.count, of, split)
		return nil
	}
	recorded, tolerance := float64(c.Value), recordedTolerance
	if e.Source.Experiment.Train.Precision == "bfloat16" {
		tolerance = recordedToleranceBFloat16
	}
	d.Recorded = &recorded
	if !(math.Abs(recorded-d.Exported) <= tolerance) {
		return fmt.Errorf("%w: its Dice on the validation volumes is %.4f, libtorch's was %.4f when the checkpoint was saved; have the volumes changed since?",
			ErrCheck, d.Exported, recorded)
	}
	e.checked("agrees with libtorch", "Dice %.4f on the %d validation volumes, %.4f when the checkpoint was saved", d.Exported, j.count, recorded)
	return nil
}

// judge adds up the Dice of one model, or of two side by side.
type judge struct {
	*exporter

	model, reference *ort.Model
	read             patches.Options
	sums             [2]float64
	worst            float64 // difference of any logit
	count            int
}

// volume predicts and scores one volume.
func (j *judge) volume(ctx context.Context, ref runs.VolumeRef) error {
	c, _, err := patches.Read(ctx, ref, j.read)
	if err != nil {
		return err
	}
	experiment, classes := j.Source.Experiment, j.read.Classes
	sides := 1
	if j.reference != nil {
		sides = 2
	}
	// Both models see each window once; their logits go through the sweep as if
	// they were one network's.
	logits, err := infer.SlidingWindow(ctx, c.Image, c.Shape, infer.Options{
		Window: experiment.WindowSize(), Overlap: experiment.Infer.Overlap,
		Batch: experiment.Infer.WindowBatch, Mode: infer.Mode(experiment.Infer.Mode),
	}, sides*classes, j.predict)
	if err != nil {
		return err
	}
	voxels := len(c.Label)
	for side := range sides {
		dice, err := meanDice(ctx, c, likeliest(logits[side*classes*voxels:][:classes*voxels], classes), classes)
		if err != nil {
			return err
		}
		j.sums[side] += dice
	}
	j.count++
	return nil
}

// predict is the infer.Predictor of both models.
func (j *judge) predict(_ context.Context, x []float32, n int, size [3]int) ([]float32, error) {
	shape := nn.Shape{n, j.Source.Adapter.Config().InChannels, size[0], size[1], size[2]}
	a, _, err := j.model.Predict(x, shape)
	if err != nil || j.reference == nil {
		return a, err
	}
	b, _, err := j.reference.Predict(x, shape)
	if err != nil {
		return nil, err
	}
	for i := range a {
		j.worst = max(j.worst, math.Abs(float64(a[i])-float64(b[i])))
	}
	both := make([]float32, 0, len(a)+len(b))
	for each := len(a) / n; len(a) > 0; a, b = a[each:], b[each:] {
		both = append(append(both, a[:each]...), b[:each]...)
	}
	return both, nil
}

// likeliest chooses the class with the largest logit, the lowest on a tie.
func likeliest(logits []float32, classes int) []uint8 {
	n := len(logits) / classes
	labels := make([]uint8, n)
	for i := range labels {
		best := logits[i]
		for class := 1; class < classes; class++ {
			if v := logits[class*n+i]; v > best {
				best, labels[i] = v, uint8(class)
			}
		}
	}
	return labels
}

// meanDice is the mean over the foreground classes. C order of (x, y, z) is
// x-fastest order of (z, y, x), and Dice does not mind which axis is which.
func meanDice(ctx context.Context, c *patches.Case, labels []uint8, classes int) (float64, error) {
	shape := [3]int{c.Shape[2], c.Shape[1], c.Shape[0]}
	sum := 0.0
	for class := 1; class < classes; class++ {
		label := uint8(class)
		r, err := metrics.Evaluate(ctx, metrics.Foreground(shape, c.Label, label), metrics.Foreground(shape, labels, label),
			metrics.Options{Spacing: [3]float64{1, 1, 1}, Metrics: []string{metrics.Dice}})
		if err != nil {
			return 0, fmt.Errorf("class %d: %w", class, err)
		}
		sum += r.Values[metrics.Dice]
	}
	return sum / float64(classes-1), nil
}
