package skeleton

import (
	"encoding/binary"
	"math/bits"
)

// lowest is the lowest bit of each of eight voxels.
const lowest = 0x0101010101010101

// box is the smallest box that holds the foreground, as first voxel and size;
// the size is 0 when there is none.
func box(mask []uint8, shape [3]int) (first, size [3]int) {
	nx := shape[0]
	columns := make([]uint8, nx) // what lies anywhere along y and z
	lo, hi := [3]int{nx, shape[1], shape[2]}, [3]int{-1, -1, -1}
	for z := range shape[2] {
		for y := range shape[1] {
			if gather(columns, mask[(y+z*shape[1])*nx:]) {
				lo[1], hi[1] = min(lo[1], y), max(hi[1], y)
				lo[2], hi[2] = min(lo[2], z), z
			}
		}
	}
	for x, v := range columns {
		if v != 0 {
			lo[0], hi[0] = min(lo[0], x), x
		}
	}
	if hi[0] < 0 {
		return [3]int{}, [3]int{}
	}
	return lo, [3]int{hi[0] - lo[0] + 1, hi[1] - lo[1] + 1, hi[2] - lo[2] + 1}
}

// gather adds a row's foreground to columns and tells whether it has any.
func gather(columns, row []uint8) bool {
	row = row[:len(columns)]
	var seen uint64
	i := 0
	for ; i+8 <= len(row); i += 8 {
		if v := binary.LittleEndian.Uint64(row[i:]) & lowest; v != 0 {
			seen |= v
			binary.LittleEndian.PutUint64(columns[i:], v|binary.LittleEndian.Uint64(columns[i:]))
		}
	}
	for ; i < len(row); i++ {
		seen |= uint64(row[i] & 1)
		columns[i] |= row[i] & 1
	}
	return seen != 0
}

// volume lays a box of voxels out as bits, z fastest and x slowest, so that
// ascending positions are scikit-image's order. A byte of background lies
// before each row along z and a row of it before each plane, which serve what
// lies before them as well; so every voxel has 26 neighbours.
type volume struct {
	size  [3]int
	row   int // bytes between neighbours along y
	plane int // bytes between neighbours along x
	bytes int
}

func newVolume(size [3]int) volume {
	row := 1 + (size[2]+7)/8
	plane := (size[1] + 1) * row
	// One plane and one row surround the box; eight bytes more let the last
	// word be read whole.
	return volume{size: size, row: row, plane: plane, bytes: (size[0]+2)*plane + 2*row + 8}
}

// at is the byte at which the row (x, y) begins.
func (v *volume) at(x, y int) int {
	return (x+1)*v.plane + (y+1)*v.row + 1
}

// pack turns a box of a mask into bits, eight by eight voxels of x and z at
// once.
func (v *volume) pack(mask []uint8, shape, first [3]int) []uint8 {
	out := make([]uint8, v.bytes)
	slice := shape[0] * shape[1]
	for z := 0; z < v.size[2]; z += 8 {
		deep := min(8, v.size[2]-z)
		for y := range v.size[1] {
			from := first[0] + shape[0]*(first[1]+y) + slice*(first[2]+z)
			for x := 0; x < v.size[0]; x += 8 {
				wide := min(8, v.size[0]-x)
				block := eightByEight(mask[from+x:], wide, deep, slice)
				if block == 0 {
					continue
				}
				to := v.at(x, y) + z/8
				for ; block != 0; block >>= 8 {
					out[to] = uint8(block)
					to += v.plane
				}
			}
		}
	}
	return out
}

// eightByEight is a block of voxels as bits: byte x, bit z.
func eightByEight(voxels []uint8, wide, deep, slice int) uint64 {
	var block uint64
	if wide == 8 {
		for z := range deep {
			block |= (binary.LittleEndian.Uint64(voxels[z*slice:]) & lowest) << z
		}
		return block
	}
	for z := range deep {
		for x := range wide {
			block |= uint64(voxels[z*slice+x]&1) << (8*x + z)
		}
	}
	return block
}

// list returns the voxels that are set as ascending indices into a mask of the
// given shape, in which the box begins at first.
func (v *volume) list(set []uint8, shape, first [3]int) []int32 {
	next := make([]int, v.size[2]) // where in the list each slice goes on
	v.each(set, func(_, _, z int) { next[z]++ })
	n := 0
	for z, count := range next {
		next[z] = n
		n += count
	}
	out := make([]int32, n)
	v.each(set, func(x, y, z int) {
		out[next[z]] = int32(first[0] + x + shape[0]*(first[1]+y+shape[1]*(first[2]+z)))
		next[z]++
	})
	return out
}

// each calls visit for the voxels that are set, those of a slice in the mask's
// order.
func (v *volume) each(set []uint8, visit func(x, y, z int)) {
	for y := range v.size[1] {
		for x := range v.size[0] {
			at := v.at(x, y)
			for k, b := range set[at : at+v.row-1] {
				for ; b != 0; b &= b - 1 {
					visit(x, y, 8*k+bits.TrailingZeros8(b))
				}
			}
		}
	}
}
