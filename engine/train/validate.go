package train

import (
	"context"
	"fmt"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
)

// validate predicts every validation volume and tells whether the mean Dice is
// the best so far.
func (t *trainer) validate(ctx context.Context) (better bool, err error) {
	if t.val == nil {
		t.at.Validated = t.at.Step
		return false, nil
	}
	t.report.phase("validate", 0, int64(t.val.Len()))
	var sum float64
	for i := range t.val.Len() {
		dice, err := t.diceOf(ctx, i)
		if err != nil {
			return false, fmt.Errorf("validate at step %d: %w", t.at.Step, err)
		}
		sum += dice
		t.report.done(int64(i + 1))
	}
	mean := sum / float64(t.val.Len())
	t.at.Validated = t.at.Step
	t.report.event(runs.EventMetric, runs.Metric{
		Step: t.at.Step, Epoch: t.at.Epoch, Split: "val", Values: map[string]runs.Number{"dice": runs.Number(mean)},
	})
	t.at.SinceBest++
	if t.at.BestStep == 0 || mean > float64(t.at.Best) {
		t.at.BestStep, t.at.Best, t.at.SinceBest = t.at.Step, runs.Number(mean), 0
		better = true
	}
	t.report.phase("train", t.at.Step, t.total)
	return better, nil
}

// diceOf is the Dice of one validation volume, the mean over the foreground
// classes.
func (t *trainer) diceOf(ctx context.Context, i int) (float64, error) {
	c, err := t.val.Get(ctx, i)
	if err != nil {
		return 0, err
	}
	labels, err := labels(ctx, t.net, c.Image, c.Shape, t.experiment, nil)
	if err != nil {
		return 0, fmt.Errorf("volume %q: %w", c.Ref.ID, err)
	}
	// C order of (x, y, z) is x-fastest order of (z, y, x), and Dice does not
	// mind which axis is which.
	shape := [3]int{c.Shape[2], c.Shape[1], c.Shape[0]}
	scores, err := score(ctx, c.Label, labels, shape, t.experiment.Model.OutChannels, metrics.Options{
		Spacing: [3]float64{1, 1, 1}, Metrics: []string{metrics.Dice},
	})
	if err != nil {
		return 0, fmt.Errorf("volume %q: %w", c.Ref.ID, err)
	}
	return scores.Values[metrics.Dice], nil
}

// score compares two label maps, x fastest, class by class, and gives the mean
// over the foreground classes. With more than one of those, each class's own
// values are there too, as dice_1, dice_2 and so on.
func score(ctx context.Context, ref, pred []uint8, shape [3]int, classes int, o metrics.Options) (metrics.Result, error) {
	if classes == 2 {
		return metrics.Evaluate(ctx, metrics.Foreground(shape, ref, 1), metrics.Foreground(shape, pred, 1), o)
	}
	mean := metrics.Result{Values: map[string]float64{}, Excluded: map[string]string{}, ByPolicy: map[string]string{}}
	for class := 1; class < classes; class++ {
		label := uint8(class)
		r, err := metrics.Evaluate(ctx, metrics.Foreground(shape, ref, label), metrics.Foreground(shape, pred, label), o)
		if err != nil {
			return mean, fmt.Errorf("class %d: %w", class, err)
		}
		for name, v := range r.Values {
			mean.Values[fmt.Sprintf("%s_%d", name, class)] = v
			mean.Values[name] += v / float64(classes-1)
		}
		for name, why := range r.Excluded {
			mean.Excluded[fmt.Sprintf("%s_%d", name, class)] = why
			mean.Excluded[name] = why
		}
		for name, why := range r.ByPolicy {
			mean.ByPolicy[fmt.Sprintf("%s_%d", name, class)] = why
			mean.ByPolicy[name] = why
		}
	}
	return mean, nil
}

// readOptions are those with which a volume is read for prediction.
func readOptions(normalise string, classes int) (patches.Options, error) {
	n, err := patches.ParseNormalisation(normalise)
	if err != nil {
		return patches.Options{}, fmt.Errorf("%w: normalise: %w", ErrBadSpec, err)
	}
	return patches.Options{Normalise: n, Classes: classes}, nil
}
