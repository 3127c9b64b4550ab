package memory

import (
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// The bytes of one element.
const (
	float32Bytes  = 4
	bfloat16Bytes = 2
	int64Bytes    = 8
)

// tensor is a handle: a view of a block with its place in the history of
// gradients. Each is freed once.
type tensor struct {
	shape   nn.Shape
	strides []int64 // in elements; 0 along an axis that is expanded
	elem    int64   // bytes
	mem     *block
	from    *node // what its gradient goes back to; nil when none is wanted
	leaf    *leaf // where its gradient is collected; nil when it is not a leaf
}

// needs reports whether a gradient by it is wanted.
func (t *tensor) needs() bool { return t.from != nil || t.leaf != nil }

func (t *tensor) bytes() int64 { return t.shape.Elements() * t.elem }

// dense returns the strides of elements without gaps, the axes in the order
// given, outermost first.
func dense(shape nn.Shape, order []int) []int64 {
	strides, next := make([]int64, len(shape)), int64(1)
	for _, axis := range slices.Backward(order) {
		strides[axis] = next
		next *= int64(shape[axis])
	}
	return strides
}

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// contiguous are the strides of C order.
func contiguous(shape nn.Shape) []int64 { return dense(shape, ascending(len(shape))) }

// spatialRank is the number of axes of (N, C, X, Y, Z).
const spatialRank = 5

// channelsLast are the strides of five axes whose channels lie side by side.
func channelsLast(shape nn.Shape) []int64 { return dense(shape, []int{0, 2, 3, 4, 1}) }

// laidOut reports whether the tensor's elements lie as the strides say; axes of
// one element do not count.
func (t *tensor) laidOut(strides []int64) bool {
	for i, n := range t.shape {
		if n != 1 && t.strides[i] != strides[i] {
			return false
		}
	}
	return true
}

// suggestsChannelsLast is libtorch's guess at what a tensor's strides mean:
// ambiguous ones are taken for C order.
func (t *tensor) suggestsChannelsLast() bool {
	if len(t.shape) != spatialRank || t.strides[1] == 0 {
		return false
	}
	least := int64(0)
	for _, axis := range []int{1, 4, 3, 2, 0} {
		s := t.strides[axis]
		if s < least || axis == 0 && least == t.strides[1] {
			return false
		}
		least = s
		if n := t.shape[axis]; n > 1 {
			least *= int64(n)
		}
	}
	return true
}

// order lists the axes by descending stride, which is how libtorch lays out the
// result of an element-wise operation; ok is false when the tensor has axes
// that are expanded.
func (t *tensor) order() (order []int, ok bool) {
	for i, n := range t.shape {
		if n > 1 && t.strides[i] == 0 {
			return nil, false
		}
	}
	order = ascending(len(t.shape))
	slices.SortStableFunc(order, func(a, b int) int {
		if t.shape[a] == 1 || t.shape[b] == 1 {
			return 0
		}
		return int(min(1, max(-1, t.strides[b]-t.strides[a])))
	})
	return order, true
}

// sameOrder are the strides of a new tensor with the same order of elements.
func (t *tensor) sameOrder() []int64 {
	order, ok := t.order()
	if !ok {
		return contiguous(t.shape)
	}
	strides := dense(t.shape, order)
	if t.laidOut(strides) {
		return t.strides
	}
	return strides
}

// isDense reports whether the elements lie side by side, in whatever order.
func (t *tensor) isDense() bool {
	order, ok := t.order()
	return ok && t.laidOut(dense(t.shape, order))
}

// view computes the strides of a reshaped tensor, or ok = false when only a copy
// has that shape.
func (t *tensor) view(shape nn.Shape) (strides []int64, ok bool) {
	strides = make([]int64, len(shape))
	to := len(shape) - 1
	base := int64(1)
	if n := len(t.strides); n > 0 {
		base = t.strides[n-1]
	}
	have, want := int64(1), int64(1)
	for from, size := range slices.Backward(t.shape) {
		have *= int64(size)
		if from > 0 && (t.shape[from-1] == 1 || t.strides[from-1] == have*base) {
			continue
		}
		for to >= 0 && (want < have || shape[to] == 1) {
			strides[to] = want * base
			want *= int64(shape[to])
			to--
		}
		if want != have {
			return nil, false
		}
		if from > 0 {
			base, have, want = t.strides[from-1], 1, 1
		}
	}
	return strides, to < 0
}
