package volume

import (
	"context"
	"encoding/binary"
	"io"
	"math"
)

// writeVoxels encodes values in the header's datatype, little-endian.
func writeVoxels[T float32 | uint8](ctx context.Context, w io.Writer, path string, h *Header, values []T) error {
	size := h.Datatype.Size()
	buffer := make([]byte, 16*block*size)
	for at := 0; at < len(values); at += 16 * block {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := values[at:min(at+16*block, len(values))]
		b := buffer[:len(part)*size]
		if i := encodeBlock(b, part, h.Datatype); i >= 0 {
			x, y, z := h.position(at + i)
			v := float64(part[i])
			if !finite(v) {
				return failure(path, ErrNonFinite, "voxel (%d, %d, %d) is %g, which %s cannot hold", x, y, z, v, h.Datatype)
			}
			return failure(path, ErrRange, "voxel (%d, %d, %d) is %g, which %s cannot hold; choose a wider datatype", x, y, z, v, h.Datatype)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// encodeBlock fills b. It returns the index of the first value that does not
// fit, or -1.
func encodeBlock[T float32 | uint8](b []byte, values []T, d Datatype) int {
	le := binary.LittleEndian
	switch d {
	case Float32:
		for i, v := range values {
			le.PutUint32(b[4*i:], math.Float32bits(float32(v)))
		}
		return -1
	case Float64:
		for i, v := range values {
			le.PutUint64(b[8*i:], math.Float64bits(float64(v)))
		}
		return -1
	default:
		return encodeIntegers(b, values, d)
	}
}

// encodeIntegers is encodeBlock for the integer datatypes.
func encodeIntegers[T float32 | uint8](b []byte, values []T, d Datatype) int {
	le := binary.LittleEndian
	low, high := d.bounds()
	size := d.Size()
	for i, v := range values {
		r := math.RoundToEven(float64(v))
		if !(r >= low && r <= high) {
			return i
		}
		bits := uint64(r)
		if r < 0 {
			bits = uint64(int64(r))
		}
		switch size {
		case 1:
			b[i] = uint8(bits)
		case 2:
			le.PutUint16(b[2*i:], uint16(bits))
		case 4:
			le.PutUint32(b[4*i:], uint32(bits))
		default:
			le.PutUint64(b[8*i:], bits)
		}
	}
	return -1
}

// bounds gives the smallest and largest float64 that converts to the integer
// datatype without overflow.
func (d Datatype) bounds() (low, high float64) {
	switch d {
	case Uint8:
		return 0, math.MaxUint8
	case Int8:
		return math.MinInt8, math.MaxInt8
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Uint16:
		return 0, math.MaxUint16
	case Int32:
		return math.MinInt32, math.MaxInt32
	case Uint32:
		return 0, math.MaxUint32
	case Int64:
		return math.MinInt64, math.Nextafter(1<<63, 0)
	default:
		return 0, math.Nextafter(1<<64, 0)
	}
}
