package topology

import (
	"encoding/binary"
	"math/bits"
)

// plane is one (x, y) slice of a mask as bits: words 64-bit words a row, the
// lowest bit first, with a row of background before the first and after the
// last.
type plane struct {
	nx, ny, words int
	bits          []uint64
}

func newPlane(shape [3]int) *plane {
	words := (shape[0] + 63) / 64
	return &plane{nx: shape[0], ny: shape[1], words: words, bits: make([]uint64, words*(shape[1]+2))}
}

// row is row y of the plane; y may be −1 or ny, which are background.
func (p *plane) row(y int) []uint64 {
	return p.bits[(y+1)*p.words : (y+2)*p.words]
}

// pack takes over the slice that voxels begins with.
func (p *plane) pack(voxels []uint8) {
	for y := range p.ny {
		packRow(p.row(y), voxels[y*p.nx:(y+1)*p.nx])
	}
}

// packRow writes the lowest bit of each voxel into dst.
func packRow(dst []uint64, voxels []uint8) {
	const (
		lowest = 0x0101010101010101
		gather = 0x0102040810204080 // brings the lowest bits of 8 bytes into the top byte
	)
	for i := range dst {
		rest := voxels[i*64 : min(i*64+64, len(voxels))]
		var word uint64
		shift := 0
		for ; len(rest) >= 8; rest = rest[8:] {
			if eight := binary.LittleEndian.Uint64(rest) & lowest; eight != 0 {
				word |= eight * gather >> 56 << shift
			}
			shift += 8
		}
		for _, v := range rest {
			word |= uint64(v&1) << shift
			shift++
		}
		dst[i] = word
	}
}

// runs is how many runs of set bits the rows have.
func (p *plane) runs() int {
	sum := 0
	for y := range p.ny {
		carry := uint64(0)
		for _, row := range p.row(y) {
			sum += bits.OnesCount64(row &^ (row<<1 | carry))
			carry = row >> 63
		}
	}
	return sum
}

// euler is the part of the Euler characteristic that belongs to the grid's
// corners between this plane and the one behind it.
//
// Along x a union of voxels is a union of intervals, whose Euler
// characteristic is how many there are. Summed over the cells of the (y, z)
// grid, rows counting as its faces, unions of two neighbouring rows as its
// edges and of four as its corners, that gives corners − edges + faces: runs of
// the four rows together, less runs of the pairs, plus runs of the row itself.
func (p *plane) euler(behind *plane) int {
	sum := 0
	for y := range p.ny + 1 {
		a, b := p.row(y), p.row(y-1)
		c, d := behind.row(y), behind.row(y-1)
		var carryA, carryAB, carryAC, carryAll uint64
		for i, row := range a {
			pairY, pairZ := row|b[i], row|c[i]
			all := pairY | c[i] | d[i]
			if all == 0 {
				carryA, carryAB, carryAC, carryAll = 0, 0, 0, 0
				continue
			}
			sum += bits.OnesCount64(all&^(all<<1|carryAll)) - bits.OnesCount64(pairY&^(pairY<<1|carryAB)) -
				bits.OnesCount64(pairZ&^(pairZ<<1|carryAC)) + bits.OnesCount64(row&^(row<<1|carryA))
			carryA, carryAB, carryAC, carryAll = row>>63, pairY>>63, pairZ>>63, all>>63
		}
	}
	return sum
}
