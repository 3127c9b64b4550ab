package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
)

// Rounding to half precision and back gives the nearest such number.
func TestHalfRoundsToNearest(t *testing.T) {
	t.Parallel()
	back := func(h uint16) float64 {
		v, err := nn.Tensor{Name: "h", DType: nn.F16, Shape: nn.Shape{1}, Data: binary.LittleEndian.AppendUint16(nil, h)}.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return float64(v[0])
	}
	for h := range uint32(1 << 16) { // every number comes back as it is
		if v := back(uint16(h)); !math.IsNaN(v) && half(float32(v)) != uint16(h) {
			t.Fatalf("%#04x is %v and comes back as %#04x", h, v, half(float32(v)))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		x := math.Float32frombits(rapid.Uint32().Draw(rt, "bits"))
		got := half(x)
		switch v := float64(x); {
		case math.IsNaN(v):
			if got&0x7fff <= 0x7c00 {
				rt.Fatalf("NaN became %#04x", got)
			}
		case math.Abs(v) >= 65520:
			if got&0x7fff != 0x7c00 || got>>15 != uint16(math.Float32bits(x)>>31) {
				rt.Fatalf("%v became %#04x", v, got)
			}
		default:
			d := math.Abs(back(got) - v)
			for _, other := range []uint16{got - 1, got + 1} {
				if e := math.Abs(back(other) - v); other&0x7c00 != 0x7c00 && (e < d || e == d && got&1 == 1 && other&0x8000 == got&0x8000) {
					rt.Fatalf("%v became %v, %v is nearer or even", v, back(got), back(other))
				}
			}
		}
	})
}

// A weight is off by at most half a step of its own channel.
func TestInt8IsAccurateChannelByChannel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		shape := nn.Shape{rapid.IntRange(1, 4).Draw(rt, "a"), rapid.IntRange(1, 4).Draw(rt, "b"), rapid.IntRange(1, 5).Draw(rt, "c")}
		axis := rapid.IntRange(0, 2).Draw(rt, "axis")
		n := int(shape.Elements())
		w := rapid.SliceOfN(rapid.Float32Range(-100, 100), n, n).Draw(rt, "w")
		scales := channelScales(w, shape, axis)
		q := quantise(w, shape, axis, scales)
		index := make([]int, 3)
		for i := range w {
			index[0], index[1], index[2] = i/(shape[1]*shape[2]), i/shape[2]%shape[1], i%shape[2]
			scale := scales[index[axis]]
			if d := math.Abs(float64(w[i]) - float64(int8(q[i]))*float64(scale)); d > float64(scale)*0.5001 || scale <= 0 {
				rt.Fatalf("weight %v became %d steps of %v", w[i], int8(q[i]), scale)
			}
		}
	})
}

func TestUnknownPrecisionIsRefused(t *testing.T) {
	t.Parallel()
	err := Export(&bytes.Buffer{}, nil, nil, Spec{Weights: "int4"})
	if !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

// A model that no single file can hold is laid out in two without being asked.
func TestLargeModelsGetAFileOfWeights(t *testing.T) {
	t.Parallel()
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		return nn.Outputs{Logits: nn.ReLU(g, in.Image)}, nil
	}
	p, err := nn.Trace(forward, nil, nn.InputShapes{Image: nn.Shape{1, 1, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(p, true)
	for _, name := range []string{"a", "b"} {
		g.tensors = append(g.tensors, stored{name: name, elem: elemFloat, dims: []int{300 << 20}, size: 1200<<20 + 1})
	}
	l := g.lay("dir/m.onnx", "large", nil, false)
	if w := l.written; w.Data != "dir/m.onnx.data" || w.Bytes > 1000 || w.DataBytes != 2400<<20+4096+1 {
		t.Errorf("%+v", w)
	}
	if b := l.where[1]; b.file != "m.onnx.data" || b.offset != 1200<<20+4096 {
		t.Errorf("the second tensor lies at %+v", b)
	}
	g.tensors = g.tensors[:1]
	if w := g.lay("m.onnx", "smaller", nil, false).written; w.Data != "" || w.Bytes < 1200<<20 {
		t.Errorf("%+v", w)
	}
}
