package metrics

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/surfel"
)

// pair is two masks and what has been measured on them so far, so that several
// metrics and definitions share the work.
type pair struct {
	ref, pred Mask
	spacing   [3]float64
	threads   int

	refVoxels, predVoxels, common int

	voxels *distances          // between border voxels
	surf   *surfel.Distances   // between surface elements
	centre *centrelineOverlaps // of the skeletons
}

// centrelineOverlaps counts skeleton voxels, and those inside the other mask.
type centrelineOverlaps struct {
	ref, refInPred, pred, predInRef int
}

func newPair(ref, pred Mask, o Options) *pair {
	p := &pair{ref: ref, pred: pred, spacing: o.Spacing, threads: o.Threads}
	for i, r := range ref.Data {
		q := pred.Data[i]
		p.refVoxels += int(r)
		p.predVoxels += int(q)
		p.common += int(r & q)
	}
	return p
}

func (p *pair) presence() Presence {
	switch {
	case p.refVoxels > 0 && p.predVoxels > 0:
		return PresentBoth
	case p.refVoxels > 0:
		return MissedStructure
	case p.predVoxels > 0:
		return InventedOnly
	default:
		return EmptyBoth
	}
}

// diagonal is the length of the whole volume's space diagonal.
func (p *pair) diagonal() float64 {
	var sum float64
	for axis, n := range p.ref.Shape {
		side := float64(n) * p.spacing[axis]
		sum += side * side
	}
	return math.Sqrt(sum)
}

// score measures one metric of two masks that both hold foreground.
func (p *pair) score(ctx context.Context, o Options, name string) (float64, error) {
	switch name {
	case Dice:
		return 2 * float64(p.common) / float64(p.refVoxels+p.predVoxels), nil
	case ClDice:
		return p.clDice(ctx, o)
	case NSDSubvoxel:
		return p.surfelNSD(ctx, o)
	}
	if o.Definition == SurfaceDistance {
		if name == NSD {
			return p.surfelNSD(ctx, o)
		}
		if err := p.measureSurfels(ctx); err != nil {
			return 0, err
		}
		return p.surf.Percentile(Percentile), nil
	}
	if p.voxels == nil {
		d, err := measureBorders(ctx, p)
		if err != nil {
			return 0, err
		}
		p.voxels = d
	}
	switch name {
	case HD95:
		if o.Definition == MedPy {
			return p.voxels.pooledPercentile(Percentile), nil
		}
		return p.voxels.percentile(Percentile), nil
	case HD:
		return p.voxels.percentile(100), nil
	case NSD:
		return p.voxels.within(reach(o)), nil
	case ASSD:
		return p.voxels.assd(), nil
	default: // MASD, the only other name that resolve lets through
		return p.voxels.masd(), nil
	}
}

// reach is the greatest distance that counts as within tolerance. Peers
// compare as floating point falls; the Minivess definition forgives the
// rounding of a spacing that a header stores in single precision, so that
// three voxels of 0.1 are within 0.3.
func reach(o Options) float64 {
	if o.Definition == Minivess {
		return o.Tolerance * (1 + 1e-6)
	}
	return o.Tolerance
}

func (p *pair) measureSurfels(ctx context.Context) error {
	if p.surf != nil {
		return nil
	}
	first, size := bounds(p.ref.Shape, p.ref.Data, p.pred.Data)
	ref, shape := padded(p.ref.Data, p.ref.Shape, first, size)
	pred, _ := padded(p.pred.Data, p.pred.Shape, first, size)
	d, err := surfel.Measure(ctx, ref, pred, shape, p.spacing, p.threads)
	if err != nil {
		return err
	}
	p.surf = d
	return nil
}

func (p *pair) surfelNSD(ctx context.Context, o Options) (float64, error) {
	if err := p.measureSurfels(ctx); err != nil {
		return 0, err
	}
	return p.surf.Within(reach(o)), nil
}

// clDice is the harmonic mean of topology precision, the share of the
// prediction's skeleton inside the reference, and topology sensitivity, the
// share of the reference's skeleton inside the prediction (Shit et al., CVPR
// 2021), with the skeletons of Lee et al. 1994. MetricsReloaded divides 0 by 0
// when neither skeleton touches the other mask, or when thinning leaves nothing
// of a mask of a few voxels; the Minivess definition says 0 to the first and
// lets such a mask stand for its own skeleton.
func (p *pair) clDice(ctx context.Context, o Options) (float64, error) {
	if err := p.measureCentrelines(ctx); err != nil {
		return 0, err
	}
	c := *p.centre
	if o.Definition == Minivess {
		if c.ref == 0 {
			c.ref, c.refInPred = p.refVoxels, p.common
		}
		if c.pred == 0 {
			c.pred, c.predInRef = p.predVoxels, p.common
		}
		if c.refInPred+c.predInRef == 0 {
			return 0, nil
		}
	}
	precision := float64(c.predInRef) / float64(c.pred)
	sensitivity := float64(c.refInPred) / float64(c.ref)
	return 2 * precision * sensitivity / (precision + sensitivity), nil
}

func (p *pair) measureCentrelines(ctx context.Context) error {
	if p.centre != nil {
		return nil
	}
	var c centrelineOverlaps
	group, ctx := errgroup.WithContext(ctx)
	if p.threads == 1 {
		group.SetLimit(1)
	}
	group.Go(func() (err error) {
		c.ref, c.refInPred, err = skeletonInside(ctx, p.ref, p.pred)
		return err
	})
	group.Go(func() (err error) {
		c.pred, c.predInRef, err = skeletonInside(ctx, p.pred, p.ref)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	p.centre = &c
	return nil
}

// skeletonInside counts the skeleton voxels of m, and those inside other.
func skeletonInside(ctx context.Context, m, other Mask) (voxels, inside int, err error) {
	thin, err := skeleton.Thin(ctx, m.Data, m.Shape)
	if err != nil {
		return 0, 0, err
	}
	for i, v := range thin {
		voxels += int(v)
		inside += int(v & other.Data[i])
	}
	return voxels, inside, nil
}
