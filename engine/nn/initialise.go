package nn

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// Initialise makes starting weights. Every parameter draws from a generator of
// its own, keyed by the seed and its name, so that the result depends neither
// on the order of declaration nor on the machine.
func Initialise(params []Param, seed int64) (*State, error) {
	if err := CheckParams(params); err != nil {
		return nil, err
	}
	s := &State{}
	for _, p := range params {
		t, err := initialTensor(p, seed)
		if err != nil {
			return nil, err
		}
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func initialTensor(p Param, seed int64) (Tensor, error) {
	if p.Type() == I64 {
		values := p.Init.Ints
		if p.Init.Kind != InitInts {
			values = make([]int64, p.Shape.Elements())
		}
		return IntTensor(p.Name, p.Shape, values)
	}
	if p.Type() != F32 {
		return Tensor{}, fmt.Errorf("%w %q: no initial values for type %s", ErrParam, p.Name, p.Type())
	}
	t := Tensor{Name: p.Name, DType: F32, Shape: p.Shape.Clone(), Data: make([]byte, 4*p.Shape.Elements())}
	draw, err := sampler(p, seed)
	if err != nil {
		return Tensor{}, err
	}
	row := len(t.Data)
	if p.Init.Repeat > 1 {
		if len(p.Shape) == 0 || p.Shape[0]%p.Init.Repeat != 0 {
			return Tensor{}, fmt.Errorf("%w %q: the rows of %v do not repeat by %d", ErrParam, p.Name, p.Shape, p.Init.Repeat)
		}
		row /= p.Shape[0]
	}
	for first := 0; first < len(t.Data); first += row * max(p.Init.Repeat, 1) {
		for i := first; i < first+row; i += 4 {
			binary.LittleEndian.PutUint32(t.Data[i:], math.Float32bits(draw()))
		}
		for copied := 1; copied < p.Init.Repeat; copied++ {
			copy(t.Data[first+copied*row:], t.Data[first:first+row])
		}
	}
	return t, nil
}

// sampler returns the function that yields a parameter's values one by one.
func sampler(p Param, seed int64) (func() float32, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.Name))                      // a hash never fails
	r := rand.New(rand.NewPCG(uint64(seed), h.Sum64())) //nolint:gosec // reproducible weights, not secrets
	switch p.Init.Kind {
	case InitZeros:
		return func() float32 { return 0 }, nil
	case InitOnes:
		return func() float32 { return 1 }, nil
	case InitConstant:
		return func() float32 { return float32(p.Init.Bound) }, nil
	case InitUniform:
		return func() float32 { return float32((2*r.Float64() - 1) * p.Init.Bound) }, nil
	case InitNormal:
		return func() float32 { return float32(r.NormFloat64() * p.Init.Bound) }, nil
	case InitTruncNormal:
		return func() float32 {
			for {
				if v := r.NormFloat64() * p.Init.Bound; math.Abs(v) <= 2 {
					return float32(v)
				}
			}
		}, nil
	case InitInts:
		return nil, fmt.Errorf("%w %q: whole numbers are for I64 buffers", ErrParam, p.Name)
	default:
		return nil, fmt.Errorf("%w %q: unknown initialiser %d", ErrParam, p.Name, int(p.Init.Kind))
	}
}
