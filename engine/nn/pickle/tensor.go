package pickle

import (
	"math"
	"math/bits"
	"strings"

	"github.com/minivess/minivess/engine/nn"
)

// elementType maps PyTorch's name of an element type (the first part of its
// storage class's name, or a torch.dtype's name) to ours, "" when there is none.
func elementType(name string) nn.DType {
	switch name {
	case "Double", "float64", "double":
		return nn.F64
	case "Float", "float32", "float":
		return nn.F32
	case "Half", "float16", "half":
		return nn.F16
	case "BFloat16", "bfloat16":
		return nn.BF16
	case "Long", "int64", "long":
		return nn.I64
	case "Int", "int32", "int":
		return nn.I32
	case "Short", "int16", "short":
		return nn.I16
	case "Char", "int8":
		return nn.I8
	case "Byte", "uint8", "Untyped":
		return nn.U8
	case "Bool", "bool":
		return nn.Bool
	default:
		return ""
	}
}

// newStorage reads a persistent id: "storage", class, key, device, elements,
// and in old files the view it is of another, or None.
func newStorage(id any) (s *Storage, view any, err error) {
	t, ok := id.(Tuple)
	if !ok || len(t) < 5 || len(t) > 6 || asText(t[0]) != "storage" {
		return nil, nil, malformed("a persistent id is %s, not a storage's", kind(id))
	}
	class, ok := t[1].(Global)
	key, device := asText(t[2]), asText(t[3])
	n, also := t[4].(int64)
	if !ok || !also || key == "" || n < 0 || n > math.MaxInt64/8 || !strings.HasSuffix(class.Name, "Storage") {
		return nil, nil, malformed("a storage is described by %s, %s, %s", kind(t[1]), kind(t[2]), kind(t[4]))
	}
	s = &Storage{Key: key, Class: class.Name, Elements: n, Location: device}
	s.dtype = elementType(strings.TrimSuffix(class.Name, "Storage"))
	if len(t) == 6 {
		view = t[5]
	}
	return s, view, nil
}

// asText returns a string, which Python 2 may have written as bytes.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return ""
	}
}

// rebuildTensor takes storage, offset, size and strides; what follows
// (requires_grad, hooks) does not matter here.
func rebuildTensor(_ *machine, args Tuple) (any, error) {
	if len(args) < 4 {
		return nil, malformed("a tensor is made of %d values", len(args))
	}
	s, ok := args[0].(*Storage)
	if !ok {
		return nil, malformed("a tensor is made of %s", kind(args[0]))
	}
	return newTensor(s, s.dtype, s.Class, args[1:4])
}

// rebuildTyped is rebuildTensor for types that have no storage class: the
// storage counts bytes and the seventh value is the type.
func rebuildTyped(_ *machine, args Tuple) (any, error) {
	if len(args) < 7 {
		return nil, malformed("a typed tensor is made of %d values", len(args))
	}
	s, ok := args[0].(*Storage)
	d, also := args[6].(Global)
	if !ok || !also {
		return nil, malformed("a typed tensor is made of %s and %s", kind(args[0]), kind(args[6]))
	}
	return newTensor(s, elementType(d.Name), d.Name, args[1:4])
}

// newTensor checks that a view lies within its storage.
func newTensor(s *Storage, d nn.DType, class string, layout []any) (*Tensor, error) {
	offset, ok := layout[0].(int64)
	if !ok || offset < 0 {
		return nil, malformed("a tensor's offset is %s", kind(layout[0]))
	}
	sizes, err := integers(layout[1])
	if err != nil {
		return nil, err
	}
	strides, err := integers(layout[2])
	if err != nil {
		return nil, err
	}
	if len(sizes) != len(strides) {
		return nil, malformed("a tensor has %d sizes and %d strides", len(sizes), len(strides))
	}
	t := &Tensor{Storage: s, DType: d, Offset: offset, Shape: make(nn.Shape, len(sizes)), Strides: strides}
	for i, n := range sizes {
		if n > math.MaxInt32 {
			return nil, malformed("a tensor has size %d", n)
		}
		t.Shape[i] = int(n)
	}
	if d == "" {
		t.Unreadable = "of element type " + strings.TrimSuffix(class, "Storage")
		return t, nil
	}
	if _, err := t.Shape.CheckElements(); err != nil {
		return nil, malformed("a tensor: %v", err)
	}
	end, ok := t.end()
	if held := s.Elements * int64(s.size()) / int64(d.Size()); !ok || end > held {
		return nil, malformed("a tensor of %v with strides %v at %d reaches past its storage %q of %d elements",
			t.Shape, t.Strides, t.Offset, s.Key, held)
	}
	return t, nil
}

// size is the bytes of an element of the storage.
func (s *Storage) size() int { return max(s.dtype.Size(), 1) }

// end is one past the last element that the view touches, 0 when it is empty;
// false when that is beyond counting.
func (t *Tensor) end() (int64, bool) {
	last := uint64(t.Offset)
	for i, n := range t.Shape {
		if n == 0 {
			return 0, true
		}
		high, low := bits.Mul64(uint64(n-1), uint64(t.Strides[i]))
		var carry uint64
		if last, carry = bits.Add64(last, low, 0); high != 0 || carry != 0 {
			return 0, false
		}
	}
	return int64(last + 1), last < math.MaxInt64
}

// integers reads a tuple of numbers, one for each axis, that are not negative.
func integers(v any) ([]int64, error) {
	from, err := items(v)
	if err != nil {
		return nil, err
	}
	if len(from) > maxAxes {
		return nil, malformed("an array of %d axes, more than %d", len(from), maxAxes)
	}
	out := make([]int64, len(from))
	for i, x := range from {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, malformed("%v of %s stands where a size or stride should", x, kind(x))
		}
		out[i] = n
	}
	return out, nil
}

// rebuildParameter is its tensor.
func rebuildParameter(_ *machine, args Tuple) (any, error) {
	if t, ok := first(args).(*Tensor); ok {
		return t, nil
	}
	return nil, malformed("a parameter is made of %s", kind(first(args)))
}

// rebuildFromType is a call of another function for a subclass of tensors,
// which is here a tensor.
func rebuildFromType(m *machine, args Tuple) (any, error) {
	if len(args) < 3 {
		return nil, malformed("a tensor of a subclass is made of %d values", len(args))
	}
	v, err := m.call(args[0], args[2])
	if err != nil {
		return nil, err
	}
	if t, ok := v.(*Tensor); ok {
		return t, nil
	}
	return nil, malformed("a tensor of a subclass is %s", kind(v))
}

// unreadable keeps tensors that are not plain arrays, so that the weights
// beside them can be read.
func unreadable(why string) function {
	return func(*machine, Tuple) (any, error) { return &Tensor{Unreadable: why}, nil }
}
