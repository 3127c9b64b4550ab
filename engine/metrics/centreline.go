package metrics

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/metrics/skeleton"
)

// centrelineOverlaps counts skeleton voxels, and those inside the other mask.
type centrelineOverlaps struct {
	ref, refInPred, pred, predInRef int
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
	ref, pred := p.bytes()
	var c centrelineOverlaps
	group, ctx := errgroup.WithContext(ctx)
	if p.threads == 1 {
		group.SetLimit(1)
	}
	group.Go(func() (err error) {
		c.ref, c.refInPred, err = skeletonInside(ctx, ref, pred)
		return err
	})
	group.Go(func() (err error) {
		c.pred, c.predInRef, err = skeletonInside(ctx, pred, ref)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	p.centre = &c
	return nil
}

// skeletonInside counts the skeleton voxels of a mask, and those inside other.
func skeletonInside(ctx context.Context, m, other Mask) (voxels, inside int, err error) {
	thin, err := skeleton.Voxels(ctx, m.Data, m.Shape)
	if err != nil {
		return 0, 0, err
	}
	for _, i := range thin {
		inside += int(other.Data[i])
	}
	return len(thin), inside, nil
}

// bytes gives both masks at one byte a voxel: the whole ones if the pair was
// made of such, else the box around them.
func (p *pair) bytes() (ref, pred Mask) {
	if p.masks != nil {
		return p.masks[0], p.masks[1]
	}
	r, q := p.ref, p.pred
	if r.Shape[0] == 1 && p.shape[0] > 1 {
		// What is one voxel wide along x is thinned from four sides only, but
		// only if the volume is so too.
		wide := [3]int{2, r.Shape[1], r.Shape[2]}
		r, q = r.Grow(wide), q.Grow(wide)
	}
	return Mask{r.Shape, r.Unpack()}, Mask{q.Shape, q.Unpack()}
}
