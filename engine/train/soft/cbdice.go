package soft

import (
	"context"
	"math"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/skeleton"
)

// CbDice is the loss of Shi et al., "Centerline boundary Dice loss for vascular
// segmentation", MICCAI 2024. It is clDice with each voxel of a centreline
// weighed by the vessel's radius there, so that thin vessels count as much as
// thick ones and a wrong radius counts too. Of a mask V with the centreline S
// (Lee et al. 1994, as in the metrics), D is the exact distance of V's voxels to
// the background, R is D on S, and R̂ the greatest R, at least one voxel. Then
//
//	d = min(D, R̂)/R̂ on V    r = R/R̂ on S    w = ((R̂ − R + 1)/R̂)² on S
//
// of the reference (L) as they are, and of the prediction (P), whose V is where
// p > ½, each times p. With C(a, b) = a where b is 0, else b,
//
//	Tprec = (Σ w_P·d_L + ε)/(Σ w_P·C(r_P, r_L) + ε)
//	Tsens = (Σ w_L·d_P + ε)/(Σ w_L·C(r_L, r_P) + ε)
//	loss  = 1 − 2·Tprec·Tsens/(Tprec + Tsens)
//
// with ε = Smooth. It is 0 for masks that agree. Both ratios can exceed 1 where
// radii disagree, so it can be a little below 0; it is at most 1. Distances
// and centrelines are taken as constants, as by the authors, so where nothing is
// above ½ there is no gradient: it needs the company of a loss of regions.
func CbDice(ctx context.Context, probability, reference []float32, shape [3]int, scale float64, gradient []float32) (float64, error) {
	if err := check(probability, reference, gradient, shape); err != nil {
		return 0, err
	}
	label, err := weigh(ctx, reference, shape)
	if err != nil {
		return 0, err
	}
	pred, err := weigh(ctx, probability, shape)
	if err != nil {
		return 0, err
	}
	// Numerators and denominators, and their derivatives by each p.
	var sums [4]float64
	terms := func(i int) (value, by [4]float64) {
		p := float64(probability[i])
		if w := pred.weight[i]; w != 0 {
			value[0], by[0] = w*p*label.depth[i], w*label.depth[i]
			if r := label.radius[i]; r != 0 {
				value[1], by[1] = w*p*r, w*r
			} else {
				value[1], by[1] = w*p*pred.radius[i]*p, 2*w*p*pred.radius[i]
			}
		}
		if w := label.weight[i]; w != 0 {
			value[2], by[2] = w*pred.depth[i]*p, w*pred.depth[i]
			if r := pred.radius[i]; r != 0 {
				value[3], by[3] = w*r*p, w*r
			} else {
				value[3] = w * label.radius[i]
			}
		}
		return value, by
	}
	for i := range probability {
		value, _ := terms(i)
		for k, v := range value {
			sums[k] += v
		}
	}
	precision, by0, by1 := ratio(sums[0], sums[1])
	recall, by2, by3 := ratio(sums[2], sums[3])
	loss, byPrecision, byRecall := harmonic(precision, recall)
	for i := range probability {
		_, by := terms(i)
		gradient[i] += float32(scale * (byPrecision*(by0*by[0]+by1*by[1]) + byRecall*(by2*by[2]+by3*by[3])))
	}
	return loss, nil
}

// weights are a mask's d, r and w.
type weights struct {
	depth, radius, weight []float64
}

// weigh measures what is above a half.
func weigh(ctx context.Context, x []float32, shape [3]int) (weights, error) {
	w := weights{make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))}
	inside, outside, some := halves(x)
	if !some {
		return w, nil
	}
	line, err := skeleton.Thin(ctx, inside, shape)
	if err != nil {
		return w, err
	}
	depth, err := distances(ctx, outside, shape)
	if err != nil {
		return w, err
	}
	greatest := 1.0
	for i, on := range line {
		if on != 0 {
			greatest = max(greatest, depth[i])
		}
	}
	for i, d := range depth {
		w.depth[i] = min(d, greatest) / greatest
		if line[i] != 0 {
			w.radius[i] = d / greatest
			thinness := (greatest - d + 1) / greatest
			w.weight[i] = thinness * thinness
		}
	}
	return w, nil
}

// halves cuts a volume at a half.
func halves(x []float32) (inside, outside []uint8, some bool) {
	inside, outside = make([]uint8, len(x)), make([]uint8, len(x))
	for i, v := range x {
		if v > 0.5 {
			inside[i], some = 1, true
		} else {
			outside[i] = 1
		}
	}
	return inside, outside, some
}

// distances gives each voxel's distance to the nearest marked one, in voxels; 1
// everywhere if there is none, for want of a scale.
func distances(ctx context.Context, marked []uint8, shape [3]int) ([]float64, error) {
	d := make([]float64, len(marked))
	if err := edt.Squared(ctx, d, marked, shape, [3]float64{1, 1, 1}, 1); err != nil {
		return nil, err
	}
	for i, v := range d {
		if d[i] = math.Sqrt(v); math.IsInf(v, 1) {
			d[i] = 1
		}
	}
	return d, nil
}
