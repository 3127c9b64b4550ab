// Package levels holds what U-shaped networks share whose sizes are given level
// by level: kernels and strides that may differ between axes, widths that double
// from level to level, and what follows from them. Layers do not belong here.
package levels

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// ErrSize means that a kernel or stride is not a whole number or three of them.
var ErrSize = errors.New("must be a whole number or three of them, one for each axis")

// Size is a kernel or a stride along x, y and z. In JSON it is a list of three
// numbers, or one number for all axes.
type Size [3]int

// UnmarshalJSON implements json.Unmarshaler. The error wraps ErrSize.
func (s *Size) UnmarshalJSON(text []byte) error {
	var one int
	if json.Unmarshal(text, &one) == nil {
		*s = Size{one, one, one}
		return nil
	}
	var all []int
	if err := json.Unmarshal(text, &all); err != nil || len(all) != len(s) {
		return fmt.Errorf("%q %w", text, ErrSize)
	}
	copy(s[:], all)
	return nil
}

// Same returns the size n along every axis, once for every level.
func Same(n, count int) []Size {
	out := make([]Size, count)
	for i := range out {
		out[i] = Size{n, n, n}
	}
	return out
}

// Halving returns the strides of a network that halves the size at each of its
// levels but the first.
func Halving(count int) []Size {
	out := Same(2, count)
	if count > 0 {
		out[0] = Size{1, 1, 1}
	}
	return out
}

// Product is what all strides together divide each axis by.
func Product(strides []Size) [3]int {
	out := [3]int{1, 1, 1}
	for _, s := range strides {
		for axis := range out {
			out[axis] *= s[axis]
		}
	}
	return out
}

// Widths doubles the first level's number of channels from level to level, up to
// most (or to the first level's, where that is larger).
func Widths(first, count, most int) []int {
	out := make([]int, count)
	for i := range out {
		out[i] = first
		first = min(2*first, max(first, most))
	}
	return out
}

// KaimingNormal is kaiming_normal_ for a leaky ReLU with slope 0.01, which both
// MONAI's DynUNet and nnU-Net start from: a normal distribution with deviation
// √(2 / (1 + 0.01²) / fanIn).
func KaimingNormal(fanIn int) nn.Init {
	const slope = 0.01
	return nn.TruncNormal(math.Sqrt(2 / (1 + slope*slope) / float64(max(1, fanIn))))
}

// Count returns the number of levels: that of the first list that is given, else
// the one otherwise taken.
func Count(otherwise int, given ...int) int {
	for _, n := range given {
		if n > 0 {
			return n
		}
	}
	return otherwise
}

// Check refuses a level whose kernel has no middle, and sizes that make no sense.
func Check(level int, kernel, stride Size) error {
	const mostKernel, mostStride = 15, 8
	for axis := range kernel {
		k, s := kernel[axis], stride[axis]
		switch {
		case k < 1 || k > mostKernel || k%2 == 0:
			return fmt.Errorf("kernel %v at level %d: %d must be odd, 1 to %d", kernel, level, k, mostKernel)
		case s < 1 || s > mostStride:
			return fmt.Errorf("stride %v at level %d: %d must be 1 to %d", stride, level, s, mostStride)
		}
	}
	return nil
}
