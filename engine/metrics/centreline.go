package metrics

import (
	"context"

	"github.com/minivess/minivess/engine/metrics/vessels"
)

// centrelines are those of both masks and how much of each lies in the other.
type centrelines struct {
	lines   vessels.Centrelines // in the volume that bytes gives
	overlap vessels.Overlap
}

// centrelineOverlap scores clDice, the harmonic mean of topology precision, the
// share of the prediction's skeleton inside the reference, and topology
// sensitivity, the share of the reference's skeleton inside the prediction
// (Shit et al., CVPR 2021), with the skeletons of Lee et al. 1994; or one of
// the two. MetricsReloaded divides 0 by 0 when neither skeleton touches the
// other mask, or when thinning leaves nothing of a mask of a few voxels; the
// Minivess definition says 0 to the first and lets such a mask stand for its
// own skeleton.
func (p *pair) centrelineOverlap(ctx context.Context, o Options, name string) (float64, error) {
	if err := p.measureCentrelines(ctx); err != nil {
		return 0, err
	}
	c := p.centre.overlap
	if o.Definition == Minivess {
		if c.Reference == 0 {
			c.Reference, c.ReferenceInPrediction = p.refVoxels, p.common
		}
		if c.Prediction == 0 {
			c.Prediction, c.PredictionInReference = p.predVoxels, p.common
		}
	}
	switch {
	case name == SkeletonRecall:
		return c.Recall(), nil
	case name == SkeletonPrecision:
		return c.Precision(), nil
	case o.Definition == Minivess && c.ReferenceInPrediction+c.PredictionInReference == 0:
		return 0, nil
	default:
		return c.ClDice(), nil
	}
}

func (p *pair) measureCentrelines(ctx context.Context) error {
	if p.centre != nil {
		return nil
	}
	ref, pred := p.bytes()
	lines, err := vessels.Trace(ctx, ref.Data, pred.Data, ref.Shape, p.threads)
	if err != nil {
		return err
	}
	p.centre = &centrelines{lines: lines, overlap: lines.Overlap(ref.Data, pred.Data)}
	return nil
}

// bytes gives both masks at one byte a voxel: the whole ones if the pair was
// made of such, else the box around them with one layer more on every side on
// which the volume goes on, as thinning and radii ask whether it ends there.
func (p *pair) bytes() (ref, pred Mask) {
	if p.masks != nil {
		return p.masks[0], p.masks[1]
	}
	var before [3]int
	shape := p.ref.Shape
	for axis, n := range p.ref.Shape {
		if p.first[axis] > 0 {
			before[axis] = 1
			shape[axis]++
		}
		if p.first[axis]+n < p.shape[axis] {
			shape[axis]++
		}
	}
	spread := func(packed []uint8) Mask {
		m := Mask{shape, make([]uint8, shape[0]*shape[1]*shape[2])}
		for row := range p.ref.Shape[1] * p.ref.Shape[2] {
			y, z := before[1]+row%p.ref.Shape[1], before[2]+row/p.ref.Shape[1]
			at := before[0] + shape[0]*(y+shape[1]*z)
			copy(m.Data[at:], packed[row*p.ref.Shape[0]:(row+1)*p.ref.Shape[0]])
		}
		return m
	}
	return spread(p.ref.Unpack()), spread(p.pred.Unpack())
}
