package vessels

import (
	"context"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// Radii returns, for each of the listed voxels (ascending indices into the
// mask, which has shape (x, y, z), x fastest), the distance from its centre to
// the centre of the nearest background voxel, in spacing's unit: 0 for a
// background voxel, about half a voxel more than the way to the wall for
// others. The outside of the volume is not background, so a vessel that leaves
// it keeps its radius there; only if the mask has no background at all does the
// outside count. The values are those of scipy's
// distance_transform_edt(mask, sampling=spacing). Threads bounds the goroutines
// used (0 means GOMAXPROCS).
//
// The nearest background is searched outwards from each voxel, which for the
// few voxels of centrelines is far less work than a distance transform and
// needs no memory.
func Radii(ctx context.Context, mask []uint8, shape [3]int, spacing [3]float64, at []int32, threads int) ([]float64, error) {
	if err := checkSpacing(spacing); err != nil {
		return nil, err
	}
	if err := checkVoxels(len(mask), shape, at); err != nil {
		return nil, err
	}
	out := make([]float64, len(at))
	s := search{mask: mask, shape: shape, spacing: spacing}
	err := rows.Each(ctx, len(at), 64, threads, func(from, to int) error {
		for i := from; i < to; i++ {
			out[i] = math.Sqrt(s.squared(int(at[i])))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("vessels: radii: %w", err)
	}
	return out, nil
}

func checkVoxels(n int, shape [3]int, at []int32) error {
	if min(shape[0], shape[1], shape[2]) <= 0 || n != shape[0]*shape[1]*shape[2] {
		return fmt.Errorf("%w: a mask of shape %v does not have %d voxels", ErrVoxels, shape, n)
	}
	last := int32(-1)
	for _, i := range at {
		if i <= last || int(i) >= n {
			return fmt.Errorf("%w: %d after %d in a mask of %d voxels; list each voxel once, ascending", ErrVoxels, i, last, n)
		}
		last = i
	}
	return nil
}

// search finds the background nearest to a voxel.
type search struct {
	mask    []uint8
	shape   [3]int
	spacing [3]float64
}

// squared is the squared distance to the nearest background voxel.
func (s *search) squared(at int) float64 {
	if s.mask[at] == 0 {
		return 0
	}
	p := coordinates(at, s.shape)
	best := math.Inf(1)
	stride := 1
	for axis := range 3 { // along the axes first, for a bound
		best = min(best, s.along(axis, stride, at, p, best))
		stride *= s.shape[axis]
	}
	// Rows along x, by their distance in z and then in y.
	for dz := 0; dz < s.shape[2]; dz++ {
		z := float64(dz) * s.spacing[2]
		if z*z >= best {
			break
		}
		for _, side := range [2]int{p[2] - dz, p[2] + dz} {
			if side >= 0 && side < s.shape[2] {
				best = s.plane(p, side, z*z, best)
			}
		}
	}
	if math.IsInf(best, 1) {
		return s.outside(p)
	}
	return best
}

// plane looks through one (x, y) slice.
func (s *search) plane(p [3]int, z int, squaredZ, best float64) float64 {
	for dy := 0; dy < s.shape[1]; dy++ {
		y := float64(dy) * s.spacing[1]
		apart := y*y + squaredZ
		if apart >= best {
			break
		}
		for _, side := range [2]int{p[1] - dy, p[1] + dy} {
			if side >= 0 && side < s.shape[1] {
				at := p[0] + s.shape[0]*(side+s.shape[1]*z)
				best = min(best, apart+s.along(0, 1, at, p, best-apart))
			}
		}
	}
	return best
}

// along is the squared distance to the nearest background on the line through
// a voxel along one axis, if it is below the limit, and otherwise infinite or
// above it.
func (s *search) along(axis, stride, at int, p [3]int, limit float64) float64 {
	n, spacing := s.shape[axis], s.spacing[axis]
	most := max(p[axis], n-1-p[axis])
	if reach := math.Sqrt(limit) / spacing; reach < float64(most) {
		most = int(reach)
	}
	for d := 0; d <= most; d++ {
		if (d <= p[axis] && s.mask[at-d*stride] == 0) || (d < n-p[axis] && s.mask[at+d*stride] == 0) {
			far := float64(d) * spacing
			return far * far
		}
	}
	return math.Inf(1)
}

// outside is the squared distance to the nearest voxel beyond the volume.
func (s *search) outside(p [3]int) float64 {
	best := math.Inf(1)
	for axis, n := range s.shape {
		far := float64(min(p[axis]+1, n-p[axis])) * s.spacing[axis]
		best = min(best, far*far)
	}
	return best
}

// coordinates are a voxel's place along x, y and z.
func coordinates(at int, shape [3]int) [3]int {
	return [3]int{at % shape[0], at / shape[0] % shape[1], at / shape[0] / shape[1]}
}
