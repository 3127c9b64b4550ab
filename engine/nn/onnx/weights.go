package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// Precision says how weights are stored. The arithmetic is float32 either way:
// each narrowed weight is widened again where the network reads it, which every
// runtime can do, on any hardware, without the overflows of half precision.
type Precision string

// The ways of storing the weights of convolutions and matrix products. Norms,
// biases, tables and small tensors stay float32.
const (
	Float32 Precision = "float32"
	// Float16 rounds to the nearest half-precision number; a tensor with a value
	// beyond its range stays float32. Half the size.
	Float16 Precision = "float16"
	// Int8 keeps a whole number from -127 to 127 for each weight and a scale for
	// each output channel (symmetric, by the channel's largest magnitude). A
	// quarter of the size. ONNX Runtime takes such matrix products (not
	// convolutions) as a licence to round the other factor too, unless its session
	// entry session.disable_quant_qdq is 1.
	Int8 Precision = "int8"
)

// fewest is the number of elements below which narrowing saves nothing worth
// having.
const fewest = 1024

// largestHalf is the largest finite half-precision number.
const largestHalf = 65504

// Check refuses an unknown precision.
func (p Precision) Check() error {
	switch p {
	case "", Float32, Float16, Int8:
		return nil
	}
	return fmt.Errorf("%w: weights as %q: must be %s, %s or %s", ErrUnsupported, string(p), Float32, Float16, Int8)
}

// narrowed finds the parameters that may be stored with less precision: for the
// value's index, the axis of the output channels.
func narrowed(p *nn.Program) map[int]int {
	axes := make(map[int]int)
	note := func(v, axis int) {
		info := p.Values[v]
		if _, known := axes[v]; !known && info.Source == nn.FromParam && info.Shape.Elements() >= fewest {
			axes[v] = axis
		}
	}
	for _, n := range p.Nodes {
		switch n.Op.(type) {
		case nn.Conv:
			note(n.In[1], 0)
		case nn.ConvTranspose:
			note(n.In[1], 1) // (in, out/groups, …)
		case nn.MatMulOp:
			weight := p.Values[n.In[1]]
			axis := len(weight.Shape) - 1
			if weight.Source == nn.FromNode { // a linear layer's (out, in), turned
				turn := p.Nodes[weight.Index]
				if order, ok := turn.Op.(nn.Permute); ok {
					note(turn.In[0], order.Axes[axis])
				}
				continue
			}
			note(n.In[1], axis)
		}
	}
	return axes
}

// weights adds the parameters that the network reads.
func (g *graph) weights(s *nn.State, precision Precision) error {
	axes := map[int]int{}
	if precision == Float16 || precision == Int8 {
		axes = narrowed(g.program)
	}
	for v, info := range g.program.Values {
		if info.Source != nn.FromParam {
			continue
		}
		q := g.program.Params[info.Index]
		if !q.Type().Float() {
			continue // counts training passes; no operator reads it
		}
		axis, narrow := axes[v]
		read := func() ([]float32, error) { return values(s, q) }
		switch {
		case narrow && precision == Int8:
			if err := g.int8Weight(v, q, axis, read); err != nil {
				return err
			}
		case narrow:
			if err := g.halfWeight(v, q, read); err != nil {
				return err
			}
		default:
			g.keep(stored{name: q.Name, elem: elemFloat, dims: q.Shape, size: 4 * q.Shape.Elements(), data: func() ([]byte, error) {
				if t, ok := s.Get(q.Name); ok && t.DType == nn.F32 {
					return t.Data, nil
				}
				w, err := read()
				return rawFloats(w), err
			}})
		}
	}
	return nil
}

// values reads a parameter, whatever its floating-point type.
func values(s *nn.State, q nn.Param) ([]float32, error) {
	t, ok := s.Get(q.Name)
	if !ok {
		return nil, fmt.Errorf("%w: no tensor %q", nn.ErrState, q.Name)
	}
	return t.Float32()
}

// wide is the name of a narrowed weight after widening.
func wide(name string) string { return name + "/float32" }

// halfWeight stores float16 and widens it with Cast.
func (g *graph) halfWeight(v int, q nn.Param, read func() ([]float32, error)) error {
	w, err := read()
	if err != nil {
		return err
	}
	n := q.Shape.Elements()
	if slices.ContainsFunc(w, func(x float32) bool { return !(math.Abs(float64(x)) <= largestHalf) }) {
		g.keep(stored{name: q.Name, elem: elemFloat, dims: q.Shape, size: 4 * n, data: bytesOf(rawFloats(w))})
		return nil
	}
	g.keep(stored{name: q.Name, elem: elemFloat16, dims: q.Shape, size: 2 * n, data: func() ([]byte, error) {
		w, err := read()
		raw := make([]byte, 2*len(w))
		for i, x := range w {
			binary.LittleEndian.PutUint16(raw[2*i:], half(x))
		}
		return raw, err
	}})
	g.names[v] = wide(q.Name)
	g.node("Cast", []string{q.Name}, g.names[v], intAttr("to", elemFloat))
	return nil
}

// half rounds to the nearest IEEE 754 binary16 number, ties to even. Beyond the
// range it gives an infinity.
func half(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits &^ (1 << 31)
	switch {
	case magnitude > 0x7f800000: // not a number
		return sign | 0x7e00
	case magnitude >= 0x477ff000: // rounds to 2^16 or more
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2⁻¹⁴: a multiple of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(magnitude))*(1<<24)))
	}
	// The exponent's bias goes from 127 to 15; thirteen bits are rounded away, and
	// a carry into the exponent is right.
	rounded := magnitude + 0xfff + magnitude>>13&1
	return sign | uint16((rounded-(127-15)<<23)>>13)
}

// int8Weight stores whole numbers with a scale for each output channel, and
// widens them with DequantizeLinear.
func (g *graph) int8Weight(v int, q nn.Param, axis int, read func() ([]float32, error)) error {
	w, err := read()
	if err != nil {
		return err
	}
	scales := channelScales(w, q.Shape, axis)
	g.keep(stored{name: q.Name, elem: elemInt8, dims: q.Shape, size: q.Shape.Elements(), data: func() ([]byte, error) {
		w, err := read()
		return quantise(w, q.Shape, axis, scales), err
	}})
	// Without its zero point, which is 0, runtimes forget that it is signed.
	scale, zero := q.Name+"/scale", q.Name+"/zero_point"
	g.keep(stored{name: zero, elem: elemInt8, dims: []int{len(scales)}, size: int64(len(scales)), data: bytesOf(make([]byte, len(scales)))})
	g.keep(stored{name: scale, elem: elemFloat, dims: []int{len(scales)}, size: int64(4 * len(scales)), data: bytesOf(rawFloats(scales))})
	g.names[v] = wide(q.Name)
	g.node("DequantizeLinear", []string{q.Name, scale, zero}, g.names[v], intAttr("axis", axis))
	return nil
}

// levels is the largest whole number of a weight.
const levels = 127

// channelScales gives what a step of one is worth in each channel along axis.
// A channel of zeros has the scale 1: a runtime may refuse 0.
func channelScales(w []float32, shape nn.Shape, axis int) []float32 {
	scales := make([]float32, shape[axis])
	inner := int(shape[axis+1:].Elements())
	for i, x := range w {
		c := i / inner % shape[axis]
		scales[c] = max(scales[c], float32(math.Abs(float64(x))))
	}
	for c, largest := range scales {
		if scales[c] = largest / levels; scales[c] == 0 {
			scales[c] = 1
		}
	}
	return scales
}

func quantise(w []float32, shape nn.Shape, axis int, scales []float32) []byte {
	raw := make([]byte, len(w))
	inner := int(shape[axis+1:].Elements())
	for i, x := range w {
		steps := math.RoundToEven(float64(x) / float64(scales[i/inner%shape[axis]]))
		raw[i] = byte(int8(max(-levels, min(levels, steps))))
	}
	return raw
}
