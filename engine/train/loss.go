package train

import (
	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
)

// smooth keeps the Dice of an absent class defined; MONAI's smooth_nr and
// smooth_dr.
const smooth = 1e-5

// loss is MONAI 1.4.0's DiceCELoss with softmax, lambda_dice = lambda_ce = 1
// and batch = false, or one of its halves:
//
//	Dice: mean over patches and classes of 1 − (2·Σpy + ε)/(Σp + Σy + ε)
//	CE:   mean over patches and voxels of −Σ_c y·log p
//
// With background left out (include_background=False), Dice is the mean over
// the other classes; cross-entropy always sees all of them.
type loss struct {
	dice, ce   bool
	background bool
	// supervision names the weights of coarser outputs.
	supervision string
	shape       []int64 // N, C, X, Y, Z
}

func newLoss(t config.Train, classes int) loss {
	return loss{
		dice: t.Loss != "ce", ce: t.Loss != "dice", background: t.IncludeBackground, supervision: t.OutputWeights,
		shape: []int64{int64(t.BatchSize), int64(classes), int64(t.PatchSize[0]), int64(t.PatchSize[1]), int64(t.PatchSize[2])},
	}
}

// of computes the loss of logits against one-hot labels of the same shape. The
// scalar belongs to the arena.
func (l loss) of(a *arena, logits, onehot handle) handle {
	logp := a.do(func(out *handle) { lib.AtgLogSoftmax(out, logits, 1, gotch.Float.CInt()) })
	var total handle
	if l.ce {
		product := a.do(func(out *handle) { lib.AtgMul(out, onehot, logp) })
		sum := a.do(func(out *handle) { lib.AtgSum(out, product, gotch.Float.CInt()) })
		voxels := l.shape[0] * l.shape[2] * l.shape[3] * l.shape[4]
		scale := number(-1 / float64(voxels))
		defer lib.AtsFree(scale)
		total = a.do(func(out *handle) { lib.AtgMulScalar(out, sum, scale) })
	}
	if !l.dice {
		return total
	}
	p := a.do(func(out *handle) { lib.AtgExp(out, logp) })
	d := l.diceLoss(a, p, onehot)
	if total == nil {
		return d
	}
	return a.do(func(out *handle) { lib.AtgAdd(out, total, d) })
}

func (l loss) diceLoss(a *arena, p, y handle) handle {
	if !l.background {
		classes := l.shape[1] - 1
		p, y = l.foreground(a, p, classes), l.foreground(a, y, classes)
	}
	sum := func(h handle) handle {
		return a.do(func(out *handle) { lib.AtgSumDimIntlist(out, h, []int64{2, 3, 4}, 3, 0, gotch.Float.CInt()) })
	}
	two, epsilon, one := number(2), number(smooth), number(1)
	defer lib.AtsFree(two)
	defer lib.AtsFree(epsilon)
	defer lib.AtsFree(one)
	both := sum(a.do(func(out *handle) { lib.AtgMul(out, p, y) }))
	both = a.do(func(out *handle) { lib.AtgMulScalar(out, both, two) })
	both = a.do(func(out *handle) { lib.AtgAddScalar(out, both, epsilon) })
	sp, sy := sum(p), sum(y)
	either := a.do(func(out *handle) { lib.AtgAdd(out, sp, sy) })
	either = a.do(func(out *handle) { lib.AtgAddScalar(out, either, epsilon) })
	dice := a.do(func(out *handle) { lib.AtgDiv(out, both, either) })
	mean := a.do(func(out *handle) { lib.AtgMean(out, dice, gotch.Float.CInt()) })
	return a.do(func(out *handle) { lib.AtgRsubScalar(out, mean, one) })
}

func (l loss) foreground(a *arena, h handle, classes int64) handle {
	return a.do(func(out *handle) { lib.AtgNarrow(out, h, 1, 1, classes) })
}
