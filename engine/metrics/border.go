package metrics

import (
	"context"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// distances holds, for each border voxel of one mask, how far the nearest
// border voxel of the other is. Both lists are non-empty; their order carries
// no meaning and changes as percentiles are selected.
type distances struct {
	refToPred, predToRef []float64
}

// measureBorders finds the border voxels of both masks and the distances
// between them. A border voxel is a foreground voxel with a background voxel
// among its six face neighbours (mask minus its 6-connected erosion), the
// outside of the volume being background. It works on the box around both
// masks, which changes no distance.
func measureBorders(ctx context.Context, p *pair) (*distances, error) {
	first, size := bounds(p.ref.Shape, p.ref.Data, p.pred.Data)
	mask, shape := padded(p.ref.Data, p.ref.Shape, first, size)
	refBorder, err := border(ctx, mask, shape, p.threads)
	if err != nil {
		return nil, err
	}
	mask, _ = padded(p.pred.Data, p.pred.Shape, first, size)
	predBorder, err := border(ctx, mask, shape, p.threads)
	if err != nil {
		return nil, err
	}
	field := make([]float64, len(mask))
	d := &distances{}
	if d.refToPred, err = between(ctx, refBorder, predBorder, field, shape, p); err != nil {
		return nil, err
	}
	if d.predToRef, err = between(ctx, predBorder, refBorder, field, shape, p); err != nil {
		return nil, err
	}
	return d, nil
}

// border marks the border voxels of a mask that has a layer of background
// around it.
func border(ctx context.Context, mask []uint8, shape [3]int, threads int) ([]uint8, error) {
	out := make([]uint8, len(mask))
	nx, slice := shape[0], shape[0]*shape[1]
	err := rows.Each(ctx, shape[2]-2, 1, threads, func(from, to int) error {
		for z := from + 1; z <= to; z++ {
			for y := 1; y < shape[1]-1; y++ {
				row := y*nx + z*slice
				for i := row + 1; i < row+nx-1; i++ {
					inner := mask[i-1] & mask[i+1] & mask[i-nx] & mask[i+nx] & mask[i-slice] & mask[i+slice]
					out[i] = mask[i] &^ inner
				}
			}
		}
		return nil
	})
	return out, err
}

// between lists the distance from each marked voxel of from to the nearest
// marked voxel of to. Field is scratch space.
func between(ctx context.Context, from, to []uint8, field []float64, shape [3]int, p *pair) ([]float64, error) {
	if err := edt.Squared(ctx, field, to, shape, p.spacing, p.threads); err != nil {
		return nil, err
	}
	n := 0
	for _, v := range from {
		n += int(v)
	}
	out := make([]float64, 0, n)
	for i, v := range from {
		if v != 0 {
			out = append(out, math.Sqrt(field[i]))
		}
	}
	return out, nil
}

// percentile is the greater of the two directed percentiles, as MONAI and
// MetricsReloaded define the (95th percentile) Hausdorff distance.
func (d *distances) percentile(q float64) float64 {
	return max(percentile(d.refToPred, q), percentile(d.predToRef, q))
}

// pooledPercentile is the percentile of both directions taken together, which
// is what MedPy calls HD95.
func (d *distances) pooledPercentile(q float64) float64 {
	return percentile(slices.Concat(d.refToPred, d.predToRef), q)
}

// within is the share of border voxels, of both masks together, at most reach
// from the other border (Nikolov et al. 2018, counted in voxels).
func (d *distances) within(reach float64) float64 {
	n := 0
	for _, list := range [][]float64{d.refToPred, d.predToRef} {
		for _, v := range list {
			if v <= reach {
				n++
			}
		}
	}
	return float64(n) / float64(len(d.refToPred)+len(d.predToRef))
}

// assd is the average symmetric surface distance: the mean over all border
// voxels of both masks.
func (d *distances) assd() float64 {
	return (sum(d.refToPred) + sum(d.predToRef)) / float64(len(d.refToPred)+len(d.predToRef))
}

// masd is the mean average surface distance: the mean of the two directed means.
func (d *distances) masd() float64 {
	return (sum(d.refToPred)/float64(len(d.refToPred)) + sum(d.predToRef)/float64(len(d.predToRef))) / 2
}

// sum adds up with Kahan's compensation, so that the order of the list, which
// selecting percentiles changes, does not show in the result.
func sum(values []float64) float64 {
	var total, carry float64
	for _, v := range values {
		y := v - carry
		t := total + y
		carry = (t - total) - y
		total = t
	}
	return total
}
