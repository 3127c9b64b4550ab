// Package soft computes losses that are the soft counterparts of metrics, each
// with its gradient by the predicted probabilities: clDice, centreline boundary
// Dice and the boundary loss. On probabilities of 0 and 1 they say what
// engine/metrics and engine/metrics/edt say, and are tested so. The arithmetic
// is plain Go over arrays, since distances and centrelines of masks are no
// matter of tensors; how a loss joins a network's graph is package train's
// business, and so are Dice and cross-entropy, which libtorch computes.
package soft

import (
	"context"
	"errors"
	"fmt"
)

// ErrInput says that arrays do not fit their shape or hold something else than
// probabilities and labels.
var ErrInput = errors.New("soft loss: unusable input")

// Smooth is what both sides of a ratio of sums have added, as in the authors'
// implementations of clDice and cbDice: one voxel. A patch without a vessel has
// a loss of 0 where nothing is predicted, and a gentle one elsewhere.
const Smooth = 1.0

// Loss computes a loss of one class in one volume or patch and adds its
// gradient, times scale, to gradient. Probabilities are in [0, 1], reference is
// 0 or 1, all of shape (x, y, z), x fastest; none of the losses minds in which
// order the axes come but for the choice among equally thin centrelines.
// Distances are in voxels, as patches have no spacing.
type Loss func(ctx context.Context, probability, reference []float32, shape [3]int, scale float64, gradient []float32) (float64, error)

// check refuses what does not fit together. NaN is let through, so that a
// network that diverges is seen to diverge.
func check(probability, reference, gradient []float32, shape [3]int) error {
	n := shape[0] * shape[1] * shape[2]
	if min(shape[0], shape[1], shape[2]) < 1 || len(probability) != n || len(reference) != n || len(gradient) != n {
		return fmt.Errorf("%w: %d probabilities, %d labels and %d gradients for a shape of %v", ErrInput, len(probability), len(reference), len(gradient), shape)
	}
	for i, v := range reference {
		if v != 0 && v != 1 {
			return fmt.Errorf("%w: voxel %d of the reference is %v, neither 0 nor 1", ErrInput, i, v)
		}
		if p := probability[i]; p < 0 || p > 1.001 {
			return fmt.Errorf("%w: voxel %d has a probability of %v", ErrInput, i, p)
		}
	}
	return nil
}

// harmonic is 1 − 2ab/(a + b), with its derivatives by a and b, both above 0.
func harmonic(a, b float64) (loss, byA, byB float64) {
	sum := a + b
	return 1 - 2*a*b/sum, -2 * b * b / (sum * sum), -2 * a * a / (sum * sum)
}

// ratio is (a + Smooth)/(b + Smooth) with its derivatives by a and b.
func ratio(a, b float64) (value, byA, byB float64) {
	value = (a + Smooth) / (b + Smooth)
	return value, 1 / (b + Smooth), -value / (b + Smooth)
}
