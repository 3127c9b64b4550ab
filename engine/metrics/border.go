package metrics

import (
	"context"
	"sync"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/ring"
)

// distances holds how far the border voxels of each mask are from the nearest
// border voxel of the other.
type distances struct {
	refToPred, predToRef spread
}

// borders finds the border voxels of both masks: foreground voxels with a
// background voxel among their six face neighbours (mask minus its 6-connected
// erosion), the outside of the volume being background.
func (p *pair) borders(ctx context.Context) (err error) {
	if p.refBorder != nil {
		return nil
	}
	if p.predBorder, err = p.pred.Border(ctx, p.threads); err != nil {
		return err
	}
	p.refBorder, err = p.ref.Border(ctx, p.threads)
	return err
}

func (p *pair) measureBorders(ctx context.Context) error {
	if p.voxels != nil {
		return nil
	}
	if err := p.borders(ctx); err != nil {
		return err
	}
	refToPred, err := between(ctx, p.refBorder, p.predBorder, p)
	if err != nil {
		return err
	}
	predToRef, err := between(ctx, p.predBorder, p.refBorder, p)
	if err != nil {
		return err
	}
	p.voxels = &distances{refToPred, predToRef}
	return nil
}

// between counts the distances from each voxel of from to the nearest of to.
func between(ctx context.Context, from, to *bitmask.Volume, p *pair) (spread, error) {
	var mu sync.Mutex
	var tallies []*ring.Tally
	err := ring.Search(ctx, from, to, p.along, p.threads, &p.scratch, func() edt.Sink {
		mu.Lock()
		defer mu.Unlock()
		tallies = append(tallies, ring.NewTally())
		return tallies[len(tallies)-1]
	})
	if err != nil {
		return spread{}, err
	}
	return newSpread(ring.Counts(p.along, tallies...)), nil
}

// percentile is the greater of the two directed percentiles, as MONAI and
// MetricsReloaded define the (95th percentile) Hausdorff distance.
func (d *distances) percentile(q float64) float64 {
	return max(d.refToPred.percentile(q), d.predToRef.percentile(q))
}

// pooledPercentile is the percentile of both directions taken together, which
// is what MedPy calls HD95.
func (d *distances) pooledPercentile(q float64) float64 {
	return pooled(d.refToPred, d.predToRef).percentile(q)
}

// within is the share of border voxels, of both masks together, at most reach
// from the other border (Nikolov et al. 2018, counted in voxels).
func (d *distances) within(reach float64) float64 {
	return float64(d.refToPred.within(reach)+d.predToRef.within(reach)) / float64(d.refToPred.n+d.predToRef.n)
}

// assd is the average symmetric surface distance: the mean over all border
// voxels of both masks.
func (d *distances) assd() float64 {
	return (d.refToPred.sum() + d.predToRef.sum()) / float64(d.refToPred.n+d.predToRef.n)
}

// masd is the mean average surface distance: the mean of the two directed means.
func (d *distances) masd() float64 {
	return (d.refToPred.sum()/float64(d.refToPred.n) + d.predToRef.sum()/float64(d.predToRef.n)) / 2
}

// boundaryIoU is the intersection over union of what lies less than width
// voxels from the border inside of each mask (Cheng et al., CVPR 2021, as
// MetricsReloaded has it: in voxels, whatever their spacing).
func (p *pair) boundaryIoU(ctx context.Context, width float64) (float64, error) {
	if err := p.borders(ctx); err != nil {
		return 0, err
	}
	ref, err := p.shell(ctx, p.ref, p.refBorder, width)
	if err != nil {
		return 0, err
	}
	pred, err := p.shell(ctx, p.pred, p.predBorder, width)
	if err != nil {
		return 0, err
	}
	common := bitmask.Common(ref, pred)
	return float64(common) / float64(ref.Count()+pred.Count()-common), nil
}

// shell is the voxels of a mask less than width from its border.
func (p *pair) shell(ctx context.Context, mask, border *bitmask.Volume, width float64) (*bitmask.Volume, error) {
	if width <= 1 {
		return border, nil
	}
	near := bitmask.New(mask.Shape)
	err := ring.Search(ctx, mask, border, [3]float64{1, 1, 1}, p.threads, &p.scratch, func() edt.Sink {
		return within{near, width * width}
	})
	return near, err
}

// within is a sink that marks queries whose target is near. Rows never share a
// word, so goroutines that report different rows do not meet.
type within struct {
	near    *bitmask.Volume
	squared float64
}

// Found marks the query if its offset is short.
func (w within) Found(x, row, dx, dy, dz int) {
	if float64(dx*dx+dy*dy+dz*dz) < w.squared {
		w.near.Set(x, row)
	}
}
