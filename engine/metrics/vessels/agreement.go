package vessels

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/metrics/skeleton"
)

// Centrelines are the centreline voxels of a reference and a prediction, as
// ascending indices into the masks.
type Centrelines struct {
	Reference  []int32
	Prediction []int32
}

// Trace thins both masks (0 or 1, shape (x, y, z), x fastest), at the same time
// if threads (0 means GOMAXPROCS) allows it.
func Trace(ctx context.Context, ref, pred []uint8, shape [3]int, threads int) (Centrelines, error) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var c Centrelines
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(threads)
	group.Go(func() (err error) {
		if c.Reference, err = skeleton.Voxels(ctx, ref, shape); err != nil {
			return fmt.Errorf("vessels: the reference: %w", err)
		}
		return nil
	})
	group.Go(func() (err error) {
		if c.Prediction, err = skeleton.Voxels(ctx, pred, shape); err != nil {
			return fmt.Errorf("vessels: the prediction: %w", err)
		}
		return nil
	})
	return c, group.Wait()
}

// Overlap counts centreline voxels, and those that lie inside the other mask.
type Overlap struct {
	Reference, ReferenceInPrediction  int
	Prediction, PredictionInReference int
}

// Overlap counts how much of each centreline lies inside the other mask.
func (c Centrelines) Overlap(ref, pred []uint8) Overlap {
	return Overlap{
		Reference: len(c.Reference), ReferenceInPrediction: inside(c.Reference, pred),
		Prediction: len(c.Prediction), PredictionInReference: inside(c.Prediction, ref),
	}
}

func inside(voxels []int32, mask []uint8) int {
	n := 0
	for _, i := range voxels {
		n += int(mask[i] & 1)
	}
	return n
}

// Recall is the share of the reference's centreline that the prediction covers
// (clDice's topology sensitivity); NaN if there is no centreline.
func (o Overlap) Recall() float64 {
	return float64(o.ReferenceInPrediction) / float64(o.Reference)
}

// Precision is the share of the prediction's centreline that lies inside the
// reference (clDice's topology precision); NaN if there is no centreline.
func (o Overlap) Precision() float64 {
	return float64(o.PredictionInReference) / float64(o.Prediction)
}

// ClDice is the harmonic mean of the two (Shit et al., CVPR 2021); NaN where
// one of them is or both are 0, as in MetricsReloaded.
func (o Overlap) ClDice() float64 {
	p, r := o.Precision(), o.Recall()
	return 2 * p * r / (p + r)
}

// RadiusAgreement compares the radii of two masks along the reference's
// centreline, in the spacing's unit.
type RadiusAgreement struct {
	Voxels int // of the reference's centreline
	Found  int // of these, inside the prediction

	// Error is the mean, over all voxels, of |radius in the reference − radius
	// in the prediction|. Where the prediction misses the vessel its radius is
	// 0, so that a missed vessel counts with the whole of its radius.
	Error float64
	// FoundError is the same over the voxels that are found, and FoundBias the
	// mean of prediction − reference there: above 0 where vessels come out too
	// thick. Both are NaN if none is found.
	FoundError, FoundBias float64
}

// CompareRadii measures the radii of both masks (see Radii) at the voxels of
// the reference's centreline. All values are NaN if it has none.
func CompareRadii(ctx context.Context, ref, pred []uint8, shape [3]int, spacing [3]float64, centreline []int32, threads int) (RadiusAgreement, error) {
	a, err := Radii(ctx, ref, shape, spacing, centreline, threads)
	if err != nil {
		return RadiusAgreement{}, err
	}
	b, err := Radii(ctx, pred, shape, spacing, centreline, threads)
	if err != nil {
		return RadiusAgreement{}, err
	}
	r := RadiusAgreement{Voxels: len(centreline)}
	for i := range a {
		apart := math.Abs(a[i] - b[i])
		r.Error += apart
		if b[i] > 0 {
			r.Found++
			r.FoundError += apart
			r.FoundBias += b[i] - a[i]
		}
	}
	r.Error /= float64(r.Voxels)
	r.FoundError /= float64(r.Found)
	r.FoundBias /= float64(r.Found)
	return r, nil
}

// Length is that of a centreline, given as ascending indices into a volume of
// shape (x, y, z), x fastest, in the spacing's unit: the way between voxels'
// centres along all segments, see Component.
func Length(voxels []int32, shape [3]int, spacing [3]float64) (float64, error) {
	if err := checkSpacing(spacing); err != nil {
		return 0, err
	}
	if err := checkVoxels(shape[0]*shape[1]*shape[2], shape, voxels); err != nil {
		return 0, err
	}
	g := newGraph(voxels, shape, spacing)
	sum := 0.0
	for _, c := range g.clusters {
		if len(c.exits) != 2 {
			sum += g.tree(c)
		}
	}
	for _, line := range g.lines() {
		for i := 1; i < len(line); i++ {
			sum += g.distance(line[i-1], line[i])
		}
	}
	return sum, nil
}
