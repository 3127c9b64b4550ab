package modeltest

import (
	"fmt"
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

// exportTolerance is how far ONNX Runtime's logits may be from libtorch's.
const exportTolerance = 1e-4

// ExportsAgree checks that ONNX Runtime computes from the exported model what
// libtorch computes from the network: for one image and for two, for other sizes
// where the model says that it takes them, and with the weights beside the model.
// With weights in half precision or int8 it must be recognisably the same
// network in a smaller file.
func ExportsAgree(t *testing.T, a Adapter) {
	t.Helper()
	weights, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	reference := module(t, a)
	if _, err := reference.LoadState(weights, true); err != nil {
		t.Fatal(err)
	}
	e := exported{adapter: a, weights: weights, runtime: orttest.Open(t), shape: imageShape(a, 2)}
	if d := a.Config().Divisor; slices.Max(d[:]) > 16 { // large images take long
		e.shape = nn.Shape{2, e.shape[1], d[0], d[1], 2 * d[2]}
	}
	plain := e.export(t, onnx.Float32, onnx.FileOptions{})
	for _, shape := range e.sizes(plain) {
		image := nntest.Image("image", shape)
		want, _, err := reference.Predict(image, shape)
		if err != nil {
			t.Fatal(err)
		}
		e.agrees(t, plain, image, shape, want, exportTolerance)
		if shape[0] > 1 || !shape[2:].Equal(e.shape[2:]) {
			continue
		}
		beside := e.export(t, onnx.Float32, onnx.FileOptions{External: true})
		e.agrees(t, beside, image, shape, want, exportTolerance)
		for precision, tolerance := range map[onnx.Precision]float64{onnx.Float16: 0.02, onnx.Int8: 0.5} {
			e.agrees(t, e.export(t, precision, onnx.FileOptions{}), image, shape, want, tolerance*largest(want))
		}
	}
}

// ONNX compares what ONNX Runtime computes from the exported model with what the
// upstream implementation computed, and logs the largest difference.
func ONNX(t *testing.T, r *ort.Runtime, a Adapter, f nntest.Fixture) {
	t.Helper()
	weights, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	e := exported{adapter: a, weights: weights, runtime: r, shape: f.Shape}
	logits, _, err := e.export(t, onnx.Float32, onnx.FileOptions{}).Predict(nntest.Image(f.Image, f.Shape), f.Shape)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("logits differ by up to %.2g", f.CheckPrediction(t, logits))
}

// exported is one network, exported in several ways.
type exported struct {
	adapter Adapter
	weights *nn.State
	runtime *ort.Runtime
	shape   nn.Shape // of two images
}

// export writes the network and loads it again.
func (e exported) export(t *testing.T, precision onnx.Precision, o onnx.FileOptions) *ort.Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), string(precision)+".onnx")
	spec := onnx.Spec{Patch: [3]int(e.shape[2:]), Weights: precision}
	w, err := onnx.ExportFile(path, e.adapter, e.weights, spec, o)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() != w.Bytes {
		t.Errorf("%d bytes were announced: %v", w.Bytes, err)
	}
	return orttest.Load(t, e.runtime, path)
}

// agrees predicts with ONNX Runtime and compares.
func (e exported) agrees(t *testing.T, m *ort.Model, image []float32, shape nn.Shape, want []float32, tolerance float64) {
	t.Helper()
	got, out, err := m.Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	if out[1] != e.adapter.Config().OutChannels {
		t.Errorf("logits of an image of %v are %v", shape, out)
	}
	near(t, fmt.Sprintf("%s of %v", filepath.Base(m.Path()), shape), got, want, tolerance)
}

func largest(values []float32) (most float64) {
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

// sizes are images that the model says it takes: always one and two of the size
// it was exported for, and others if it may.
func (e exported) sizes(m *ort.Model) []nn.Shape {
	one := e.shape.Clone()
	one[0] = 1
	all := []nn.Shape{one, e.shape}
	if m.Input().Dims[2].Size == 0 {
		d := e.adapter.Config().Divisor
		all = append(all, nn.Shape{1, one[1], d[0], 3 * d[1], 2 * d[2]})
	}
	return slices.DeleteFunc(all, func(s nn.Shape) bool { return m.Check(s) != nil })
}
