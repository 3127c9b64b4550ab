// Package bitmask holds binary volumes at one bit a voxel, and what can be done
// to 64 voxels at once: counting, cropping, finding borders. What distances or
// scores follow from that belongs elsewhere.
package bitmask

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// Volume is a binary volume of shape (x, y, z). Each row along x is packed into
// words, lowest bit first. Before the first row and after every row lies a word
// of zeros, and the bits of a row's last word beyond the volume are zero too,
// so that a window of 64 voxels around any voxel can be read without asking
// where a row ends.
type Volume struct {
	Shape  [3]int
	stride int // words from one row to the next
	words  []uint64
}

// New makes an empty volume; each side is 1 or more.
func New(shape [3]int) *Volume {
	v := &Volume{Shape: shape, stride: (shape[0]+63)/64 + 1}
	v.words = make([]uint64, 1+v.stride*shape[1]*shape[2])
	return v
}

// Bytes is the memory that a volume of the shape takes.
func Bytes(shape [3]int) int64 {
	return 8 * (1 + (int64(shape[0]+63)/64+1)*int64(shape[1])*int64(shape[2]))
}

// Rows is the number of rows along x; row y + ny*z is that of (y, z).
func (v *Volume) Rows() int { return v.Shape[1] * v.Shape[2] }

// Row is the words of one row.
func (v *Volume) Row(row int) []uint64 {
	from := 1 + row*v.stride
	return v.words[from : from+v.stride-1 : from+v.stride-1]
}

// Any tells whether a row holds a set voxel.
func (v *Volume) Any(row int) bool {
	for _, w := range v.Row(row) {
		if w != 0 {
			return true
		}
	}
	return false
}

// Padded is the words of all rows and the zeros between them, and where in
// them row 0 begins and how far apart rows lie.
func (v *Volume) Padded() (words []uint64, first, stride int) { return v.words, 1, v.stride }

// Bad is a voxel that is neither 0 nor 1.
type Bad struct {
	Index int
	Value uint8
}

func (b *Bad) Error() string { return fmt.Sprintf("voxel %d is %d, neither 0 nor 1", b.Index, b.Value) }

// packing is how many rows one goroutine packs at a time.
const packing = 256

// Pack packs a mask of one byte a voxel, x fastest. A voxel that is neither 0
// nor 1 is an error of type *Bad.
func Pack(ctx context.Context, data []uint8, shape [3]int, threads int) (*Volume, error) {
	v := New(shape)
	nx := shape[0]
	err := rows.Each(ctx, v.Rows(), packing, threads, func(from, to int) error {
		for row := from; row < to; row++ {
			if !packRow(v.Row(row), data[row*nx:(row+1)*nx]) {
				return bad(data, row*nx)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

func bad(data []uint8, from int) error {
	for i := from; ; i++ {
		if data[i] > 1 {
			return &Bad{Index: i, Value: data[i]}
		}
	}
}

// packRow packs bytes that are 0 or 1 and tells whether they all are. Eight
// bytes become eight bits by a multiplication that moves each to the top byte.
func packRow(words []uint64, row []uint8) bool {
	var other uint64
	for w := range words {
		rest := row[w*64:]
		n := min(64, len(rest))
		var word uint64
		k := 0
		for ; k+8 <= n; k += 8 {
			eight := binary.LittleEndian.Uint64(rest[k:])
			other |= eight
			word |= (eight * 0x0102040810204080) >> 56 << k
		}
		for ; k < n; k++ {
			other |= uint64(rest[k])
			word |= uint64(rest[k]&1) << k
		}
		words[w] = word
	}
	return other&^0x0101010101010101 == 0
}

// Select packs the voxels of a box (first voxel and size) for which keep says
// true of their value.
func Select(ctx context.Context, data []uint8, shape, first, size [3]int, keep *[256]bool, threads int) (*Volume, error) {
	v := New(size)
	err := rows.Each(ctx, v.Rows(), packing, threads, func(from, to int) error {
		for row := from; row < to; row++ {
			at := first[0] + shape[0]*(first[1]+row%size[1]+shape[1]*(first[2]+row/size[1]))
			words := v.Row(row)
			for x, value := range data[at : at+size[0]] {
				if keep[value] {
					words[x>>6] |= 1 << (x & 63)
				}
			}
		}
		return nil
	})
	return v, err
}

// Unpack writes the volume as one byte a voxel.
func (v *Volume) Unpack() []uint8 {
	nx := v.Shape[0]
	out := make([]uint8, nx*v.Rows())
	for row := range v.Rows() {
		line := out[row*nx : (row+1)*nx]
		for w, word := range v.Row(row) {
			for ; word != 0; word &= word - 1 {
				line[w*64+bits.TrailingZeros64(word)] = 1
			}
		}
	}
	return out
}

// Has tells whether a voxel inside the volume is set.
func (v *Volume) Has(x, row int) bool {
	return v.words[1+row*v.stride+x>>6]>>(x&63)&1 != 0
}

// Set sets a voxel inside the volume.
func (v *Volume) Set(x, row int) {
	v.words[1+row*v.stride+x>>6] |= 1 << (x & 63)
}

// Count is the number of voxels set.
func (v *Volume) Count() int {
	n := 0
	for _, w := range v.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Common is the number of voxels set in both of two volumes of one shape.
func Common(a, b *Volume) int {
	n := 0
	for i, w := range a.words {
		n += bits.OnesCount64(w & b.words[i])
	}
	return n
}

// Remove unsets the voxels that are set in a volume of the same shape.
func (v *Volume) Remove(other *Volume) {
	for i, w := range other.words {
		v.words[i] &^= w
	}
}
