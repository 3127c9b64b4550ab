// Package surfel measures distances between surfaces made of surface elements,
// the way Google's surface-distance package does: elements sit on the corners
// between voxels and count by their area, so that results depend little on the
// voxel grid. Distances between border voxels belong to the package above.
package surfel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// ErrInput says that a mask has another shape than stated or no background
// around it.
var ErrInput = errors.New("surfel: unusable mask")

// element is one surface element: how far the nearest element of the other
// surface is, and its own area.
type element struct {
	distance, area float64
}

// Distances holds the surface elements of two masks, sorted by distance, then
// by area.
type Distances struct {
	ref, pred         []element
	refArea, predArea float64
}

// Measure lists the surface elements of both masks. Masks are 0 or 1, of shape
// (x, y, z), x fastest, each with at least one foreground voxel and a layer of
// background on all six sides. Spacing is the voxel's size along x, y and z.
//
// A corner between eight voxels carries an element if some but not all of the
// eight are foreground. Its area is that of the marching-cubes triangles of the
// configuration in a cell of the given spacing; its distance is that to the
// nearest corner of the other surface that carries one.
func Measure(ctx context.Context, ref, pred []uint8, shape [3]int, spacing [3]float64, threads int) (*Distances, error) {
	voxels := shape[0] * shape[1] * shape[2]
	if len(ref) != voxels || len(pred) != voxels || min(shape[0], shape[1], shape[2]) < 2 {
		return nil, fmt.Errorf("%w: shape %v does not describe %d and %d voxels", ErrInput, shape, len(ref), len(pred))
	}
	corners := [3]int{shape[0] - 1, shape[1] - 1, shape[2] - 1}
	refCodes, err := codes(ctx, ref, shape, threads)
	if err != nil {
		return nil, err
	}
	predCodes, err := codes(ctx, pred, shape, threads)
	if err != nil {
		return nil, err
	}
	areas := areaTable(spacing)
	field := make([]float64, len(refCodes))
	var d Distances
	if d.ref, d.refArea, err = elements(ctx, refCodes, predCodes, field, corners, spacing, areas, threads); err != nil {
		return nil, err
	}
	if d.pred, d.predArea, err = elements(ctx, predCodes, refCodes, field, corners, spacing, areas, threads); err != nil {
		return nil, err
	}
	return &d, nil
}

// Percentile is the robust Hausdorff distance: the greater of the two
// distances below which the share q (in percent) of each surface's area lies,
// without interpolation.
func (d *Distances) Percentile(q float64) float64 {
	return max(percentile(d.ref, d.refArea, q), percentile(d.pred, d.predArea, q))
}

// Within is the surface Dice at a tolerance: the share of both surfaces' area
// that lies at most reach from the other surface.
func (d *Distances) Within(reach float64) float64 {
	return (areaWithin(d.ref, reach) + areaWithin(d.pred, reach)) / (d.refArea + d.predArea)
}

func percentile(elements []element, total, q float64) float64 {
	var sum float64
	for _, e := range elements {
		sum += e.area
		if sum/total >= q/100 {
			return e.distance
		}
	}
	return elements[len(elements)-1].distance
}

func areaWithin(elements []element, reach float64) float64 {
	var sum float64
	for _, e := range elements {
		if e.distance > reach {
			break
		}
		sum += e.area
	}
	return sum
}

// codes gives each inner corner the configuration of the eight voxels around
// it, one bit a voxel: the voxel before along x is 16, along y 4, along z 2,
// times 1 for the one that is not before.
func codes(ctx context.Context, mask []uint8, shape [3]int, threads int) ([]uint8, error) {
	nx, slice := shape[0], shape[0]*shape[1]
	out := make([]uint8, (shape[0]-1)*(shape[1]-1)*(shape[2]-1))
	err := rows.Each(ctx, shape[2]-1, 1, threads, func(from, to int) error {
		i := from * (shape[0] - 1) * (shape[1] - 1)
		for z := from; z < to; z++ {
			for y := range shape[1] - 1 {
				at := z*slice + y*nx
				for x := range nx - 1 {
					near, far := mask[at+x:at+x+nx+2], mask[at+x+slice:at+x+slice+nx+2]
					out[i] = near[0]<<7 | far[0]<<6 | near[nx]<<5 | far[nx]<<4 | near[1]<<3 | far[1]<<2 | near[nx+1]<<1 | far[nx+1]
					i++
				}
			}
		}
		return nil
	})
	return out, err
}

// elements lists the elements of the surface from with their distances to the
// surface to, and their total area. Field is scratch space.
func elements(ctx context.Context, from, to []uint8, field []float64, shape [3]int, spacing [3]float64, areas [256]float64, threads int) ([]element, float64, error) {
	marked := make([]uint8, len(to))
	n := 0
	for i, code := range to {
		if code != 0 && code != 255 {
			marked[i] = 1
		}
		if c := from[i]; c != 0 && c != 255 {
			n++
		}
	}
	if n == 0 {
		return nil, 0, fmt.Errorf("%w: it has no surface; it must hold foreground and be surrounded by background", ErrInput)
	}
	if err := edt.Squared(ctx, field, marked, shape, spacing, threads); err != nil {
		return nil, 0, err
	}
	list := make([]element, 0, n)
	for i, code := range from {
		if code != 0 && code != 255 {
			list = append(list, element{math.Sqrt(field[i]), areas[code]})
		}
	}
	slices.SortFunc(list, func(a, b element) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.area, b.area))
	})
	var total float64
	for _, e := range list {
		total += e.area
	}
	return list, total, nil
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
