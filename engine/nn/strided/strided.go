// Package strided copies arrays whose elements do not lie in C order, as PyTorch
// and NumPy store transposed ones. It knows bytes alone, no element types.
package strided

import "encoding/binary"

// Gather copies the elements of a strided view into dst in C order. src begins
// at the view's first element and must reach to its last; strides count
// elements and are not negative; size is the bytes of an element. The length of
// dst must be that of all elements.
func Gather(dst, src []byte, shape []int, strides []int64, size int) {
	if len(shape) == 0 {
		copy(dst, src[:size])
		return
	}
	shape, strides = merge(shape, strides)
	index := make([]int, len(shape))
	last := len(shape) - 1
	n, stride := shape[last], int(strides[last])
	for at, to := 0, 0; to < len(dst); {
		row(dst[to:to+n*size], src[at*size:], stride, size)
		to += n * size
		for i := last - 1; ; i-- {
			if i < 0 {
				return
			}
			index[i]++
			at += int(strides[i])
			if index[i] < shape[i] {
				break
			}
			at -= index[i] * int(strides[i])
			index[i] = 0
		}
	}
}

// merge makes one axis of neighbours that a single stride walks through, so that
// rows get long: the three of a kernel in channels-last order, for one.
func merge(shape []int, strides []int64) ([]int, []int64) {
	sizes, steps := []int{shape[0]}, []int64{strides[0]}
	for i := 1; i < len(shape); i++ {
		last := len(sizes) - 1
		if steps[last] == int64(shape[i])*strides[i] {
			sizes[last] *= shape[i]
			steps[last] = strides[i]
			continue
		}
		sizes, steps = append(sizes, shape[i]), append(steps, strides[i])
	}
	return sizes, steps
}

// row copies elements that are stride apart.
func row(dst, src []byte, stride, size int) {
	le := binary.LittleEndian
	switch step := stride * size; size {
	case 4:
		for i, j := 0, 0; i < len(dst); i, j = i+4, j+step {
			le.PutUint32(dst[i:], le.Uint32(src[j:]))
		}
	case 2:
		for i, j := 0, 0; i < len(dst); i, j = i+2, j+step {
			le.PutUint16(dst[i:], le.Uint16(src[j:]))
		}
	default:
		for i, j := 0, 0; i < len(dst); i, j = i+size, j+step {
			copy(dst[i:i+size], src[j:j+size])
		}
	}
}

// Swap reverses the bytes of each element.
func Swap(b []byte, size int) {
	for ; len(b) >= size; b = b[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}
