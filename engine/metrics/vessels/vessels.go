// Package vessels measures tubes in binary volumes along their centrelines:
// length, branch points, tortuosity and radius of each connected piece, and how
// far the centrelines of two masks agree. Thinning itself is the package
// skeleton's work, counting pieces the package topology's.
package vessels

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// The errors of this package; a mask that does not fit its shape is
// topology.ErrInput or skeleton.ErrInput.
var (
	// ErrSpacing says that a voxel's size is not positive and finite.
	ErrSpacing = errors.New("vessels: unusable spacing")
	// ErrVoxels says that a list of voxels is not ascending or leaves the volume.
	ErrVoxels = errors.New("vessels: unusable list of voxels")
)

// Table is what Measure finds: a row for each piece and one for each segment of
// a centreline. Lengths are in the spacing's unit, volumes in its cube.
type Table struct {
	// Components are in the order of their first voxels.
	Components []Component `json:"components"`
	// Segments are in the order of their components, and then of their first
	// and last voxels.
	Segments []Segment `json:"segments"`
}

// Component is one 26-connected piece of a mask and its centreline.
type Component struct {
	Number int     `json:"number"` // from 1, in the order of first voxels
	Voxels int     `json:"voxels"`
	Volume float64 `json:"volume"`
	First  [3]int  `json:"first"` // lowest corner of the box around it
	Last   [3]int  `json:"last"`  // highest corner, inclusive

	// CentrelineVoxels is 0 where thinning leaves nothing of a piece of a few
	// voxels; its deepest voxel then stands for a centreline of no length.
	CentrelineVoxels int `json:"centreline_voxels"`
	// Length is the way along the centreline between voxels' centres: all
	// segments, and within each branch point the shortest tree that spans its
	// voxels.
	Length float64 `json:"length"`
	// BranchPoints counts clusters of touching branch voxels (those with three
	// or more neighbours on the centreline) that at least three segments leave.
	BranchPoints int `json:"branch_points"`
	// EndPoints counts where a segment ends without a branch point.
	EndPoints int `json:"end_points"`
	Segments  int `json:"segments"`
	// Tortuosity is the length of all segments with two different ends over the
	// sum of the distances between these ends: 1 for straight vessels, 0 if
	// there is no such segment.
	Tortuosity float64 `json:"tortuosity"`

	// Radii are distances from a centreline voxel's centre to that of the nearest
	// background voxel, see Radii.
	RadiusMean float64 `json:"radius_mean"`
	RadiusMin  float64 `json:"radius_min"`
	RadiusMax  float64 `json:"radius_max"`
}

// Segment is a stretch of centreline between branch points or ends, or a ring.
type Segment struct {
	Component int     `json:"component"` // number of its component
	From      [3]int  `json:"from"`      // the voxel it begins at
	To        [3]int  `json:"to"`        // the voxel it ends at; From of a ring
	Voxels    int     `json:"voxels"`    // From and To included
	Length    float64 `json:"length"`
	// Chord is the distance between From and To; 0 for a segment that begins and
	// ends at the same branch point, which has no tortuosity.
	Chord float64 `json:"chord"`
	// Tortuosity is Length over Chord, 0 without a chord.
	Tortuosity float64 `json:"tortuosity"`
	RadiusMean float64 `json:"radius_mean"`
	RadiusMin  float64 `json:"radius_min"`
	RadiusMax  float64 `json:"radius_max"`
}

// Measure thins a mask (0 or 1, shape (x, y, z), x fastest) and measures each of
// its pieces along the centreline. Spacing is the voxel's size along x, y and
// z. An empty mask gives an empty table.
func Measure(ctx context.Context, mask []uint8, shape [3]int, spacing [3]float64) (Table, error) {
	if err := checkSpacing(spacing); err != nil {
		return Table{}, err
	}
	pieces, err := topology.Label(ctx, mask, shape)
	if err != nil {
		return Table{}, fmt.Errorf("vessels: %w", err)
	}
	centreline, err := skeleton.Voxels(ctx, mask, shape)
	if err != nil {
		return Table{}, fmt.Errorf("vessels: %w", err)
	}
	radii, err := Radii(ctx, mask, shape, spacing, centreline, 0)
	if err != nil {
		return Table{}, err
	}
	t := &tabler{shape: shape, spacing: spacing, centreline: centreline, radii: radii}
	t.pieces(pieces)
	t.graph(newGraph(centreline, shape, spacing))
	if err := t.vanished(ctx, mask, pieces); err != nil {
		return Table{}, err
	}
	return t.table, nil
}

func checkSpacing(spacing [3]float64) error {
	for axis, s := range spacing {
		if !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("%w: %g along %c; each must be a positive, finite length, check the file's header", ErrSpacing, s, "xyz"[axis])
		}
	}
	return nil
}
