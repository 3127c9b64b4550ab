package folder

import (
	"context"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/vessels"
)

// What two vessel trees measure, compared as wholes.
const (
	// VesselLengthError is by how much the lengths of all centrelines differ, in
	// the spacing's unit.
	VesselLengthError = "vessel_length_error"
	// BranchPointsError is by how much the numbers of branch points differ.
	BranchPointsError = "branch_points_error"
	// TortuosityError is by how much the tortuosities differ: the length of all
	// segments with two ends over the sum of the distances between these ends.
	// It has no value where a mask has no such segment.
	TortuosityError = "tortuosity_error"
)

// FamilyVessels is the family of VesselNames.
const FamilyVessels = "vessels"

// VesselNames lists the metrics that compare vessel trees as wholes.
func VesselNames() []string {
	return []string{VesselLengthError, BranchPointsError, TortuosityError}
}

// tree is what is measured of a whole vessel tree.
type tree struct {
	length, tortuosity float64 // tortuosity is NaN without a segment that has one
	branchPoints       int
}

func measureTree(ctx context.Context, mask []uint8, shape [3]int, spacing [3]float64) (tree, error) {
	table, err := vessels.Measure(ctx, mask, shape, spacing)
	if err != nil {
		return tree{}, err
	}
	t := tree{}
	for _, c := range table.Components {
		t.length += c.Length
		t.branchPoints += c.BranchPoints
	}
	var length, chord float64
	for _, s := range table.Segments {
		if s.Chord > 0 {
			length, chord = length+s.Length, chord+s.Chord
		}
	}
	t.tortuosity = length / chord
	return t, nil
}

// addVessels adds the metrics of vessel trees to a result.
func addVessels(ctx context.Context, r *metrics.Result, ref, pred []uint8, shape [3]int, spacing [3]float64, names []string) error {
	a, err := measureTree(ctx, ref, shape, spacing)
	if err != nil {
		return fmt.Errorf("the reference's vessels: %w", err)
	}
	b, err := measureTree(ctx, pred, shape, spacing)
	if err != nil {
		return fmt.Errorf("the prediction's vessels: %w", err)
	}
	values := map[string]float64{
		VesselLengthError: math.Abs(a.length - b.length),
		BranchPointsError: math.Abs(float64(a.branchPoints - b.branchPoints)),
		TortuosityError:   math.Abs(a.tortuosity - b.tortuosity),
	}
	for _, name := range names {
		r.Values[name] = values[name]
		if math.IsNaN(values[name]) {
			r.Excluded[name] = "undefined: a mask has no vessel segment with two ends"
		}
	}
	return nil
}

// VesselTable is the vessels of one label of a file.
type VesselTable struct {
	Case  string `json:"case"`
	Label uint8  `json:"label"`
	Unit  string `json:"unit"`
	vessels.Table
}

// MeasureVessels reads a file of labels and measures the pieces of each label
// chosen; a label that the file does not have gives an empty table.
func MeasureVessels(ctx context.Context, name, path string, choice Labels, memory int64) ([]VesselTable, error) {
	l, err := readLabels(ctx, path, Options{Memory: memory})
	if err != nil {
		return nil, err
	}
	for i, v := range l.Data {
		for _, ignored := range choice.Ignore {
			if v == ignored {
				l.Data[i] = 0
			}
		}
	}
	list := choice.List
	present := labelsOf(l.Data, nil)
	switch {
	case choice.All:
		list = present
	case choice.masks() && len(present) > 1:
		return nil, notBinary(path, present)
	case choice.masks() && len(present) == 1:
		list = present
	case choice.masks():
		list = []uint8{1}
	}
	tables := make([]VesselTable, 0, len(list))
	for _, label := range list {
		m := metrics.Foreground(l.Shape, l.Data, label)
		table, err := vessels.Measure(ctx, m.Data, m.Shape, l.Spacing)
		if err != nil {
			return nil, fmt.Errorf("%q: label %d: %w", path, label, err)
		}
		tables = append(tables, VesselTable{Case: name, Label: label, Unit: l.Unit, Table: table})
	}
	return tables, nil
}
