// Package topology counts the pieces, loops and cavities of binary volumes and
// labels their pieces. What is concluded from comparing two volumes belongs
// elsewhere.
package topology

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// The errors of this package.
var (
	// ErrInput says that an array does not have the shape it is said to have, or
	// is too large for 32-bit labels.
	ErrInput = errors.New("topology: unusable mask")
	// ErrConnectivity says that voxels have no such number of neighbours.
	ErrConnectivity = errors.New("topology: unknown connectivity")
)

// Counts are the Betti numbers of a mask and their alternating sum, all for
// the union of closed voxels: foreground that touches by a corner is joined
// (26-connected), background only by a face (6-connected).
type Counts struct {
	Components int `json:"b0"`    // foreground pieces
	Loops      int `json:"b1"`    // independent loops (tunnels, handles): b0 + b2 − χ
	Cavities   int `json:"b2"`    // background pieces that do not reach the outside
	Euler      int `json:"euler"` // χ, the Euler characteristic: b0 − b1 + b2
}

// Count counts the pieces, loops and cavities of a mask (0 or 1, shape
// (x, y, z), x fastest). The outside of the volume is background, so a cavity
// open at the volume's face is none; an empty mask counts zero of everything.
// The numbers are those of a cubical complex whose cells are the foreground
// voxels, as GUDHI builds from top-dimensional cells.
//
// Time is linear but for the union-find's near-constant factor. Memory is that of
// a few slices.
func Count(ctx context.Context, mask []uint8, shape [3]int) (Counts, error) {
	if err := check(mask, shape); err != nil {
		return Counts{}, err
	}
	front, behind := newPlane(shape), newPlane(shape)
	pieces, holes := newForgetful(shape), newForgetful(shape)
	euler := 0
	for z := range shape[2] + 1 {
		if err := ctx.Err(); err != nil {
			return Counts{}, err
		}
		front, behind = behind, front
		if z == shape[2] {
			clear(front.bits)
		} else {
			front.pack(mask[z*shape[0]*shape[1]:])
		}
		euler += front.euler(behind)
		if z == shape[2] {
			break
		}
		pieces.addForeground(front, Corners)
		holes.addBackground(front, z == 0 || z == shape[2]-1)
	}
	c := Counts{Components: pieces.trees, Cavities: holes.trees, Euler: euler}
	c.Loops = c.Components + c.Cavities - c.Euler
	return c, nil
}

func check(mask []uint8, shape [3]int) error {
	voxels := 1
	for _, n := range shape {
		if n <= 0 || voxels > math.MaxInt32/n {
			return fmt.Errorf("%w: shape %v is empty or means more than 2³¹−1 voxels", ErrInput, shape)
		}
		voxels *= n
	}
	if len(mask) != voxels {
		return fmt.Errorf("%w: shape %v means %d voxels, not %d", ErrInput, shape, voxels, len(mask))
	}
	return nil
}
