package metrics

import (
	"runtime"
	"slices"

	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
)

// Memory estimates how many bytes Evaluate needs at most beside the two masks
// of a shape, so that volumes can be scored side by side within a limit. What
// it needs is less where masks leave the faces of the volume free.
func Memory(shape [3]int, o Options) int64 {
	voxels := int64(shape[0]) * int64(shape[1]) * int64(shape[2])
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	shape = swapped(shape, lengthwise(shape))
	packed := bitmask.Bytes(shape)
	need := 6 * packed // both masks, whole and cropped, and their borders
	names := o.Metrics
	if len(names) == 0 {
		names = Names(o.Definition)
	}
	var most int64
	if slices.ContainsFunc(names, func(name string) bool { return searches(name, o) }) {
		plane := int64(threads) * int64(shape[0]) * int64(shape[1]) * 12
		lists := 16 * int64(shape[1]) * int64(shape[2])
		most = 2*packed + 2*voxels + plane + lists
	}
	if slices.ContainsFunc(names, func(name string) bool { return name == ClDice || slices.Contains(shapeNames(), name) }) {
		most = max(most, voxels) // bits, and lists of border voxels or of runs, for both masks
	}
	return need + most
}

// searches tells whether a metric looks for nearest voxels.
func searches(name string, o Options) bool {
	return name == NSD || name == NSDSubvoxel || IsDistance(name) || name == BoundaryIoU && o.BoundaryWidth > 1
}
