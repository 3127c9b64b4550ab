package topology

import (
	"context"
	"fmt"
)

// Connectivity says which voxels touch: those that share a face, also those
// that share an edge, or also those that share a corner.
type Connectivity int

// The ways of touching, by the number of neighbours that a voxel has.
const (
	Faces   Connectivity = 6
	Edges   Connectivity = 18
	Corners Connectivity = 26
)

// Pieces are the connected foreground pieces of a mask, numbered from 1 in the
// order of their first voxels. They refer to the mask, which must not
// change, and take 4 bytes for each run of foreground along x.
type Pieces struct {
	// Number is how many there are: b0.
	Number int

	mask  []uint8
	shape [3]int
	piece []int32 // of each run, in the mask's order
}

// Label finds the 26-connected pieces of a mask (0 or 1, shape (x, y, z),
// x fastest).
func Label(ctx context.Context, mask []uint8, shape [3]int) (*Pieces, error) {
	return LabelBy(ctx, mask, shape, Corners)
}

// LabelBy is Label for pieces whose voxels touch by faces, edges or corners.
func LabelBy(ctx context.Context, mask []uint8, shape [3]int, c Connectivity) (*Pieces, error) {
	if err := check(mask, shape); err != nil {
		return nil, err
	}
	if c != Faces && c != Edges && c != Corners {
		return nil, fmt.Errorf("%w %d; choose 6, 18 or 26", ErrConnectivity, c)
	}
	f, p := newForest(shape), newPlane(shape)
	runs := 0
	for z := range shape[2] {
		p.pack(mask[z*shape[0]*shape[1]:])
		runs += p.runs()
	}
	f.parent = make([]int32, 0, runs)
	for z := range shape[2] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.pack(mask[z*shape[0]*shape[1]:])
		f.addForeground(p, c)
	}
	number := int32(0)
	for i, parent := range f.parent { // parents come before their children
		if int(parent) == i {
			number++
			f.parent[i] = number
		} else {
			f.parent[i] = f.parent[parent]
		}
	}
	return &Pieces{Number: int(number), mask: mask, shape: shape, piece: f.parent}, nil
}

// Run is the voxels [From, To) of a mask, which lie in one row and belong to
// one piece; From and To are indices into the mask.
type Run struct {
	From, To int
	Piece    int // from 1
}

// Cursor walks over the runs of pieces in the mask's order.
type Cursor struct {
	pieces *Pieces
	bits   []uint64 // of the current row
	row    int      // the row after the current one
	at     int      // where to look on in the current row
	next   int      // the next run
}

// Cursor returns a cursor before the first run.
func (p *Pieces) Cursor() *Cursor {
	return &Cursor{pieces: p, bits: make([]uint64, (p.shape[0]+63)/64), at: p.shape[0]}
}

// Next returns the next run, or false after the last.
func (c *Cursor) Next() (Run, bool) {
	if c.next == len(c.pieces.piece) {
		return Run{}, false
	}
	n := c.pieces.shape[0]
	for {
		if at := nextBit(c.bits, 0, c.at, n); at < n {
			c.at = nextBit(c.bits, ^uint64(0), at, n)
			base := (c.row - 1) * n
			c.next++
			return Run{From: base + at, To: base + c.at, Piece: int(c.pieces.piece[c.next-1])}, true
		}
		packRow(c.bits, c.pieces.mask[c.row*n:(c.row+1)*n])
		c.row, c.at = c.row+1, 0
	}
}
