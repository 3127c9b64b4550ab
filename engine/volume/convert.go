package volume

import (
	"encoding/binary"
	"math"
	"slices"
)

// block is how many voxels are converted at a time, so that the float64s in
// between stay in the cache.
const block = 4096

// toFloat32 decodes, scales and narrows. It returns the index of the first
// voxel that policy refuses, or -1. It may change b.
func toFloat32(dst []float32, b []byte, scratch []float64, h *Header, slope, inter float64, policy NonFinite) int {
	size := h.Datatype.Size()
	for at := 0; at < len(dst); at += block {
		d := dst[at:min(at+block, len(dst))]
		values := scratch[:len(d)]
		decodeBlock(values, b[at*size:], h)
		if slope != 1 || inter != 0 {
			scale(values, slope, inter)
		}
		if i := narrow(d, values, policy); i >= 0 {
			return at + i
		}
	}
	return -1
}

// scale applies the line in float64. The conversion keeps the compiler from
// fusing the two operations, so that every machine gives the same bits.
func scale(v []float64, slope, inter float64) {
	for i := range v {
		v[i] = float64(v[i]*slope) + inter
	}
}

func narrow(dst []float32, values []float64, policy NonFinite) int {
	for i, v := range values {
		f := float32(v)
		if f-f != 0 && policy != NonFiniteKeep { // NaN or infinite
			if policy == NonFiniteError {
				return i
			}
			f = 0
		}
		dst[i] = f
	}
	return -1
}

// toUint8 decodes and scales labels. It returns the index and value of the
// first voxel that is not a label, or -1.
func toUint8(dst []uint8, b []byte, scratch []float64, h *Header, slope, inter float64) (int, float64) {
	size := h.Datatype.Size()
	for at := 0; at < len(dst); at += block {
		d := dst[at:min(at+block, len(dst))]
		values := scratch[:len(d)]
		decodeBlock(values, b[at*size:], h)
		if slope != 1 || inter != 0 {
			scale(values, slope, inter)
		}
		for i, v := range values {
			if !(v >= 0 && v <= math.MaxUint8) || v != math.Trunc(v) {
				return at + i, v
			}
			d[i] = uint8(v)
		}
	}
	return -1, 0
}

// decodeBlock turns stored voxels into float64, exactly but for integers of
// more than 53 bits, which are rounded to nearest. It may change b.
func decodeBlock(dst []float64, b []byte, h *Header) {
	size := h.Datatype.Size()
	b = b[:len(dst)*size]
	if h.BigEndian {
		swapBytes(b, size)
	}
	le := binary.LittleEndian
	switch h.Datatype {
	case Uint8:
		for i := range dst {
			dst[i] = float64(b[i])
		}
	case Int8:
		for i := range dst {
			dst[i] = float64(int8(b[i]))
		}
	case Int16:
		for i := range dst {
			dst[i] = float64(int16(le.Uint16(b[2*i:])))
		}
	case Uint16:
		for i := range dst {
			dst[i] = float64(le.Uint16(b[2*i:]))
		}
	case Int32:
		for i := range dst {
			dst[i] = float64(int32(le.Uint32(b[4*i:])))
		}
	case Uint32:
		for i := range dst {
			dst[i] = float64(le.Uint32(b[4*i:]))
		}
	case Float32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case Int64:
		for i := range dst {
			dst[i] = float64(int64(le.Uint64(b[8*i:])))
		}
	case Uint64:
		for i := range dst {
			dst[i] = float64(le.Uint64(b[8*i:]))
		}
	}
}

// swapBytes reverses the bytes of every element in place.
func swapBytes(b []byte, size int) {
	if size == 1 {
		return
	}
	for i := 0; i+size <= len(b); i += size {
		slices.Reverse(b[i : i+size])
	}
}
