package volume

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Raw is a file as it is stored: the header and the voxels' bytes, in the
// file's byte order and datatype, unscaled, of one to seven dimensions.
// WriteRaw of what ReadRaw gave makes the same bytes.
type Raw struct {
	Header *Header
	Data   []byte
}

// ReadRaw reads a file without converting it.
func ReadRaw(ctx context.Context, path string, limits Limits) (*Raw, error) {
	s, h, err := openVoxels(path, limits)
	if err != nil {
		return nil, err
	}
	r, err := readRaw(ctx, s, h)
	return r, errors.Join(err, s.close())
}

func readRaw(ctx context.Context, s *source, h *Header) (*Raw, error) {
	size := h.Datatype.Size()
	r := &Raw{Header: h, Data: make([]byte, h.Voxels()*int64(size))}
	err := s.voxels(ctx, h, func(first int, b []byte) error {
		copy(r.Data[first*size:], b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Number is a Go type that a datatype corresponds to.
type Number interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64
}

// Values decodes the stored voxels into their own type, exactly and unscaled.
// T must be the type of the header's datatype, else the error wraps
// ErrUnsupported.
func Values[T Number](r *Raw) ([]T, error) {
	if want := datatypeOf[T](); want != r.Header.Datatype {
		return nil, fmt.Errorf("%w: voxels are %s, not %s", ErrUnsupported, r.Header.Datatype, want)
	}
	b := r.Data
	if r.Header.BigEndian {
		b = slices.Clone(b)
		swapBytes(b, r.Header.Datatype.Size())
	}
	v := make([]T, len(b)/r.Header.Datatype.Size())
	if _, err := binary.Decode(b, binary.LittleEndian, v); err != nil {
		return nil, fmt.Errorf("decode %s voxels: %w", r.Header.Datatype, err)
	}
	return v, nil
}

func datatypeOf[T Number]() Datatype {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return Uint8
	case int8:
		return Int8
	case uint16:
		return Uint16
	case int16:
		return Int16
	case uint32:
		return Uint32
	case int32:
		return Int32
	case uint64:
		return Uint64
	case int64:
		return Int64
	case float32:
		return Float32
	default:
		return Float64
	}
}
