package train

import (
	"context"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/train/soft"
)

// smooth keeps the Dice of an absent class defined; MONAI's smooth_nr and
// smooth_dr.
const smooth = 1e-5

// loss is MONAI 1.4.0's DiceCELoss with softmax, lambda_dice = lambda_ce = 1
// and batch = false, one of its halves, or one of them with the terms of package
// soft, as soft.Of has it:
//
//	Dice: mean over patches and classes of 1 − (2·Σpy + ε)/(Σp + Σy + ε)
//	CE:   mean over patches and voxels of −Σ_c y·log p
//
// With background left out (include_background=False), Dice is the mean over
// the other classes; cross-entropy always sees all of them, the terms never the
// background.
type loss struct {
	recipe     soft.Recipe
	background bool
	// supervision names the weights of coarser outputs.
	supervision string
	shape       []int64 // N, C, X, Y, Z
	device      gotch.Device
}

// newLoss makes the loss of a valid configuration.
func newLoss(t config.Train, classes int, device gotch.Device) loss {
	recipe, _ := soft.Of(t.Loss)
	return loss{
		recipe: recipe, background: t.IncludeBackground, supervision: t.OutputWeights, device: device,
		shape: []int64{int64(t.BatchSize), int64(classes), int64(t.PatchSize[0]), int64(t.PatchSize[1]), int64(t.PatchSize[2])},
	}
}

// of computes the loss of logits against one-hot labels of the same shape. The
// scalar belongs to the arena.
func (l loss) of(ctx context.Context, a *arena, logits, onehot handle) handle {
	logp := a.do(func(out *handle) { lib.AtgLogSoftmax(out, logits, 1, gotch.Float.CInt()) })
	var total handle
	if w := l.recipe.CrossEntropy; w != 0 {
		product := a.do(func(out *handle) { lib.AtgMul(out, onehot, logp) })
		sum := a.do(func(out *handle) { lib.AtgSum(out, product, gotch.Float.CInt()) })
		voxels := l.shape[0] * l.shape[2] * l.shape[3] * l.shape[4]
		total = weighted(a, sum, -w/float64(voxels))
	}
	if l.recipe.Dice == 0 && len(l.recipe.Terms) == 0 {
		return total
	}
	p := a.do(func(out *handle) { lib.AtgExp(out, logp) })
	if w := l.recipe.Dice; w != 0 {
		total = added(a, total, weighted(a, l.diceLoss(a, p, onehot), w))
	}
	if len(l.recipe.Terms) > 0 {
		total = added(a, total, l.softTerms(ctx, a, p, onehot))
	}
	return total
}

// weighted multiplies by a number, unless that is 1.
func weighted(a *arena, h handle, by float64) handle {
	if by == 1 {
		return h
	}
	w := number(by)
	defer lib.AtsFree(w)
	return a.do(func(out *handle) { lib.AtgMulScalar(out, h, w) })
}

// added is a sum of which the first part may be missing.
func added(a *arena, first, second handle) handle {
	if first == nil {
		return second
	}
	return a.do(func(out *handle) { lib.AtgAdd(out, first, second) })
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
