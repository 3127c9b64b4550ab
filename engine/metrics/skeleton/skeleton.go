// Package skeleton thins binary volumes to their centrelines. What is counted
// on a centreline belongs elsewhere.
package skeleton

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrInput says that an array does not have the shape it is said to have, or
// is too large for 32-bit voxel indices.
var ErrInput = errors.New("skeleton: unusable mask")

// Bits of a voxel in the padded volume.
const (
	foreground = 1
	listed     = 2 // has been put on the list of border voxels
)

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
	for _, n := range shape {
		if n <= 0 || n > math.MaxInt32 {
			return nil, fmt.Errorf("%w: shape %v", ErrInput, shape)
		}
	}
	if len(mask) != shape[0]*shape[1]*shape[2] {
		return nil, fmt.Errorf("%w: shape %v does not mean %d voxels", ErrInput, shape, len(mask))
	}
	if (shape[0]+2)*(shape[1]+2)*(shape[2]+2) > math.MaxInt32 {
		return nil, fmt.Errorf("%w: shape %v has more than 2³¹ voxels; thin it in parts", ErrInput, shape)
	}
	t := newThinner(mask, shape)
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return t.result(), nil
}

// thinner holds a padded copy of the volume, z fastest, so that ascending
// indices are scikit-image's order.
type thinner struct {
	shape   [3]int
	stride  [3]int // of the padded copy
	voxels  []uint8
	border  []int32 // ascending: foreground voxels with a background face neighbour
	exposed []int32 // become border voxels through removals
	spare   []int32 // the list before, to be overwritten
	tables  tables
}

func newThinner(mask []uint8, shape [3]int) *thinner {
	t := &thinner{
		shape:  shape,
		stride: [3]int{(shape[1] + 2) * (shape[2] + 2), shape[2] + 2, 1},
		tables: newTables(),
	}
	t.voxels = make([]uint8, (shape[0]+2)*t.stride[0])
	i := 0
	for z := range shape[2] {
		for y := range shape[1] {
			at := t.stride[0] + (y+1)*t.stride[1] + z + 1
			for range shape[0] {
				t.voxels[at] = mask[i] & foreground
				at += t.stride[0]
				i++
			}
		}
	}
	t.tables.offsets(t.stride)
	for i, v := range t.voxels {
		if v != 0 && t.onBorder(i) {
			t.voxels[i] |= listed
			t.border = append(t.border, int32(i))
		}
	}
	return t
}

func (t *thinner) onBorder(i int) bool {
	for _, s := range t.stride {
		if t.voxels[i-s]&t.voxels[i+s]&foreground == 0 {
			return true
		}
	}
	return false
}

// run removes voxels until a whole round over the sides removes none.
func (t *thinner) run(ctx context.Context) error {
	sides := []int{-t.stride[1], t.stride[1], t.stride[2], -t.stride[2], t.stride[0], -t.stride[0]}
	if t.shape[0] == 1 {
		sides = sides[:4]
	}
	var candidates []int32
	for unchanged := 0; unchanged < len(sides); {
		unchanged = 0
		for _, side := range sides {
			if err := ctx.Err(); err != nil {
				return err
			}
			candidates = t.collect(candidates[:0], side)
			if !t.remove(candidates) {
				unchanged++
			}
			t.expose()
		}
	}
	return nil
}

// collect lists the border voxels that are open on one side and removable.
func (t *thinner) collect(candidates []int32, side int) []int32 {
	for _, p := range t.border {
		if t.voxels[int(p)+side]&foreground == 0 && t.tables.removable(t.voxels, int(p)) {
			candidates = append(candidates, p)
		}
	}
	return candidates
}

// remove deletes, in order, the candidates whose removal still keeps their
// neighbourhood in one piece.
func (t *thinner) remove(candidates []int32) (removed bool) {
	for _, p := range candidates {
		i := int(p)
		if !t.tables.connected(t.tables.around(t.voxels, i)) {
			continue
		}
		removed = true
		t.voxels[i] = 0
		for _, s := range t.stride {
			for _, q := range [2]int{i - s, i + s} {
				if t.voxels[q] == foreground {
					t.voxels[q] |= listed
					t.exposed = append(t.exposed, int32(q))
				}
			}
		}
	}
	return removed
}

// expose merges newly exposed voxels into the border and drops removed ones.
func (t *thinner) expose() {
	slices.Sort(t.exposed)
	merged, rest := t.spare[:0], t.exposed
	for _, p := range t.border {
		for len(rest) > 0 && rest[0] < p {
			merged, rest = t.keep(merged, rest[0]), rest[1:]
		}
		merged = t.keep(merged, p)
	}
	for _, p := range rest {
		merged = t.keep(merged, p)
	}
	t.border, t.spare, t.exposed = merged, t.border, t.exposed[:0]
}

func (t *thinner) keep(list []int32, p int32) []int32 {
	if t.voxels[p] == 0 {
		return list
	}
	return append(list, p)
}

func (t *thinner) result() []uint8 {
	out := make([]uint8, t.shape[0]*t.shape[1]*t.shape[2])
	i := 0
	for z := range t.shape[2] {
		for y := range t.shape[1] {
			at := t.stride[0] + (y+1)*t.stride[1] + z + 1
			for range t.shape[0] {
				out[i] = t.voxels[at] & foreground
				at += t.stride[0]
				i++
			}
		}
	}
	return out
}
