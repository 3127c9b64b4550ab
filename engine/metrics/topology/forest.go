package topology

import (
	"math/bits"
	"slices"
)

// run is a maximal stretch [from, to) of equal voxels in one row.
type run struct {
	from, to int32
}

// layer is the runs of one plane. Those of row y are runs[first[y]:first[y+1]],
// and the first of all is node base of the forest.
type layer struct {
	runs  []run
	first []int32
	base  int32
}

// forest is a union-find over the runs of a volume, taken plane by plane.
// Roots are the lowest nodes of their trees.
type forest struct {
	parent        []int32
	trees         int
	front, behind layer

	// A forest that forgets keeps the nodes of two planes only, and before them
	// one for the outside.
	forgets bool
	former  []int32 // the parents before, to be overwritten
	renamed []int32 // by former node: what a root has become, or −1
}

func newForest(shape [3]int) *forest {
	return &forest{
		front:  layer{first: make([]int32, shape[1]+1)},
		behind: layer{first: make([]int32, shape[1]+1)},
	}
}

// newForgetful makes a forest that only counts trees.
func newForgetful(shape [3]int) *forest {
	f := newForest(shape)
	f.forgets, f.parent, f.front.base = true, []int32{0}, 1
	return f
}

func (f *forest) add() {
	f.parent = append(f.parent, int32(len(f.parent)))
	f.trees++
}

func (f *forest) find(i int32) int32 {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

func (f *forest) union(a, b int32) {
	a, b = f.find(a), f.find(b)
	if a == b {
		return
	}
	f.parent[max(a, b)] = min(a, b)
	f.trees--
}

// next turns to a new plane: the front becomes what lies behind.
func (f *forest) next() *layer {
	if f.forgets {
		f.forget()
	}
	f.front, f.behind = f.behind, f.front
	f.front.runs, f.front.base = f.front.runs[:0], int32(len(f.parent))
	return &f.front
}

// forget drops all nodes but the outside and the runs of the front, of which
// those that were joined, be it through others, stay so.
func (f *forest) forget() {
	f.renamed = slices.Grow(f.renamed[:0], len(f.parent))[:len(f.parent)]
	for i := range f.renamed {
		f.renamed[i] = -1
	}
	f.renamed[0] = 0
	kept := append(f.former[:0], 0)
	for i := range f.front.runs {
		root := f.find(f.front.base + int32(i))
		if f.renamed[root] < 0 {
			f.renamed[root] = int32(len(kept))
		}
		kept = append(kept, f.renamed[root])
	}
	f.parent, f.former, f.front.base = kept, f.parent, 1
}

// addForeground adds the foreground runs of the next plane and joins those that
// touch in the way that counts as connected.
func (f *forest) addForeground(p *plane, c Connectivity) {
	front := f.next()
	ny := len(front.first) - 1
	for y := range ny {
		front.first[y] = int32(len(front.runs))
		f.addRuns(p.row(y), 0, p.nx)
		front.first[y+1] = int32(len(front.runs))
		if front.first[y] == front.first[y+1] {
			continue
		}
		beside := int32(1) // runs of rows that share a face may touch by an edge, or only overlap
		if c == Faces {
			beside = 0
		}
		if y > 0 {
			f.join(y, front, y-1, beside)
		}
		f.join(y, &f.behind, y, beside)
		if c == Faces {
			continue
		}
		across := int32(1) // the same of rows that share an edge, and touch by a corner
		if c == Edges {
			across = 0
		}
		if y > 0 {
			f.join(y, &f.behind, y-1, across)
		}
		if y < ny-1 {
			f.join(y, &f.behind, y+1, across)
		}
	}
}

// addBackground adds the background runs of the next plane and joins those that
// share a face; node 0 is the outside, which the runs at the volume's faces
// share one with.
func (f *forest) addBackground(p *plane, outermost bool) {
	front := f.next()
	ny := len(front.first) - 1
	for y := range ny {
		front.first[y] = int32(len(front.runs))
		f.addRuns(p.row(y), ^uint64(0), p.nx)
		front.first[y+1] = int32(len(front.runs))
		edge := outermost || y == 0 || y == ny-1
		for i := front.first[y]; i < front.first[y+1]; i++ {
			if r := front.runs[i]; edge || r.from == 0 || int(r.to) == p.nx {
				f.union(0, front.base+i)
			}
		}
		if y > 0 {
			f.join(y, front, y-1, 0)
		}
		f.join(y, &f.behind, y, 0)
	}
}

// addRuns lists the runs of set bits in a row of n bits, after flipping them
// by flip, in the front layer.
func (f *forest) addRuns(row []uint64, flip uint64, n int) {
	for at := nextBit(row, flip, 0, n); at < n; {
		end := nextBit(row, ^flip, at, n)
		f.front.runs = append(f.front.runs, run{int32(at), int32(end)})
		f.add()
		at = nextBit(row, flip, end, n)
	}
}

// nextBit is the first set bit at or after from, once flipped by flip, or n.
func nextBit(row []uint64, flip uint64, from, n int) int {
	if from >= n {
		return n
	}
	i := from / 64
	for word := (row[i] ^ flip) >> (from % 64) << (from % 64); ; word = row[i] ^ flip {
		if word != 0 {
			return min(i*64+bits.TrailingZeros64(word), n)
		}
		if i++; i == len(row) {
			return n
		}
	}
}

// join unites the runs of row y of the front with those of a row of a layer
// that overlap, or that come within reach (1 joins runs that touch by a
// corner).
func (f *forest) join(y int, other *layer, row int, reach int32) {
	i, end := f.front.first[y], f.front.first[y+1]
	j, stop := other.first[row], other.first[row+1]
	for i < end && j < stop {
		p, q := f.front.runs[i], other.runs[j]
		if p.from < q.to+reach && q.from < p.to+reach {
			f.union(f.front.base+i, other.base+j)
		}
		if p.to < q.to {
			i++
		} else {
			j++
		}
	}
}
