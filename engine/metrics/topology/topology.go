// Package topology counts the pieces and the cavities of binary volumes.
package topology

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrInput says that an array does not have the shape it is said to have, or
// is too large for 32-bit labels.
var ErrInput = errors.New("topology: unusable mask")

// Counts are the Betti numbers that component labelling gives.
type Counts struct {
	Components int // b0: foreground pieces, voxels touching by a corner joined (26-connected)
	Cavities   int // b2: background pieces (6-connected) that do not reach the outside
}

// Count counts the pieces and cavities of a mask (0 or 1, shape (x, y, z),
// x fastest). The outside of the volume is background, so a cavity open at the
// volume's face is none. Time is linear but for the union-find's near-constant
// factor; memory is proportional to the number of runs along x.
func Count(ctx context.Context, mask []uint8, shape [3]int) (Counts, error) {
	if min(shape[0], shape[1], shape[2]) <= 0 || len(mask) != shape[0]*shape[1]*shape[2] || len(mask) > math.MaxInt32 {
		return Counts{}, fmt.Errorf("%w: shape %v and %d voxels", ErrInput, shape, len(mask))
	}
	pieces, err := count(ctx, mask, shape, 1)
	if err != nil {
		return Counts{}, err
	}
	holes, err := count(ctx, mask, shape, 0)
	if err != nil {
		return Counts{}, err
	}
	return Counts{Components: pieces, Cavities: holes}, nil
}

// run is a maximal stretch [from, to) of equal voxels in one row.
type run struct {
	from, to int32
}

// labelling is a union-find forest over runs. Node 0 stands for the outside.
type labelling struct {
	parent []int32
	trees  int
}

func (l *labelling) add() {
	l.parent = append(l.parent, int32(len(l.parent)))
	l.trees++
}

func (l *labelling) find(i int32) int32 {
	for l.parent[i] != i {
		l.parent[i] = l.parent[l.parent[i]]
		i = l.parent[i]
	}
	return i
}

func (l *labelling) union(a, b int32) {
	a, b = l.find(a), l.find(b)
	if a == b {
		return
	}
	l.parent[max(a, b)] = min(a, b)
	l.trees--
}

// row is the runs of one row and the node of the first.
type row struct {
	runs []run
	node int32
}

// count labels the voxels of one value: foreground 26-connected, background
// 6-connected. It returns the pieces that do not reach the outside, which for
// the foreground are all.
func count(ctx context.Context, mask []uint8, shape [3]int, value uint8) (int, error) {
	l := &labelling{}
	l.add()
	previous, current := make([]row, shape[1]), make([]row, shape[1])
	for z := range shape[2] {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		for y := range shape[1] {
			at := shape[0] * (y + shape[1]*z)
			current[y] = l.addRow(mask[at:at+shape[0]], value, current[y].runs[:0])
			edge := y == 0 || y == shape[1]-1 || z == 0 || z == shape[2]-1
			if value == 0 {
				l.joinOutside(current[y], shape[0], edge)
			}
			l.joinNeighbours(current, previous, y, z, value)
		}
		previous, current = current, previous
	}
	return l.trees - 1, nil
}

// joinNeighbours joins the runs of row y to those of the rows before it.
func (l *labelling) joinNeighbours(current, previous []row, y, z int, value uint8) {
	if y > 0 {
		l.join(current[y], current[y-1], int32(value))
	}
	if z == 0 {
		return
	}
	l.join(current[y], previous[y], int32(value))
	if value == 1 {
		if y > 0 {
			l.join(current[y], previous[y-1], 1)
		}
		if y+1 < len(previous) {
			l.join(current[y], previous[y+1], 1)
		}
	}
}

func (l *labelling) addRow(voxels []uint8, value uint8, runs []run) row {
	r := row{runs: runs, node: int32(len(l.parent))}
	for x := 0; x < len(voxels); x++ {
		if voxels[x] != value {
			continue
		}
		from := x
		for x < len(voxels) && voxels[x] == value {
			x++
		}
		r.runs = append(r.runs, run{int32(from), int32(x)})
		l.add()
	}
	return r
}

func (l *labelling) joinOutside(r row, width int, edge bool) {
	for i, s := range r.runs {
		if edge || s.from == 0 || int(s.to) == width {
			l.union(0, r.node+int32(i))
		}
	}
}

// join unites the runs of two rows that overlap, or that come within reach (1
// joins runs that touch by a corner).
func (l *labelling) join(a, b row, reach int32) {
	i, j := 0, 0
	for i < len(a.runs) && j < len(b.runs) {
		p, q := a.runs[i], b.runs[j]
		if p.from < q.to+reach && q.from < p.to+reach {
			l.union(a.node+int32(i), b.node+int32(j))
		}
		if p.to < q.to {
			i++
		} else {
			j++
		}
	}
}
