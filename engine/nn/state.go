package nn

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
)

// Tensor is a named array on the host: C order (last axis fastest),
// little-endian, len(Data) = elements × element size.
type Tensor struct {
	Name  string
	DType DType
	Shape Shape
	Data  []byte
}

// FloatTensor makes an F32 tensor out of values, which are copied.
func FloatTensor(name string, shape Shape, values []float32) (Tensor, error) {
	t := Tensor{Name: name, DType: F32, Shape: shape.Clone(), Data: make([]byte, 4*len(values))}
	for i, v := range values {
		binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(v))
	}
	return t, t.Check()
}

// IntTensor makes an I64 tensor out of values, which are copied.
func IntTensor(name string, shape Shape, values []int64) (Tensor, error) {
	t := Tensor{Name: name, DType: I64, Shape: shape.Clone(), Data: make([]byte, 8*len(values))}
	for i, v := range values {
		binary.LittleEndian.PutUint64(t.Data[8*i:], uint64(v))
	}
	return t, t.Check()
}

// Check verifies that the type is known and that the data has the size that
// type and shape ask for.
func (t Tensor) Check() error {
	if err := t.DType.Check(); err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	n, err := t.Shape.CheckElements()
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if size := int64(t.DType.Size()); n > math.MaxInt64/size || n*size != int64(len(t.Data)) {
		return fmt.Errorf("tensor %q: %w: %s of %v needs %d elements, the data has %d bytes",
			t.Name, ErrShape, t.DType, t.Shape, n, len(t.Data))
	}
	return nil
}

// Float32 returns the values as float32, converting any floating-point type.
// F64 loses precision; BF16 and F16 convert exactly. Other types are refused.
func (t Tensor) Float32() ([]float32, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	out := make([]float32, t.Shape.Elements())
	le := binary.LittleEndian
	switch t.DType {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(t.Data[4*i:]))
		}
	case F64:
		for i := range out {
			out[i] = float32(math.Float64frombits(le.Uint64(t.Data[8*i:])))
		}
	case BF16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(le.Uint16(t.Data[2*i:])) << 16)
		}
	case F16:
		for i := range out {
			out[i] = halfToFloat(le.Uint16(t.Data[2*i:]))
		}
	case I64, I32, I16, I8, U8, Bool:
		return nil, fmt.Errorf("tensor %q: %w: %s is not a floating-point type", t.Name, ErrDType, t.DType)
	}
	return out, nil
}

// Int64 returns the values of an I64 tensor. Other types are refused.
func (t Tensor) Int64() ([]int64, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	if t.DType != I64 {
		return nil, fmt.Errorf("tensor %q: %w: %s is not I64", t.Name, ErrDType, t.DType)
	}
	out := make([]int64, t.Shape.Elements())
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return out, nil
}

// halfToFloat converts an IEEE 754 binary16 number.
func halfToFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exponent {
	case 0: // zero and subnormal numbers: fraction × 2⁻²⁴
		f := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}

// State is an ordered set of named host tensors: a network's weights as they
// lie in a checkpoint. The zero value is empty and ready to use.
type State struct {
	tensors []Tensor
	index   map[string]int
}

// Add appends a tensor. Names are unique.
func (s *State) Add(t Tensor) error {
	if err := t.Check(); err != nil {
		return err
	}
	if _, ok := s.index[t.Name]; ok {
		return fmt.Errorf("%w: tensor %q is there twice", ErrState, t.Name)
	}
	if s.index == nil {
		s.index = make(map[string]int)
	}
	s.index[t.Name] = len(s.tensors)
	s.tensors = append(s.tensors, t)
	return nil
}

// Get returns the tensor of that name.
func (s *State) Get(name string) (Tensor, bool) {
	i, ok := s.index[name]
	if !ok {
		return Tensor{}, false
	}
	return s.tensors[i], true
}

// Len returns the number of tensors.
func (s *State) Len() int { return len(s.tensors) }

// All yields the tensors in order.
func (s *State) All() iter.Seq[Tensor] { return slices.Values(s.tensors) }

// Bytes returns the size of all data.
func (s *State) Bytes() int64 {
	var n int64
	for _, t := range s.tensors {
		n += int64(len(t.Data))
	}
	return n
}
