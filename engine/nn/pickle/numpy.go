package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/minivess/minivess/engine/nn"
)

// numpyType is a numpy.dtype.
type numpyType struct {
	code string // such as f8; structured types have others
	big  bool
}

// newNumpyType takes the code; byte order comes with the state.
func newNumpyType(_ *machine, args Tuple) (any, error) {
	code := asText(first(args))
	if code == "" || len(code) > maxName {
		return nil, malformed("a numpy.dtype is made of %s", kind(first(args)))
	}
	if code[0] == '<' || code[0] == '|' {
		code = code[1:]
	}
	return &numpyType{code: code}, nil
}

// build takes (version, byte order, …).
func (t *numpyType) build(state any) error {
	v, err := items(state)
	if err != nil || len(v) < 2 {
		return malformed("a numpy.dtype's state is %s", kind(state))
	}
	t.big = asText(v[1]) == ">"
	return nil
}

// size is the bytes of an element, 0 for types that are not plain numbers.
func (t *numpyType) size() int {
	switch t.code {
	case "b1", "i1", "u1", "f2", "i2", "u2", "f4", "i4", "u4", "f8", "i8", "u8":
		n, _ := strconv.Atoi(t.code[1:])
		return n
	default:
		return 0
	}
}

// numpyScalar turns a NumPy number into a plain one, and keeps anything else as
// an object.
func numpyScalar(_ *machine, args Tuple) (any, error) {
	t, ok := first(args).(*numpyType)
	if !ok || len(args) < 2 {
		return nil, malformed("a NumPy scalar is made of %s", kind(first(args)))
	}
	data, ok := args[1].([]byte)
	if n := t.size(); n == 0 || !ok {
		return &Object{Class: Global{"numpy", t.code}, Args: args[1:]}, nil
	} else if len(data) != n {
		return nil, malformed("a NumPy scalar of type %q has %d bytes", t.code, len(data))
	}
	var whole [8]byte
	copy(whole[:], data)
	if t.big {
		slices.Reverse(whole[:len(data)])
	}
	return number(t.code, binary.LittleEndian.Uint64(whole[:])), nil
}

// number interprets an element's bits.
func number(code string, v uint64) any {
	switch code {
	case "b1":
		return v != 0
	case "i1":
		return int64(int8(v))
	case "i2":
		return int64(int16(v))
	case "i4":
		return int64(int32(v))
	case "f8":
		return math.Float64frombits(v)
	case "f4":
		return float64(math.Float32frombits(uint32(v)))
	case "f2":
		one := nn.Tensor{DType: nn.F16, Shape: nn.Shape{1}, Data: []byte{byte(v), byte(v >> 8)}}
		if x, err := one.Float32(); err == nil {
			return float64(x[0])
		}
		return math.NaN()
	case "u8":
		if v > math.MaxInt64 {
			return new(big.Int).SetUint64(v)
		}
	}
	return int64(v)
}

// build takes an array's state: version, shape, type, Fortran order, data.
func (a *Array) build(state any) error {
	v, err := items(state)
	if err != nil || len(v) != 5 {
		return malformed("a NumPy array's state is %s", kind(state))
	}
	fortran, ok := v[3].(bool)
	if !ok {
		return malformed("a NumPy array's order is %s", kind(v[3]))
	}
	return a.fill(v[1], v[2], fortran, v[4])
}

// frombuffer is how protocol 5 writes arrays: data, type, shape, order.
func frombuffer(_ *machine, args Tuple) (any, error) {
	if len(args) != 4 {
		return nil, malformed("a NumPy array is made of %d values", len(args))
	}
	a := &Array{}
	return a, a.fill(args[2], args[1], asText(args[3]) == "F", args[0])
}

func (a *Array) fill(shape, dtype any, fortran bool, data any) error {
	sizes, err := integers(shape)
	if err != nil {
		return err
	}
	t, ok := dtype.(*numpyType)
	if !ok {
		return malformed("a NumPy array has type %s", kind(dtype))
	}
	a.Type, a.Big, a.Fortran = t.code, t.big, fortran
	for _, n := range sizes {
		a.Shape = append(a.Shape, int(n))
	}
	n, err := a.Shape.CheckElements()
	if err != nil {
		return malformed("a NumPy array: %v", err)
	}
	raw, ok := data.([]byte)
	size := int64(t.size())
	if !ok || size == 0 {
		return nil // of objects, text or records: only its shape is kept
	}
	if n > math.MaxInt64/size || n*size != int64(len(raw)) {
		return malformed("a NumPy array of %v and type %q has %d bytes", a.Shape, t.code, len(raw))
	}
	a.Data = raw
	return nil
}
