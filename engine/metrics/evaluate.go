package metrics

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Evaluate scores the prediction against the reference. Both masks must have
// the same shape. Bad input is refused with one of the package's errors; an
// empty mask is not an error, see EmptyPolicy. A mask of one voxel, of one
// slice, or all foreground is scored like any other: the outside of the volume
// counts as background, so voxels at its faces are border.
func Evaluate(ctx context.Context, ref, pred Mask, o Options) (Result, error) {
	o, err := o.resolve()
	if err != nil {
		return Result{}, err
	}
	if err := checkPair(ref, pred); err != nil {
		return Result{}, err
	}
	p, err := newPair(ctx, ref, pred, o)
	if err != nil {
		return Result{}, err
	}
	return p.evaluate(ctx, o)
}

// Compare scores the pair under each of the definitions (none means all),
// sharing the work. Metrics that a definition lacks are left out of its
// result, and a definition that has none of them is left out altogether.
func Compare(ctx context.Context, ref, pred Mask, o Options, definitions ...string) (Comparison, error) {
	if len(definitions) == 0 {
		definitions = Definitions()
	}
	plans, err := plan(o, definitions)
	if err != nil {
		return nil, err
	}
	if err := checkPair(ref, pred); err != nil {
		return nil, err
	}
	p, err := newPair(ctx, ref, pred, o)
	if err != nil {
		return nil, err
	}
	comparison := make(Comparison, 0, len(plans))
	for _, plan := range plans {
		result, err := p.evaluate(ctx, plan)
		if err != nil {
			return nil, err
		}
		comparison = append(comparison, result)
	}
	return comparison, nil
}

// plan divides the metrics asked for among the definitions that have them.
func plan(o Options, definitions []string) ([]Options, error) {
	plans := make([]Options, 0, len(definitions))
	unknown := slices.Clone(o.Metrics)
	for _, name := range definitions {
		plan := o
		plan.Definition, plan.Metrics = name, nil
		plan, err := plan.resolve()
		if err != nil {
			return nil, err
		}
		theirs := func(m string) bool { return has(name, m) }
		if len(o.Metrics) > 0 {
			plan.Metrics = slices.DeleteFunc(slices.Clone(o.Metrics), func(m string) bool { return !theirs(m) })
			unknown = slices.DeleteFunc(unknown, theirs)
		}
		if len(plan.Metrics) > 0 {
			plans = append(plans, plan)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%w %q: none of the definitions %q has it", ErrMetric, unknown[0], definitions)
	}
	return plans, nil
}

func checkPair(ref, pred Mask) error {
	if err := ref.check("reference"); err != nil {
		return err
	}
	if ref.Shape != pred.Shape {
		return fmt.Errorf("%w: the reference has shape %v, the prediction %v; resample one onto the other first", ErrShape, ref.Shape, pred.Shape)
	}
	return pred.check("prediction")
}

func (p *pair) evaluate(ctx context.Context, o Options) (Result, error) {
	r := Result{
		Definition: o.Definition, Spacing: o.Spacing, Unit: o.Unit, Tolerance: o.Tolerance,
		Beta: o.Beta, BoundaryWidth: o.BoundaryWidth,
		Empty: o.Empty, Presence: p.presence(),
		Values: map[string]float64{}, Excluded: map[string]string{}, ByPolicy: map[string]string{},
		ReferenceVoxels: p.refVoxels, PredictionVoxels: p.predVoxels,
	}
	if r.Empty == EmptyByDefinition && o.Definition == Minivess {
		r.Empty = EmptyPenalise
	}
	for _, name := range o.Metrics {
		if err := ctx.Err(); err != nil {
			return Result{}, fmt.Errorf("metrics: %w", err)
		}
		if r.Presence != PresentBoth && (r.Empty == EmptyExclude || !countsShape(name)) {
			p.scoreEmpty(&r, name)
			continue
		}
		v, err := p.score(ctx, o, name)
		if err != nil {
			return Result{}, fmt.Errorf("metrics: %s: %w", name, err)
		}
		r.Values[name] = v
		if countsShape(name) {
			r.ReferenceTopology, r.PredictionTopology = p.shapes.ref, p.shapes.pred
		}
		if math.IsNaN(v) {
			r.Excluded[name] = "undefined (0/0): no centreline voxel lies in the other mask"
		}
	}
	return r, nil
}
