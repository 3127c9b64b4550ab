package folder

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/volume"
)

// ErrGrid means that the voxels of two files do not coincide.
var ErrGrid = errors.New("the masks are not on the same grid")

// volumes is one pair of files, read and put onto one grid.
type volumes struct {
	ref, pred     []uint8   // labels; of a map of probabilities, 0 and 1
	probabilities []float32 // nil for labels
	grid          volume.Grid
	resampled     *Resampled
	missing       bool
}

// readPair reads both files.
func readPair(ctx context.Context, p Pair, o Options) (*volumes, error) {
	ref, err := readLabels(ctx, p.Reference, o)
	if err != nil {
		return nil, err
	}
	v := &volumes{ref: ref.Data, grid: ref.Grid()}
	switch {
	case p.Prediction == "":
		v.pred, v.missing = make([]uint8, len(ref.Data)), true
		return v, nil
	case o.Probabilities:
		return v, v.readProbabilities(ctx, p, o)
	}
	pred, err := readLabels(ctx, p.Prediction, o)
	if err != nil {
		return nil, err
	}
	if differ := v.grid.Differs(pred.Grid()); differ != "" {
		if !o.Resample {
			return nil, gridError(p, v.grid, pred.Grid(), differ)
		}
		from := pred.Grid()
		onto, coverage, err := volume.ResampleLabels(ctx, pred, v.grid, o.Threads)
		if err != nil {
			return nil, fmt.Errorf("%q cannot be put onto the grid of %q: %w", p.Prediction, p.Reference, err)
		}
		pred, v.resampled = onto, resampledFrom(from, coverage)
	}
	v.pred = pred.Data
	return v, nil
}

// readProbabilities reads a map of probabilities and cuts it to a mask.
func (v *volumes) readProbabilities(ctx context.Context, p Pair, o Options) error {
	pred, err := volume.Read(ctx, p.Prediction, volume.Limits{MaxBytes: o.Memory})
	if err != nil {
		return err
	}
	for i, value := range pred.Data {
		if !(value >= 0 && value <= 1) {
			s := pred.Shape
			return fmt.Errorf("%q: voxel (%d, %d, %d) is %g; a probability lies in [0, 1], so apply softmax or sigmoid to logits first",
				p.Prediction, i%s[0], i/s[0]%s[1], i/s[0]/s[1], value)
		}
	}
	if differ := v.grid.Differs(pred.Grid()); differ != "" {
		if !o.Resample {
			return gridError(p, v.grid, pred.Grid(), differ)
		}
		from := pred.Grid()
		onto, coverage, err := volume.Resample(ctx, pred, v.grid, o.Threads)
		if err != nil {
			return fmt.Errorf("%q cannot be put onto the grid of %q: %w", p.Prediction, p.Reference, err)
		}
		pred, v.resampled = onto, resampledFrom(from, coverage)
	}
	v.probabilities = pred.Data
	v.pred = make([]uint8, len(pred.Data))
	for i, value := range pred.Data {
		if float64(value) >= o.Threshold {
			v.pred[i] = 1
		}
	}
	return nil
}

func resampledFrom(g volume.Grid, c volume.Coverage) *Resampled {
	return &Resampled{
		From:      g.String(),
		Outside:   float64(c.Outside) / float64(max(c.Voxels, 1)),
		Uncovered: float64(c.Uncovered) / float64(c.Grid),
	}
}

func gridError(p Pair, ref, pred volume.Grid, differ string) error {
	return fmt.Errorf("%w: they differ in %s\n  reference   %q   %v\n  prediction  %q   %v", ErrGrid, differ, p.Reference, ref, p.Prediction, pred)
}

// readLabels reads labels whose voxels have a size.
func readLabels(ctx context.Context, path string, o Options) (*volume.Labels, error) {
	l, err := volume.ReadLabels(ctx, path, volume.Limits{MaxBytes: o.Memory})
	if err != nil {
		return nil, err
	}
	return l, checkSpacing(path, l.Header)
}

// checkSpacing refuses a file whose header states no size of its voxels. A
// negative size counts as that size, one that is 0 is taken from the affine.
func checkSpacing(path string, h *volume.Header) error {
	a := h.Affine()
	for axis := range 3 {
		size := math.Abs(h.Pixdim[axis+1])
		if size > 0 && !math.IsInf(size, 0) {
			continue
		}
		if column := math.Hypot(math.Hypot(a[0][axis], a[1][axis]), a[2][axis]); column > 0 && !math.IsInf(column, 0) {
			continue
		}
		return fmt.Errorf("%q: %w: the header states %g along %c, and its affine none either, so distances would mean nothing; write the voxel size into the header",
			path, metrics.ErrSpacing, h.Pixdim[axis+1], "xyz"[axis])
	}
	return nil
}

// labelsOf lists the labels but 0 and the ignored ones, ascending.
func labelsOf(data []uint8, ignore []uint8) []uint8 {
	var seen [256]bool
	for _, v := range data {
		seen[v] = true
	}
	var list []uint8
	for label := 1; label < len(seen); label++ {
		if seen[label] && !slices.Contains(ignore, uint8(label)) {
			list = append(list, uint8(label))
		}
	}
	return list
}

// agree makes masks of two files of which each holds one label at most, and
// gives the reference's. A mask may be stored as 1 or as 255; any other two
// labels that differ are two structures.
func (v *volumes) agree(p Pair, ignore []uint8) (label uint8, err error) {
	refs, preds := labelsOf(v.ref, ignore), labelsOf(v.pred, ignore)
	if v.probabilities != nil {
		preds = nil
	}
	switch {
	case len(refs) > 1:
		return 0, notBinary(p.Reference, refs)
	case len(preds) > 1:
		return 0, notBinary(p.Prediction, preds)
	case len(refs)+len(preds) == 0:
		return 1, nil
	case len(preds) == 0:
		return refs[0], nil
	case len(refs) == 0:
		return preds[0], nil
	case refs[0] == preds[0]:
		return refs[0], nil
	}
	mask := func(label uint8) bool { return label == 1 || label == 255 }
	if !mask(refs[0]) || !mask(preds[0]) {
		return 0, fmt.Errorf("%w: %q holds the label %d, %q the label %d; say which to score", metrics.ErrNotBinary,
			p.Reference, refs[0], p.Prediction, preds[0])
	}
	for i, value := range v.pred {
		if value == preds[0] {
			v.pred[i] = refs[0]
		}
	}
	return refs[0], nil
}

func notBinary(path string, labels []uint8) error {
	names := make([]string, len(labels))
	for i, label := range labels {
		names[i] = fmt.Sprint(label)
	}
	if len(names) > 12 {
		names = append(names[:12], "…")
	}
	return fmt.Errorf("%w: %q holds the labels %s; say which to score", metrics.ErrNotBinary, path, strings.Join(names, ", "))
}
