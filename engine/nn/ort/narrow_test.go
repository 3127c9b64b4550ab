package ort_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
)

// broad has every kind of layer whose weights are narrowed, large enough for
// it, with as many outputs as inputs nowhere, so that a wrong axis shows.
type broad bool // whether there are linear layers

func (broad) Config() nn.Config { return nn.Config{Name: "broad", InChannels: 16, OutChannels: 16} }

func (linear broad) TrainableParameters() []nn.Param {
	p := func(name string, shape ...int) nn.Param { return nn.Param{Name: name, Shape: shape} }
	all := []nn.Param{
		p("conv.weight", 24, 16, 3, 3, 3), p("conv.bias", 24), p("norm.weight", 24), p("norm.bias", 24),
		p("grouped.weight", 24, 10, 2, 2, 2), p("linear.weight", 60, 20), p("table", 60, 40), p("product", 60, 40),
		p("last.weight", 16, 40, 1, 1, 1),
	}
	if !linear {
		all = slices.DeleteFunc(all, func(p nn.Param) bool { return p.Name == "linear.weight" || p.Name == "table" || p.Name == "product" })
	}
	return all
}

func (linear broad) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	one, two := [3]int{1, 1, 1}, [3]int{2, 2, 2}
	x := nn.Conv3d(g, in.Image, "conv.weight", "conv.bias", nn.Conv{Stride: two, Padding: one, Dilation: one, Groups: 1})
	x = nn.ReLU(g, nn.InstanceNorm(g, x, "norm.weight", "norm.bias", 1e-5))
	x = nn.ConvTranspose3d(g, x, "grouped.weight", "", nn.ConvTranspose{Stride: two, Dilation: one, Groups: 2})
	if !linear {
		return nn.Outputs{Logits: nn.Conv3d(g, nn.Join(g, 1, x, x), "last.weight", "", nn.Conv{Stride: one, Dilation: one, Groups: 1})}, nil
	}
	x = nn.Transpose(g, x, 0, 2, 3, 4, 1)
	x = nn.MatMul(g, x, nn.Transpose(g, g.Param("linear.weight"), 1, 0)) // (…, 20) to (…, 60)
	x = nn.Add(g, nn.MatMul(g, x, g.Param("product")), nn.MatMul(g, x, nn.Add(g, g.Param("product"), g.Param("table"))))
	x = nn.Transpose(g, x, 0, 4, 1, 2, 3)
	return nn.Outputs{Logits: nn.Conv3d(g, x, "last.weight", "", nn.Conv{Stride: one, Dilation: one, Groups: 1})}, nil
}

// narrowable are broad's weights that are narrowed, with their output axis.
// "last.weight" has too few elements, "table" is only added.
func narrowable() map[string]int {
	return map[string]int{"conv.weight": 0, "grouped.weight": 1, "linear.weight": 0, "product": 1}
}

// A narrowed model computes exactly what the plain model does with weights that
// were rounded beforehand, and does so from a smaller file.
func TestNarrowedWeightsAreRoundedAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, network := range []broad{true, false} {
		roundsOnly(t, network)
	}
}

func roundsOnly(t *testing.T, network broad) {
	t.Helper()
	r := orttest.Open(t)
	shape := nn.Shape{2, 16, 4, 6, 2}
	image := nntest.Image("image", shape)
	plain := weightsOf(t, network)
	original := predict(t, r, network, plain, onnx.Float32, image, shape)
	for precision, round := range map[onnx.Precision]func(nn.Tensor, int) []float32{
		onnx.Float16: func(w nn.Tensor, _ int) []float32 { return roundHalf(floats(t, w)) },
		onnx.Int8:    func(w nn.Tensor, axis int) []float32 { return roundInt8(floats(t, w), w.Shape, axis) },
	} {
		rounded := &nn.State{}
		for w := range plain.All() {
			if axis, ok := narrowable()[w.Name]; ok {
				var err error
				if w, err = nn.FloatTensor(w.Name, w.Shape, round(w, axis)); err != nil {
					t.Fatal(err)
				}
			}
			if err := rounded.Add(w); err != nil {
				t.Fatal(err)
			}
		}
		want := predict(t, r, network, rounded, onnx.Float32, image, shape)
		got := predict(t, r, network, plain, precision, image, shape)
		// Beside rounded weights, ONNX Runtime rounds what they are multiplied with,
		// in matrix products alone.
		most := map[bool]float64{false: 1e-5, true: 0.03}[precision == onnx.Int8 && bool(network)]
		if d := furthest(got, want); d > most {
			t.Errorf("%s (linear layers: %t): differs by %g from rounding beforehand", precision, network, d)
		}
		if d := furthest(got, original); d < 1e-5 || d > 0.2 {
			t.Errorf("%s: differs by %g from the plain model", precision, d)
		}
	}
}

func predict(t *testing.T, r *ort.Runtime, network broad, weights *nn.State, precision onnx.Precision, image []float32, shape nn.Shape) []float32 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	w, err := onnx.ExportFile(path, network, weights, onnx.Spec{Patch: [3]int{4, 4, 4}, Weights: precision}, onnx.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	most := map[onnx.Precision]float64{onnx.Float32: 1.1, onnx.Float16: 0.7, onnx.Int8: 0.5}[precision]
	if err != nil || st.Size() != w.Bytes || float64(st.Size()) > most*float64(weights.Bytes()) {
		t.Errorf("%s: %d bytes (%d announced) for %d bytes of weights: %v", precision, st.Size(), w.Bytes, weights.Bytes(), err)
	}
	logits, _, err := orttest.Load(t, r, path).Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

func weightsOf(t *testing.T, network onnx.Network) *nn.State {
	t.Helper()
	s, err := nntest.Weights(network.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func floats(t *testing.T, tensor nn.Tensor) []float32 {
	t.Helper()
	v, err := tensor.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// roundHalf keeps eleven significant bits, as half precision does for numbers
// of these sizes.
func roundHalf(w []float32) []float32 {
	out := make([]float32, len(w))
	for i, x := range w {
		_, e := math.Frexp(float64(x))
		unit := math.Ldexp(1, max(e-11, -24))
		out[i] = float32(math.RoundToEven(float64(x)/unit) * unit)
	}
	return out
}

func roundInt8(w []float32, shape nn.Shape, axis int) []float32 {
	channel := func(i int) int {
		for a := len(shape) - 1; a > axis; a-- {
			i /= shape[a]
		}
		return i % shape[axis]
	}
	largest := make([]float32, shape[axis])
	for i, x := range w {
		largest[channel(i)] = max(largest[channel(i)], float32(math.Abs(float64(x))))
	}
	out := make([]float32, len(w))
	for i, x := range w {
		step := largest[channel(i)] / 127
		out[i] = float32(math.RoundToEven(float64(x)/float64(step))) * step
	}
	return out
}

func furthest(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}

// Weights beyond half precision's range stay as they are.
func TestHugeWeightsStayFloat32(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	weights := &nn.State{}
	for w := range weightsOf(t, broad(true)).All() {
		if w.Name == "conv.weight" {
			binary.LittleEndian.PutUint32(w.Data, math.Float32bits(1e6))
		}
		if err := weights.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	shape := nn.Shape{1, 16, 2, 2, 2}
	image := nntest.Image("image", shape)
	want := predict(t, r, broad(true), weights, onnx.Float32, image, shape)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := onnx.ExportFile(path, broad(true), weights, onnx.Spec{Patch: [3]int{4, 4, 4}, Weights: onnx.Float16}, onnx.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	got, _, err := orttest.Load(t, r, path).Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	if d := furthest(got, want); !(d < 0.1) {
		t.Errorf("differs by %g", d)
	}
}
