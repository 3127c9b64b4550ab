// Package nntest is what the tests of networks and of their interpreters share:
// weights and images by formula, a network that uses every operation, and the
// comparison with what reference implementations computed. Only tests import
// it.
package nntest

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/minivess/minivess/engine/nn"
)

// uniform yields numbers in [-1, 1) that depend on the name and the position
// alone: SplitMix64 started at the name's FNV-1a hash. scripts/peers/formula.py
// is the same in Python.
func uniform(name string, count int64) []float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	state, out := h.Sum64(), make([]float64, count)
	for i := range out {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		out[i] = float64(z>>40)/(1<<23) - 1
	}
	return out
}

// Image returns float32 values in [-1, 1) for a tensor of that name.
func Image(name string, shape nn.Shape) []float32 {
	u := uniform(name, shape.Elements())
	out := make([]float32, len(u))
	for i, v := range u {
		out[i] = float32(v)
	}
	return out
}

// Weights returns a value for every parameter, sized so that signals neither
// die nor explode. Buffers of whole numbers keep their initial values.
func Weights(params []nn.Param) (*nn.State, error) {
	s := &nn.State{}
	for _, p := range params {
		if !p.Type().Float() {
			whole, err := nn.Initialise([]nn.Param{p}, 0)
			if err != nil {
				return nil, err
			}
			for t := range whole.All() {
				if err := s.Add(t); err != nil {
					return nil, err
				}
			}
			continue
		}
		u := uniform(p.Name, p.Shape.Elements())
		values := make([]float32, len(u))
		for i, v := range u {
			switch {
			case len(p.Shape) > 1:
				values[i] = float32(v * math.Sqrt(3/float64(p.Shape[1:].Elements())))
			case strings.HasSuffix(p.Name, ".weight"), strings.HasSuffix(p.Name, ".running_var"):
				values[i] = float32(1 + 0.25*v)
			default:
				values[i] = float32(0.1 * v)
			}
		}
		t, err := nn.FloatTensor(p.Name, p.Shape, values)
		if err != nil {
			return nil, err
		}
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}
