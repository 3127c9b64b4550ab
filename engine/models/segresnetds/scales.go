package segresnetds

import (
	"math"

	"github.com/minivess/minivess/engine/models/internal/blocks"
)

// scales returns by what each level divides the three axes: by 2 for cubic
// voxels. With a resolution (the voxels' size along x, y and z) an axis that the
// coarsest exceeds k-fold is divided at its first ⌊log2 k⌋ levels and then waits
// (1), until the voxels are as good as cubes; from there on all are divided.
func scales(resolution []float64, levels int) [][3]int {
	out := make([][3]int, levels)
	for i := range out {
		out[i] = blocks.Cube(2)
	}
	if len(resolution) == 0 {
		return out
	}
	coarsest := max(resolution[0], resolution[1], resolution[2])
	behind := func(axis int) int { return int(math.Floor(math.Log2(coarsest / resolution[axis]))) }
	most := max(behind(0), behind(1), behind(2))
	for i := range min(most, levels) {
		for axis := range out[i] {
			if i >= behind(axis) {
				out[i][axis] = 1
			}
		}
	}
	return out
}

// kernel is 3 along the axes that the level halves and 1 along the others.
func kernel(scale [3]int) (k [3]int) {
	for i, s := range scale {
		k[i] = 1
		if s > 1 {
			k[i] = 3
		}
	}
	return k
}
