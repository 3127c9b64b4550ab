package folder

import (
	"bytes"
	"context"
	"fmt"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// Score reads one pair of files and scores it. A missing prediction counts as
// an empty one; there is nothing to judge of its probabilities. Errors wrap
// those of engine/volume, engine/metrics and its rooms, ErrGrid, ErrOption, or
// come from the system.
func Score(ctx context.Context, p Pair, o Options) (Case, error) {
	o, err := o.resolve(ctx)
	if err != nil {
		return Case{}, err
	}
	if _, err := needed(p, o); err != nil {
		return Case{}, err
	}
	return score(ctx, p, o)
}

// score does so with options that have been resolved.
func score(ctx context.Context, p Pair, o Options) (Case, error) {
	v, err := readPair(ctx, p, o)
	if err != nil {
		return Case{}, err
	}
	c := Case{Pair: p, Shape: v.grid.Shape, Spacing: v.grid.Spacing, Unit: v.grid.Unit, Resampled: v.resampled, Missing: v.missing}
	choice := metrics.LabelChoice{Labels: o.Labels.List, Ignore: o.Labels.Ignore}
	if o.Labels.masks() {
		label, err := v.agree(p, o.Labels.Ignore)
		if err != nil {
			return Case{}, err
		}
		choice.Labels = []uint8{label}
	}
	if v.probabilities != nil {
		label := choice.Labels[0]
		for i, value := range v.pred {
			v.pred[i] = value * label
		}
		if err := judge(ctx, &c, v, label, o); err != nil {
			return Case{}, err
		}
	}
	if len(o.Definitions) > 0 {
		err = compare(ctx, &c, v, choice, o)
	}
	if err == nil && len(o.Vessels) > 0 {
		err = addTrees(ctx, &c, v, choice, o)
	}
	return c, err
}

// compare scores the masks.
func compare(ctx context.Context, c *Case, v *volumes, choice metrics.LabelChoice, o Options) error {
	o.Mask.Spacing, o.Mask.Unit, o.Mask.Threads = v.grid.Spacing, v.grid.Unit, o.Threads
	shape := v.grid.Shape
	scores, ignored, err := metrics.CompareLabels(ctx, metrics.LabelMap{Shape: shape, Data: v.ref}, metrics.LabelMap{Shape: shape, Data: v.pred},
		choice, o.Mask, o.Definitions...)
	if err != nil {
		return err
	}
	c.IgnoredVoxels = ignored
	for _, s := range scores {
		c.Structures = append(c.Structures, Structure{s.Label, s.Results})
	}
	return nil
}

// addTrees compares the vessel trees of every label, as part of our own
// definition.
func addTrees(ctx context.Context, c *Case, v *volumes, choice metrics.LabelChoice, o Options) error {
	labels := choice.Labels
	if o.Labels.All {
		both := append(labelsOf(v.ref, choice.Ignore), labelsOf(v.pred, choice.Ignore)...)
		labels = labelsOf(both, nil)
	}
	var ignored [256]bool
	for _, label := range choice.Ignore {
		ignored[label] = true
	}
	for _, label := range labels {
		ref := metrics.Foreground(v.grid.Shape, v.ref, label)
		pred := metrics.Foreground(v.grid.Shape, v.pred, label)
		for i, value := range v.ref {
			if ignored[value] {
				pred.Data[i] = 0
			}
		}
		if err := addVessels(ctx, c.ours(label, v, o), ref.Data, pred.Data, v.grid.Shape, v.grid.Spacing, o.Vessels); err != nil {
			return err
		}
	}
	return nil
}

// ours is the result of a label under our own definition, made if need be.
func (c *Case) ours(label uint8, v *volumes, o Options) *metrics.Result {
	var s *Structure
	for i := range c.Structures {
		if c.Structures[i].Label == label {
			s = &c.Structures[i]
		}
	}
	if s == nil {
		c.Structures = append(c.Structures, Structure{Label: label})
		s = &c.Structures[len(c.Structures)-1]
	}
	for i := range s.Results {
		if s.Results[i].Definition == metrics.Minivess {
			return &s.Results[i]
		}
	}
	count := func(data []uint8) int { return bytes.Count(data, []byte{label}) }
	s.Results = append(s.Results, metrics.Result{
		ReferenceVoxels: count(v.ref), PredictionVoxels: count(v.pred),
		Definition: metrics.Minivess, Spacing: v.grid.Spacing, Unit: v.grid.Unit, Tolerance: o.Mask.Tolerance,
		Values: map[string]float64{}, Excluded: map[string]string{}, ByPolicy: map[string]string{},
	})
	return &s.Results[len(s.Results)-1]
}

// judge scores the probabilities themselves.
func judge(ctx context.Context, c *Case, v *volumes, label uint8, o Options) error {
	if len(o.Judged) == 0 {
		return nil
	}
	const ignored = 255
	reference := make([]uint8, len(v.ref))
	options := probability.Options{Metrics: o.Judged, Bins: o.Bins, Threads: o.Threads}
	if len(o.Labels.Ignore) > 0 {
		mark := uint8(ignored)
		options.Ignore = &mark
	}
	for i, value := range v.ref {
		switch {
		case value == label:
			reference[i] = 1
		case len(o.Labels.Ignore) > 0 && value == o.Labels.Ignore[0]:
			reference[i] = ignored
		}
	}
	r, err := probability.Evaluate(ctx, v.probabilities, reference, options)
	if err != nil {
		return fmt.Errorf("the probabilities: %w", err)
	}
	c.Probability = judged(label, r)
	return nil
}
