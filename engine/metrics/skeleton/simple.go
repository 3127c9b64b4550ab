package skeleton

import (
	"encoding/binary"
	"math/bits"
)

// A neighbourhood is the 27 voxels around and including one, as bits: the
// voxel at (x, y, z) from it is bit 13 + 9x + 3y + z.
const (
	centre = 1 << 13

	// The voxels that have one behind them, or before them, along z and y.
	notLastZ  = 0b011011011011011011011011011
	notFirstZ = 0b110110110110110110110110110
	notLastY  = 0b000111111000111111000111111
	notFirstY = 0b111111000111111000111111000
)

// neighbourhood reads the voxels around the one at a bit of the volume.
func (v *volume) neighbourhood(set []uint8, at int) uint32 {
	shift := uint(at-1) % 8
	b := (at - 1) / 8
	return v.three(set, b-v.plane, shift) |
		v.three(set, b, shift)<<9 |
		v.three(set, b+v.plane, shift)<<18
}

// three reads three by three voxels: along y about byte b, along z from a bit
// of it on.
func (v *volume) three(set []uint8, b int, shift uint) uint32 {
	below := uint32(binary.LittleEndian.Uint16(set[b-v.row:])) >> shift & 7
	here := uint32(binary.LittleEndian.Uint16(set[b:])) >> shift & 7
	above := uint32(binary.LittleEndian.Uint16(set[b+v.row:])) >> shift & 7
	return below | here<<3 | above<<6
}

// mark sets the 27 voxels around and including the one at a bit.
func (v *volume) mark(set []uint8, at int) {
	b := (at - 1) / 8
	three := uint16(7) << (uint(at-1) % 8)
	for _, plane := range [3]int{b - v.plane, b, b + v.plane} {
		for _, row := range [3]int{plane - v.row, plane, plane + v.row} {
			binary.LittleEndian.PutUint16(set[row:], binary.LittleEndian.Uint16(set[row:])|three)
		}
	}
}

// tables answer how the Euler characteristic changes, times 8, when a voxel is
// removed. Each is for one of the four pairs of octants that lie along z, and
// is looked up by the pair's twelve voxels.
type tables [4][1 << 12]int8

// newTables adds up the changes over the two octants of each pair.
func newTables() *tables {
	var octant [256]int
	for set := range octant {
		octant[set] = eulerTimes8(set)
	}
	var t tables
	for pair := range t {
		// The centre is the middle one along z of the three voxels that lie
		// towards the other pairs.
		middle := 1 << (3*(1-pair%2) + 6*(1-pair/2) + 1)
		for set := range t[pair] {
			if set&middle == 0 {
				continue
			}
			change := 0
			for z := range 2 {
				change += octant[eight(set>>z)] - octant[eight((set&^middle)>>z)]
			}
			t[pair][set] = int8(change)
		}
	}
	return &t
}

// eight picks, out of two by two by three voxels, the lower two along z.
func eight(set int) int {
	return set&0b11 | set>>1&0b1100 | set>>2&0b110000 | set>>3&0b11000000
}

// eulerTimes8 is eight times the part of the Euler characteristic that belongs
// to the corner shared by eight voxels (bit a+2b+4c for the one at (c, b, a)),
// of the union of closed cubes: one corner, halves of six edges, quarters of
// twelve faces, eighths of eight cubes. Its change on removal of the centre is
// column δG26 of Lee's table 2.
func eulerTimes8(set int) int {
	if set == 0 {
		return 0
	}
	var edges, faces int
	for axis := range 3 {
		for side := range 2 {
			half := 0 // the four voxels around the edge that leaves along axis
			for v := range 8 {
				if v>>axis&1 == side {
					half |= 1 << v
				}
			}
			if set&half != 0 {
				edges++
			}
		}
		for v := range 8 {
			if v>>axis&1 == 0 && set&(1<<v|1<<(v|1<<axis)) != 0 {
				faces++
			}
		}
	}
	return 8 - 4*edges + 2*faces - bits.OnesCount(uint(set))
}

// removable tells whether taking away the voxel in the middle leaves the
// topology as it is and shortens no line. Ends of lines have exactly one
// neighbour.
func (t *tables) removable(around uint32) bool {
	return bits.OnesCount32(around) != 2 && t.keepsEuler(around) && connected(around)
}

func (t *tables) keepsEuler(around uint32) bool {
	change := 0
	for pair, shift := range [4]int{0, 3, 9, 12} {
		set := around >> shift
		change += int(t[pair][set&0b111111|set>>3&0b111111000000])
	}
	return change == 0
}

// connected tells whether the neighbours form at most one component.
func connected(around uint32) bool {
	around &^= centre
	reached := around & -around
	for {
		grown := reached | reached&notLastZ<<1 | reached&notFirstZ>>1
		grown |= grown&notLastY<<3 | grown&notFirstY>>3
		grown |= grown<<9 | grown>>9
		grown &= around
		if grown == reached {
			return reached == around
		}
		reached = grown
	}
}
