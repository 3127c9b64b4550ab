package metrics

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/topology"
	"github.com/minivess/minivess/engine/metrics/vessels"
)

// The metrics of shape, which the Minivess definition has. Centrelines are those
// of Lee et al. 1994, pieces are 26-connected unless Options say otherwise.
const (
	// SkeletonRecall and SkeletonPrecision are what ClDice is the harmonic mean of:
	// the share of the reference's centreline inside the prediction, and the
	// other way round.
	SkeletonRecall    = "skeleton_recall"
	SkeletonPrecision = "skeleton_precision"
	// RadiusError is the mean absolute difference of the masks' radii along the
	// reference's centreline, in the spacing's unit; where the prediction
	// misses the vessel its radius is 0. See vessels.CompareRadii.
	RadiusError = "radius_error"
	// Betti0Error, Betti1Error and Betti2Error are by how many pieces, loops and
	// cavities the masks differ, and EulerError by how much their Euler
	// characteristics do. They are defined for empty masks too.
	Betti0Error = "betti0_error"
	Betti1Error = "betti1_error"
	Betti2Error = "betti2_error"
	EulerError  = "euler_error"
	// LesionPrecision is the share of the prediction's pieces that share a voxel
	// with the reference, LesionRecall the share of the reference's pieces that
	// share one with the prediction, and LesionF1 their harmonic mean. With
	// another Options.Matching, pieces are paired one to one instead.
	LesionPrecision = "lesion_precision"
	LesionRecall    = "lesion_recall"
	LesionF1        = "lesion_f1"
	// PanopticQuality pairs pieces whose intersection over union is at least
	// Options.MatchThreshold, a half by default (Kirillov et al., CVPR 2019).
	PanopticQuality = "panoptic_quality"
)

// shapeNames are the metrics of shape.
func shapeNames() []string {
	return []string{
		SkeletonRecall, SkeletonPrecision, RadiusError, Betti0Error, Betti1Error, Betti2Error, EulerError,
		LesionPrecision, LesionRecall, LesionF1, PanopticQuality,
	}
}

// countsShape tells whether a metric compares counts, which empty masks have too.
func countsShape(name string) bool {
	return slices.Contains([]string{Betti0Error, Betti1Error, Betti2Error, EulerError}, name)
}

// shapes is what has been found of the masks' pieces.
type shapes struct {
	ref, pred         *topology.Counts
	overlap, panoptic *instances.Result
}

// shapeScore measures one metric of shape.
func (p *pair) shapeScore(ctx context.Context, o Options, name string) (float64, error) {
	switch name {
	case SkeletonRecall, SkeletonPrecision:
		return p.centrelineOverlap(ctx, o, name)
	case RadiusError:
		return p.radiusError(ctx)
	case PanopticQuality:
		way := o.Matching
		if way == instances.Overlap {
			way = instances.Greedy
		}
		if err := p.match(ctx, &p.shapes.panoptic, way, o); err != nil {
			return 0, err
		}
		return p.shapes.panoptic.Panoptic, nil
	case LesionPrecision, LesionRecall, LesionF1:
		if err := p.match(ctx, &p.shapes.overlap, cmp.Or(o.Matching, instances.Overlap), o); err != nil {
			return 0, err
		}
		switch name {
		case LesionPrecision:
			return p.shapes.overlap.Precision, nil
		case LesionRecall:
			return p.shapes.overlap.Recall, nil
		default:
			return p.shapes.overlap.F1, nil
		}
	default:
		return p.countError(ctx, name)
	}
}

// checkMatching refuses what instances.Match would refuse, before anything is
// computed.
func (o Options) checkMatching() error {
	switch o.Matching {
	case "", instances.Overlap, instances.Greedy, instances.Optimal:
	default:
		return fmt.Errorf("%w: matching %q; choose %s, %s or %s", ErrParameter, string(o.Matching), instances.Overlap, instances.Greedy, instances.Optimal)
	}
	if !(o.MatchThreshold >= 0 && o.MatchThreshold <= 1) {
		return fmt.Errorf("%w: a least IoU of %g; it must be above 0 and at most 1", ErrParameter, o.MatchThreshold)
	}
	switch o.Connectivity {
	case 0, topology.Faces, topology.Edges, topology.Corners:
		return nil
	default:
		return fmt.Errorf("%w: connectivity %d; choose 6, 18 or 26", ErrParameter, o.Connectivity)
	}
}

// radiusError compares radii along the reference's centreline. A reference of
// which thinning leaves nothing stands for its own centreline.
func (p *pair) radiusError(ctx context.Context) (float64, error) {
	if err := p.measureCentrelines(ctx); err != nil {
		return 0, err
	}
	ref, pred := p.bytes()
	line := p.centre.lines.Reference
	if len(line) == 0 {
		for i, v := range ref.Data {
			if v != 0 {
				line = append(line, int32(i))
			}
		}
	}
	r, err := vessels.CompareRadii(ctx, ref.Data, pred.Data, ref.Shape, p.spacing, line, p.threads)
	return r.Error, err
}

// match pairs pieces once for each way of matching.
func (p *pair) match(ctx context.Context, found **instances.Result, way instances.Matching, o Options) error {
	if *found != nil {
		return nil
	}
	ref, pred := p.bytes()
	r, err := instances.Match(ctx, ref.Data, pred.Data, ref.Shape, instances.Options{
		Matching: way, Threshold: o.MatchThreshold, Connectivity: o.Connectivity, Threads: p.threads,
	})
	if err != nil {
		return err
	}
	*found = &r
	return nil
}

// countError is by how much a count of the prediction is off.
func (p *pair) countError(ctx context.Context, name string) (float64, error) {
	if p.shapes.ref == nil {
		ref, pred := p.bytes()
		counts := [2]topology.Counts{}
		for i, m := range []Mask{ref, pred} {
			c, err := topology.Count(ctx, m.Data, m.Shape)
			if err != nil {
				return 0, err
			}
			counts[i] = c
		}
		p.shapes.ref, p.shapes.pred = &counts[0], &counts[1]
	}
	a, b := *p.shapes.ref, *p.shapes.pred
	off := a.Euler - b.Euler
	switch name {
	case Betti0Error:
		off = a.Components - b.Components
	case Betti1Error:
		off = a.Loops - b.Loops
	case Betti2Error:
		off = a.Cavities - b.Cavities
	}
	return float64(max(off, -off)), nil
}
