package nn

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Shape is a tensor's size along each axis, outermost first.
type Shape []int

// Elements returns the number of elements, 1 for a scalar.
func (s Shape) Elements() int64 {
	n := int64(1)
	for _, d := range s {
		n *= int64(d)
	}
	return n
}

// Clone returns a copy that shares nothing.
func (s Shape) Clone() Shape { return slices.Clone(s) }

// Equal reports whether both have the same sizes in the same order.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// String writes the shape as 2×1×32×64×64, or "scalar".
func (s Shape) String() string {
	if len(s) == 0 {
		return "scalar"
	}
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "×")
}

// CheckElements returns the number of elements, or an error when a size is
// negative or the product does not fit.
func (s Shape) CheckElements() (int64, error) {
	n := int64(1)
	for _, d := range s {
		if d < 0 {
			return 0, fmt.Errorf("%w: size %d is negative", ErrShape, d)
		}
		if d > 0 && n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("%w: %v has more elements than can be counted", ErrShape, s)
		}
		n *= int64(d)
	}
	return n, nil
}

// broadcast returns the shape of an element-wise operation under NumPy's
// rules, or false when the shapes do not fit.
func broadcast(a, b Shape) (Shape, bool) {
	n := max(len(a), len(b))
	out := make(Shape, n)
	for i := range n {
		x, y := 1, 1
		if j := i - (n - len(a)); j >= 0 {
			x = a[j]
		}
		if j := i - (n - len(b)); j >= 0 {
			y = b[j]
		}
		switch {
		case x == y || y == 1:
			out[i] = x
		case x == 1:
			out[i] = y
		default:
			return nil, false
		}
	}
	return out, true
}
