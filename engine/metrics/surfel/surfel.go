// Package surfel measures distances between surfaces made of surface elements,
// the way Google's surface-distance package does: elements sit on the corners
// between voxels and count by their area, so that results depend little on the
// voxel grid. Distances between border voxels belong to the package above.
package surfel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/ring"
)

// ErrInput says that masks have different shapes, or that one is empty.
var ErrInput = errors.New("surfel: unusable mask")

// elements counts the surface elements of one mask by how far the nearest
// element of the other surface is, ascending, then by area.
type elements struct {
	counts []ring.Count // their kinds index areas
	areas  []float64
	total  float64 // area
}

// Distances holds the surface elements of two masks.
type Distances struct {
	ref, pred elements
}

// Measure finds the surface elements of two masks of one shape, both with
// foreground; what lies outside of them is background. Spacing is the voxel's
// size along x, y and z.
//
// A corner between eight voxels carries an element if some but not all of the
// eight are foreground. Its area is that of the marching-cubes triangles of the
// configuration in a cell of the given spacing; its distance is that to the
// nearest corner of the other surface that carries one. Scratch, which may be nil,
// keeps memory for the next search.
func Measure(ctx context.Context, ref, pred *bitmask.Volume, spacing [3]float64, threads int, scratch *edt.Scratch) (*Distances, error) {
	if ref.Shape != pred.Shape || ref.Count() == 0 || pred.Count() == 0 {
		return nil, fmt.Errorf("%w: shapes %v and %v, %d and %d voxels", ErrInput, ref.Shape, pred.Shape, ref.Count(), pred.Count())
	}
	refCorners, err := ref.Corners(ctx, threads)
	if err != nil {
		return nil, err
	}
	predCorners, err := pred.Corners(ctx, threads)
	if err != nil {
		return nil, err
	}
	var d Distances
	if d.ref, err = measure(ctx, ref, refCorners, predCorners, spacing, threads, scratch); err != nil {
		return nil, err
	}
	if d.pred, err = measure(ctx, pred, predCorners, refCorners, spacing, threads, scratch); err != nil {
		return nil, err
	}
	return &d, nil
}

// Percentile is the robust Hausdorff distance: the greater of the two
// distances below which the share q (in percent) of each surface's area lies,
// without interpolation.
func (d *Distances) Percentile(q float64) float64 {
	return max(d.ref.percentile(q), d.pred.percentile(q))
}

// Within is the surface Dice at a tolerance: the share of both surfaces' area
// that lies at most reach from the other surface.
func (d *Distances) Within(reach float64) float64 {
	return (d.ref.within(reach) + d.pred.within(reach)) / (d.ref.total + d.pred.total)
}

func (e *elements) percentile(q float64) float64 {
	var sum float64
	for _, c := range e.counts {
		sum += float64(c.N) * e.areas[c.Kind]
		if sum/e.total >= q/100 {
			return math.Sqrt(c.Squared)
		}
	}
	return math.Sqrt(e.counts[len(e.counts)-1].Squared)
}

func (e *elements) within(reach float64) float64 {
	var sum float64
	for _, c := range e.counts {
		if math.Sqrt(c.Squared) > reach {
			break
		}
		sum += float64(c.N) * e.areas[c.Kind]
	}
	return sum
}

// measure counts the elements of the surface from, which is that of mask, with
// their distances to the surface to.
func measure(ctx context.Context, mask, from, to *bitmask.Volume, spacing [3]float64, threads int, scratch *edt.Scratch) (elements, error) {
	kinds, areas := kindsOf(areaTable(spacing))
	var mu sync.Mutex
	var tallies []*ring.Tally
	err := ring.Search(ctx, from, to, spacing, threads, scratch, func() edt.Sink {
		mu.Lock()
		defer mu.Unlock()
		t := ring.NewTally()
		t.Kinds = func(x, row int) uint8 { return kinds[code(mask, x, row)] }
		tallies = append(tallies, t)
		return t
	})
	if err != nil {
		return elements{}, err
	}
	e := elements{counts: ring.Counts(spacing, tallies...), areas: areas}
	for _, c := range e.counts {
		e.total += float64(c.N) * areas[c.Kind]
	}
	return e, nil
}

// code is the configuration of the eight voxels around a corner, one bit a
// voxel: the voxel before along x is 16, along y 4, along z 2, times 1 for the
// one that is not before.
func code(mask *bitmask.Volume, x, row int) uint8 {
	nx, ny, nz := mask.Shape[0], mask.Shape[1], mask.Shape[2]
	y, z := row%(ny+1), row/(ny+1)
	var c uint8
	for k := range 8 {
		a, b, d := x-1+k>>2, y-1+k>>1&1, z-1+k&1
		if uint(a) < uint(nx) && uint(b) < uint(ny) && uint(d) < uint(nz) && mask.Has(a, b+ny*d) {
			c |= 128 >> k
		}
	}
	return c
}

// kindsOf numbers the different areas in rising order.
func kindsOf(table [256]float64) (kinds [256]uint8, areas []float64) {
	areas = slices.Compact(slices.Sorted(slices.Values(table[:])))
	for code, area := range table {
		kind, _ := slices.BinarySearch(areas, area)
		kinds[code] = uint8(kind)
	}
	return kinds, areas
}

// areaTable gives the area of each configuration in a cell of the spacing: a
// triangle's area vector scales by the two sides it is perpendicular to.
func areaTable(spacing [3]float64) [256]float64 {
	var areas [256]float64
	for code, digits := range triangles() {
		for t := 0; t < len(digits); t += 3 {
			a := float64(digits[t]-'0') / 8 * spacing[1] * spacing[2]
			b := float64(digits[t+1]-'0') / 8 * spacing[0] * spacing[2]
			c := float64(digits[t+2]-'0') / 8 * spacing[0] * spacing[1]
			areas[code] += math.Sqrt(a*a + b*b + c*c)
		}
		areas[255-code] = areas[code]
	}
	return areas
}
