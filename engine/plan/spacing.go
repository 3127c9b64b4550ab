package plan

import (
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/dataset"
)

// anisotropic is how many times longer than the others an axis's voxels must be
// for the axis to be treated by itself.
const anisotropic = 3

// extent is what a fingerprint says of sizes.
type extent struct {
	spacing  [3]float64   // target
	shapes   [][3]float64 // at that spacing
	median   [3]float64
	finer    int // the axis whose target is finer than its median, or -1
	original [3]float64
}

// extentOf chooses the target spacing as nnU-Net does: the median along each
// axis; but along an axis of much longer voxels and far fewer of them the 10th
// percentile, so that volumes with more slices keep them.
func extentOf(f dataset.Fingerprint) (extent, error) {
	if err := checkFingerprint(f); err != nil {
		return extent{}, err
	}
	e := extent{finer: -1}
	var size [3]float64
	for i := range 3 {
		e.spacing[i] = percentile(axisOf(f.Spacings, i), 50)
		size[i] = percentile(axisOf(f.Shapes, i), 50)
	}
	e.original = e.spacing
	// Ties go to the axis that nnU-Net sees first: it counts z, y, x.
	worst := 2
	for i := 1; i >= 0; i-- {
		if e.spacing[i] > e.spacing[worst] {
			worst = i
		}
	}
	a, b := (worst+1)%3, (worst+2)%3
	longest := max(e.spacing[a], e.spacing[b])
	if e.spacing[worst] > anisotropic*longest && size[worst]*anisotropic < min(size[a], size[b]) {
		target := percentile(axisOf(f.Spacings, worst), 10)
		if target < longest {
			target = longest + 1e-5
		}
		e.spacing[worst], e.finer = target, worst
	}
	e.shapes = make([][3]float64, len(f.Shapes))
	for v, shape := range f.Shapes {
		for i := range 3 {
			e.shapes[v][i] = math.RoundToEven(float64(f.Spacings[v][i]/e.spacing[i]) * float64(shape[i]))
		}
	}
	for i := range 3 {
		e.median[i] = percentile(axisOf(e.shapes, i), 50)
	}
	return e, nil
}

// asTheyAre is the extent of volumes that are not resampled: the median spacing
// and the median of the shapes.
func asTheyAre(f dataset.Fingerprint) (extent, error) {
	if err := checkFingerprint(f); err != nil {
		return extent{}, err
	}
	e := extent{finer: -1, shapes: make([][3]float64, len(f.Shapes))}
	for v, shape := range f.Shapes {
		e.shapes[v] = float3(shape)
	}
	for i := range 3 {
		e.spacing[i] = percentile(axisOf(f.Spacings, i), 50)
		e.median[i] = percentile(axisOf(f.Shapes, i), 50)
	}
	e.original = e.spacing
	return e, nil
}

// voxels is the size of the whole dataset at the target spacing, as nnU-Net
// approximates it: median volume times volumes.
func (e extent) voxels() float64 {
	return e.median[0] * e.median[1] * e.median[2] * float64(len(e.shapes))
}

func checkFingerprint(f dataset.Fingerprint) error {
	if len(f.Shapes) == 0 {
		return fmt.Errorf("%w: the fingerprint has no volumes", ErrRequest)
	}
	if len(f.Spacings) != len(f.Shapes) {
		return fmt.Errorf("%w: the fingerprint has %d spacings for %d shapes", ErrRequest, len(f.Spacings), len(f.Shapes))
	}
	for v := range f.Shapes {
		for i := range 3 {
			if s := f.Spacings[v][i]; s <= 0 || math.IsInf(s, 0) || math.IsNaN(s) || f.Shapes[v][i] < 1 {
				return fmt.Errorf("%w: volume %d of the fingerprint has shape %v and spacing %v; both must be positive",
					ErrRequest, v, f.Shapes[v], f.Spacings[v])
			}
		}
	}
	return nil
}

func axisOf[T int | float64](rows [][3]T, axis int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = float64(r[axis])
	}
	return out
}

// percentile interpolates linearly between the sorted values, as numpy does.
func percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := p / 100 * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	lo, hi, t := sorted[i], sorted[i+1], at-float64(i)
	d := hi - lo
	if t >= 0.5 {
		return hi - float64(d*(1-t))
	}
	return lo + float64(d*t)
}
