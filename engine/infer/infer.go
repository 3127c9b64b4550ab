// Package infer predicts whole volumes with a network that sees windows: it
// lays the windows, weighs where they overlap, and puts the results together.
// It knows nothing of networks or files; the caller brings a Predictor.
package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrInput is what errors about shapes, lengths and options wrap.
var ErrInput = errors.New("sliding window")

// Mode says how voxels of a window are weighted where windows overlap.
type Mode string

// Gaussian weighs the middle of a window most; Constant weighs all the same.
const (
	Gaussian Mode = "gaussian"
	Constant Mode = "constant"
)

// Predictor computes n windows at a time. Patches holds them one after the
// other, each channels×x×y×z with z fastest; the result must hold
// n×classes×x×y×z logits in the same order. The slice it is given is reused
// after it returns; the slice it returns is read before the next call.
type Predictor func(ctx context.Context, patches []float32, n int, size [3]int) (logits []float32, err error)

// Options say how windows are laid.
type Options struct {
	Window  [3]int  // voxels along x, y, z
	Overlap float64 // share of the window that neighbours have in common, 0 ≤ Overlap < 1
	Batch   int     // windows at a time; 0 means 1
	Mode    Mode    // empty means Gaussian

	// Progress, if set, is told after each batch how many windows of all are done.
	Progress func(done, total int)
}

// SlidingWindow predicts a volume of the given shape (x, y, z). The data x are
// C-order, z fastest, one or more channels one after the other. The result is
// classes×x×y×z: the weighted mean of what the predictor gave.
//
// The definition is that of MONAI 1.4.0's sliding_window_inference: a window
// starts every int(window·(1−overlap)) voxels and the last ones are moved back
// to end with the volume; Gaussian weights have a standard deviation of an
// eighth of the window and are clamped below at max(min, 1e-3); a volume
// smaller than the window is padded with zeros, half on each side, and the
// result cropped. Patches for training are padded likewise (engine/train/patches).
func SlidingWindow(ctx context.Context, x []float32, shape [3]int, o Options, classes int, p Predictor) ([]float32, error) {
	s, err := newSweep(x, shape, o, classes)
	if err != nil {
		return nil, err
	}
	out := make([]float32, classes*volume(shape))
	plane := shape[1] * shape[2]
	err = s.run(ctx, p, func(ix, class int, row []float32) {
		copy(out[(class*shape[0]+ix)*plane:], row)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Labels is SlidingWindow followed by the choice of the likeliest class of
// each voxel (the lowest on a tie), C-order. Memory beyond the result is that
// of a slab one window thick, however long the volume and however many the
// classes.
func Labels(ctx context.Context, x []float32, shape [3]int, o Options, classes int, p Predictor) ([]uint8, error) {
	if classes > 256 {
		return nil, fmt.Errorf("%w: %d classes do not fit a byte", ErrInput, classes)
	}
	s, err := newSweep(x, shape, o, classes)
	if err != nil {
		return nil, err
	}
	plane := shape[1] * shape[2]
	out := make([]uint8, volume(shape))
	best := make([]float32, plane)
	err = s.run(ctx, p, func(ix, class int, row []float32) {
		labels := out[ix*plane:][:plane]
		for i, v := range row {
			if class == 0 || v > best[i] {
				best[i], labels[i] = v, uint8(class)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Probabilities is Labels with, for each voxel, the probability that it is not
// background (class 0): one minus the softmax of the background's logit.
func Probabilities(ctx context.Context, x []float32, shape [3]int, o Options, classes int, p Predictor) (labels []uint8, foreground []float32, err error) {
	if classes > 256 {
		return nil, nil, fmt.Errorf("%w: %d classes do not fit a byte", ErrInput, classes)
	}
	s, err := newSweep(x, shape, o, classes)
	if err != nil {
		return nil, nil, err
	}
	plane := shape[1] * shape[2]
	labels, foreground = make([]uint8, volume(shape)), make([]float32, volume(shape))
	logits := make([]float32, classes*plane) // of one plane
	err = s.run(ctx, p, func(ix, class int, row []float32) {
		copy(logits[class*plane:], row)
		if class < classes-1 {
			return
		}
		for i := range plane {
			labels[ix*plane+i], foreground[ix*plane+i] = judge(logits[i:], plane, classes)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return labels, foreground, nil
}

// judge gives the likeliest class of a voxel, the lowest on a tie, and the
// probability that it is not class 0. Its logits lie a stride apart.
func judge(logits []float32, stride, classes int) (best uint8, foreground float32) {
	highest := logits[0]
	for c := 1; c < classes; c++ {
		if v := logits[c*stride]; v > highest {
			best, highest = uint8(c), v
		}
	}
	var sum, others float64
	for c := range classes {
		e := math.Exp(float64(logits[c*stride] - highest))
		if sum += e; c > 0 {
			others += e
		}
	}
	return best, float32(others / sum)
}

func volume(shape [3]int) int { return shape[0] * shape[1] * shape[2] }
