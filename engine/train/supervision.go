package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
)

// weights are those of count outputs in the loss, the logits first. They add up
// to 1. By nnunet, each counts half as much as the finer one before it, and the
// coarsest of three or more not at all (Isensee et al., 2021); by exp the
// coarsest counts too.
func (l loss) weights(count int) []float64 {
	w := make([]float64, count)
	for i := range w {
		switch {
		case i == 0, l.supervision == "same":
			w[i] = 1
		case l.supervision == "none", l.supervision == "nnunet" && i == count-1 && count > 2:
			w[i] = 0
		default:
			w[i] = math.Pow(0.5, float64(i))
		}
	}
	sum := 0.0
	for _, v := range w {
		sum += v
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// total is the loss of a network's outputs: the weighted sum of each one's own,
// where the labels of a coarser output are those of the nearest voxels. The
// scalar belongs to the arena.
func (l loss) total(ctx context.Context, a *arena, outputs []*ts.Tensor, onehot handle) handle {
	weights := l.weights(len(outputs))
	var total handle
	for i, o := range outputs {
		if weights[i] == 0 {
			continue
		}
		size, err := o.Size()
		if err == nil && (len(size) != len(l.shape) || size[1] != l.shape[1]) {
			err = fmt.Errorf("output %d has shape %v, want %d classes at three sizes", i, size, l.shape[1])
		}
		if err != nil {
			a.err = errors.Join(a.err, err)
			return nil
		}
		part := l
		part.shape = size
		term := part.of(ctx, a, raw(o), l.labels(a, onehot, size))
		total = added(a, total, weighted(a, term, weights[i]))
	}
	return total
}

// labels brings one-hot labels to an output's size. A voxel takes the label at
// its centre, as in MONAI's DeepSupervisionLoss and in nnU-Net.
func (l loss) labels(a *arena, onehot handle, size []int64) handle {
	if size[2] == l.shape[2] && size[3] == l.shape[3] && size[4] == l.shape[4] {
		return onehot
	}
	return a.do(func(out *handle) {
		lib.Atg_UpsampleNearestExact3d(out, onehot, size[2:], 3, 0, 1, 0, 1, 0, 1)
	})
}
