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
	scores, err := metrics.EvaluateLabels(ctx, metrics.LabelMap{Shape: shape, Data: c.Label}, metrics.LabelMap{Shape: shape, Data: labels}, t.foreground(), metrics.Options{
		Spacing: [3]float64{1, 1, 1}, Metrics: []string{metrics.Dice},
	})
	if err != nil {
		return 0, fmt.Errorf("volume %q: %w", c.Ref.ID, err)
	}
	return scores.Mean[metrics.Dice], nil
}

// foreground are the labels that count in validation: every class but the
// background, also where a volume lacks it.
func (t *trainer) foreground() metrics.LabelChoice {
	var choice metrics.LabelChoice
	for class := 1; class < t.experiment.Model.OutChannels; class++ {
		choice.Labels = append(choice.Labels, uint8(class))
	}
	return choice
}

// readOptions are those with which a volume is read for prediction.
func readOptions(normalise string, classes int) (patches.Options, error) {
	n, err := patches.ParseNormalisation(normalise)
	if err != nil {
		return patches.Options{}, fmt.Errorf("%w: normalise: %w", ErrBadSpec, err)
	}
	return patches.Options{Normalise: n, Classes: classes}, nil
}
