package ring

import (
	"cmp"
	"math"
	"slices"
)

// rings are the rows around a row in rising distance.
type rings struct {
	rows []neighbour
	// limit is the squared distance below which a target, wherever it is, lies
	// in one of the rows; +Inf if these are all rows of the volume.
	limit float64
}

// neighbour is a row beside another.
type neighbour struct {
	squared float64 // distance between the two, squared
	dy, dz  int32
}

// newRings makes rings of about so many rows, or of all that the volume has.
func newRings(shape [3]int, spacing [3]float64, atLeast int) *rings {
	ny, nz := shape[1], shape[2]
	radius := math.Inf(1)
	if (2*ny-1)*(2*nz-1) > atLeast {
		radius = min(spacing[1], spacing[2])
		for countWithin(ny, nz, spacing, radius) < atLeast {
			radius *= 1.125
		}
	}
	r := &rings{limit: radius * radius}
	for dz := -reach(radius, spacing[2], nz); dz <= reach(radius, spacing[2], nz); dz++ {
		b := float64(dz) * spacing[2]
		width := reach(math.Sqrt(max(r.limit-b*b, 0)), spacing[1], ny)
		for dy := -width; dy <= width; dy++ {
			a := float64(dy) * spacing[1]
			r.rows = append(r.rows, neighbour{a*a + b*b, int32(dy), int32(dz)})
		}
	}
	slices.SortFunc(r.rows, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(a.squared, b.squared), cmp.Compare(a.dz, b.dz), cmp.Compare(a.dy, b.dy))
	})
	return r
}

func countWithin(ny, nz int, spacing [3]float64, radius float64) int {
	n := 0
	for dz := range reach(radius, spacing[2], nz) + 1 {
		b := float64(dz) * spacing[2]
		line := 2*reach(math.Sqrt(max(radius*radius-b*b, 0)), spacing[1], ny) + 1
		if dz > 0 {
			line *= 2
		}
		n += line
	}
	return n
}

// reach is how many steps fit into a radius, rounded up, within a side.
func reach(radius, step float64, side int) int {
	return int(min(math.Ceil(radius/step), float64(side-1)))
}
