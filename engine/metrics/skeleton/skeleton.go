// Package skeleton thins binary volumes to their centrelines. What is counted
// on a centreline belongs elsewhere.
package skeleton

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrInput says that an array does not have the shape it is said to have, or
// is too large for 32-bit voxel indices.
var ErrInput = errors.New("skeleton: unusable mask")

// Thin reduces a mask (0 or 1, shape (x, y, z), x fastest) to its centrelines,
// one voxel wide, as a new mask of the same shape.
//
// The method is the parallel medial axis thinning of Lee, Kashyap and Chu
// (CVGIP 1994): from each of six sides in turn, border voxels whose removal
// changes neither the Euler characteristic nor the number of components of
// their 26-neighbourhood, and which are not ends of lines, are collected and
// then removed one after the other, if what is left around them is still in
// one piece. As neither ends of lines nor the Euler characteristic are looked
// at again, some pieces of a few voxels vanish altogether. The order of sides and
// voxels is that of scikit-image 0.26, so results agree with its
// skeletonize(method="lee") voxel by voxel; a volume that is one voxel wide
// along x is thinned from four sides only, as there.
func Thin(ctx context.Context, mask []uint8, shape [3]int) ([]uint8, error) {
	voxels, err := Voxels(ctx, mask, shape)
	if err != nil {
		return nil, err
	}
	out := make([]uint8, len(mask))
	for _, i := range voxels {
		out[i] = 1
	}
	return out, nil
}

// Voxels is Thin with the centrelines' voxels listed, as ascending indices into
// the mask. Apart from the list it takes about a quarter of a byte for each
// voxel of the smallest box around the foreground.
func Voxels(ctx context.Context, mask []uint8, shape [3]int) ([]int32, error) {
	if err := check(mask, shape); err != nil {
		return nil, err
	}
	first, size := box(mask, shape)
	if size[0] == 0 {
		return nil, ctx.Err()
	}
	t := newThinner(mask, shape, first, size)
	if err := t.run(ctx, shape[0] == 1); err != nil {
		return nil, err
	}
	return t.list(t.object, shape, first), nil
}

func check(mask []uint8, shape [3]int) error {
	voxels := 1
	for _, n := range shape {
		if n <= 0 {
			return fmt.Errorf("%w: shape %v; every axis needs at least one voxel", ErrInput, shape)
		}
		if voxels > math.MaxInt32/n {
			return fmt.Errorf("%w: shape %v has more than 2³¹−1 voxels; thin it in parts", ErrInput, shape)
		}
		voxels *= n
	}
	if len(mask) != voxels {
		return fmt.Errorf("%w: shape %v means %d voxels, not %d", ErrInput, shape, voxels, len(mask))
	}
	return nil
}
