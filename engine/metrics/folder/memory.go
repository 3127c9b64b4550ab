package folder

import (
	"errors"
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/volume"
)

// ErrMemory means that a pair of files needs more memory than may be taken.
var ErrMemory = errors.New("not enough memory")

// Need estimates how many bytes scoring a pair takes, from the files' headers.
func Need(p Pair, o Options) (int64, error) {
	ref, err := volume.ReadHeader(p.Reference)
	if err != nil {
		return 0, err
	}
	voxels := ref.Voxels()
	need := 2 * voxels // both files as labels
	if p.Prediction != "" {
		pred, err := volume.ReadHeader(p.Prediction)
		if err != nil {
			return 0, err
		}
		theirs := pred.Voxels()
		if o.Probabilities {
			need += 4 * theirs // as they are stored
		}
		if o.Resample && ref.Grid().Differs(pred.Grid()) != "" {
			need += theirs
			if o.Probabilities {
				need += 4 * voxels
			}
		}
	}
	var work int64
	if len(o.Definitions) > 0 {
		work = metrics.Memory(ref.Shape(), o.Mask)
		if walks(o.Mask.Metrics) {
			work += labelWork * voxels
		}
	}
	if len(o.Vessels) > 0 {
		work = max(work, vesselWork*voxels)
	}
	if len(o.Judged) > 0 {
		work = max(work, judgeWork*voxels)
	}
	return need + work, nil
}

// Bytes a voxel beside the files: masks of one label for what walks over
// voxels, masks and centrelines of both files, the reference as 0 and 1 with
// what probability.Evaluate takes.
const (
	labelWork  = 2
	vesselWork = 3
	judgeWork  = 3
)

// walks tells whether a metric needs masks at a byte a voxel; none means all of
// them, some of which do.
func walks(names []string) bool {
	if len(names) == 0 {
		return true
	}
	for _, family := range []string{metrics.FamilyCentreline, metrics.FamilyTopology, metrics.FamilyInstance} {
		for _, name := range metrics.Family(family) {
			if slices.Contains(names, name) {
				return true
			}
		}
	}
	return false
}

// needed is Need of a pair that would fit, at least on its own.
func needed(p Pair, o Options) (int64, error) {
	need, err := Need(p, o)
	if err != nil || o.Memory <= 0 || need <= o.Memory {
		return need, err
	}
	return 0, fmt.Errorf("%w: scoring %q takes about %.3g GB, and %.3g GB may be taken", ErrMemory, p.Reference, float64(need)/1e9, float64(o.Memory)/1e9)
}
