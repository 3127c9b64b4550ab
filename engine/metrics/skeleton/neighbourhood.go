package skeleton

import "math/bits"

// tables answers whether a voxel may be removed, from the 26 voxels around it
// taken as bits. Bit k is the k-th neighbour with x slowest and z fastest, the
// centre left out.
type tables struct {
	adjacent [26]uint32  // neighbours that are 26-adjacent to a neighbour
	octants  [8][7]uint8 // neighbours that share each corner of the centre
	euler    [128]int8   // change of the octant's Euler characteristic, times 8
	offset   [26]int     // where the neighbours lie in the volume
}

// neighbour returns the k-th neighbour's position relative to the centre.
func neighbour(k int) [3]int {
	if k >= 13 {
		k++
	}
	return [3]int{k/9 - 1, k/3%3 - 1, k%3 - 1}
}

func newTables() tables {
	var t tables
	index := map[[3]int]uint8{}
	for k := range 26 {
		index[neighbour(k)] = uint8(k)
	}
	for a := range 26 {
		for b := range 26 {
			p, q := neighbour(a), neighbour(b)
			if a != b && max(abs(p[0]-q[0]), abs(p[1]-q[1]), abs(p[2]-q[2])) == 1 {
				t.adjacent[a] |= 1 << b
			}
		}
	}
	for o := range 8 {
		for n := 1; n < 8; n++ {
			var at [3]int
			for axis := range 3 {
				at[axis] = (n >> axis & 1) * (2*(o>>axis&1) - 1)
			}
			t.octants[o][n-1] = index[at]
		}
	}
	for set := range 128 {
		t.euler[set] = int8(eulerTimes8(set<<1|1) - eulerTimes8(set<<1))
	}
	return t
}

// offsets fixes where neighbours lie in a volume of the given strides.
func (t *tables) offsets(stride [3]int) {
	for k := range t.offset {
		p := neighbour(k)
		t.offset[k] = p[0]*stride[0] + p[1]*stride[1] + p[2]*stride[2]
	}
}

// eulerTimes8 is eight times the part of the Euler characteristic that belongs
// to the corner shared by eight voxels (bit a+2b+4c for the one at (a, b, c)),
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

// around gathers the neighbours of a voxel as bits.
func (t *tables) around(voxels []uint8, at int) uint32 {
	var around uint32
	for k, offset := range t.offset {
		around |= uint32(voxels[at+offset]&foreground) << k
	}
	return around
}

// removable tells whether taking the voxel away leaves the topology as it is
// and shortens no line. Ends of lines have exactly one neighbour.
func (t *tables) removable(voxels []uint8, at int) bool {
	around := t.around(voxels, at)
	return bits.OnesCount32(around) != 1 && t.keepsEuler(around) && t.connected(around)
}

func (t *tables) keepsEuler(around uint32) bool {
	change := 0
	for o := range t.octants {
		set := uint32(0)
		for n, k := range t.octants[o] {
			set |= around >> k & 1 << n
		}
		change += int(t.euler[set])
	}
	return change == 0
}

// connected tells whether the neighbours form at most one component.
func (t *tables) connected(around uint32) bool {
	reached, fresh := uint32(0), around&-around
	for fresh != 0 {
		reached |= fresh
		grown := uint32(0)
		for rest := fresh; rest != 0; rest &= rest - 1 {
			grown |= t.adjacent[bits.TrailingZeros32(rest)]
		}
		fresh = grown & around &^ reached
	}
	return reached == around
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
