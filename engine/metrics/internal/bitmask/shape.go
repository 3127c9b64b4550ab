package bitmask

import (
	"context"
	"math/bits"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// Bounds is the smallest box that holds the set voxels of all the volumes,
// which have one shape, as first voxel and size; size is 0 when none is set.
func Bounds(volumes ...*Volume) (first, size [3]int) {
	shape := volumes[0].Shape
	lo, hi := shape, [3]int{-1, -1, -1}
	across := make([]uint64, volumes[0].stride-1) // all rows on top of each other
	for row := range volumes[0].Rows() {
		var joined uint64
		for _, v := range volumes {
			for i, w := range v.Row(row) {
				joined |= w
				across[i] |= w
			}
		}
		if joined != 0 {
			y, z := row%shape[1], row/shape[1]
			lo[1], lo[2] = min(lo[1], y), min(lo[2], z)
			hi[1], hi[2] = max(hi[1], y), max(hi[2], z)
		}
	}
	if hi[1] < 0 {
		return [3]int{}, [3]int{}
	}
	for i, w := range across {
		if w != 0 {
			lo[0] = min(lo[0], i*64+bits.TrailingZeros64(w))
			hi[0] = i*64 + 63 - bits.LeadingZeros64(w)
		}
	}
	return lo, [3]int{hi[0] - lo[0] + 1, hi[1] - lo[1] + 1, hi[2] - lo[2] + 1}
}

// Crop copies a box out of the volume.
func (v *Volume) Crop(first, size [3]int) *Volume {
	if size == v.Shape {
		return v
	}
	out := New(size)
	last := ^uint64(0)
	if r := size[0] % 64; r != 0 {
		last = 1<<r - 1
	}
	for row := range out.Rows() {
		at := 1 + (first[1]+row%size[1]+v.Shape[1]*(first[2]+row/size[1]))*v.stride + first[0]>>6
		shift := first[0] & 63
		words := out.Row(row)
		for i := range words {
			words[i] = v.words[at+i]>>shift | v.words[at+i+1]<<(64-shift)
		}
		words[len(words)-1] &= last
	}
	return out
}

// Border is the set voxels that have an unset one among their six face
// neighbours (the mask minus its 6-connected erosion). What lies outside the
// volume is unset.
func (v *Volume) Border(ctx context.Context, threads int) (*Volume, error) {
	out := New(v.Shape)
	ny, nz := v.Shape[1], v.Shape[2]
	none := make([]uint64, v.stride-1)
	err := rows.Each(ctx, nz, 1, threads, func(from, to int) error {
		for z := from; z < to; z++ {
			for y := range ny {
				row := y + ny*z
				near, far, below, above := none, none, none, none
				if y > 0 {
					near = v.Row(row - 1)
				}
				if y+1 < ny {
					far = v.Row(row + 1)
				}
				if z > 0 {
					below = v.Row(row - ny)
				}
				if z+1 < nz {
					above = v.Row(row + ny)
				}
				v.borderRow(out.Row(row), 1+row*v.stride, near, far, below, above)
			}
		}
		return nil
	})
	return out, err
}

func (v *Volume) borderRow(out []uint64, at int, near, far, below, above []uint64) {
	for i := range out {
		m := v.words[at+i]
		if m == 0 {
			continue
		}
		left := m<<1 | v.words[at+i-1]>>63
		right := m>>1 | v.words[at+i+1]<<63
		out[i] = m &^ (left & right & near[i] & far[i] & below[i] & above[i])
	}
}

// Corners marks the corners between voxels around which some but not all of
// the eight voxels are set. Corner (x, y, z) lies before voxel (x, y, z) along
// every axis, so there is one more along each. What lies outside the volume is
// unset.
func (v *Volume) Corners(ctx context.Context, threads int) (*Volume, error) {
	ny, nz := v.Shape[1], v.Shape[2]
	out := New([3]int{v.Shape[0] + 1, ny + 1, nz + 1})
	none := make([]uint64, v.stride-1)
	at := func(y, z int) []uint64 {
		if y < 0 || y == ny || z < 0 || z == nz {
			return none
		}
		return v.Row(y + ny*z)
	}
	err := rows.Each(ctx, nz+1, 1, threads, func(from, to int) error {
		for z := from; z < to; z++ {
			for y := range ny + 1 {
				cornerRow(out.Row(y+(ny+1)*z), at(y-1, z-1), at(y, z-1), at(y-1, z), at(y, z))
			}
		}
		return nil
	})
	return out, err
}

func cornerRow(out, a, b, c, d []uint64) {
	var someBefore, allBefore uint64 // of the voxel before the word
	for i := range out {
		var some, all uint64
		if i < len(a) {
			some, all = a[i]|b[i]|c[i]|d[i], a[i]&b[i]&c[i]&d[i]
		}
		out[i] = (some | some<<1 | someBefore) &^ (all & (all<<1 | allBefore))
		someBefore, allBefore = some>>63, all>>63
	}
}
