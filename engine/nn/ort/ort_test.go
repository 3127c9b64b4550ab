package ort_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The network of every operation, exported now, computes what PyTorch did.
func TestEveryOperationAgreesWithPyTorch(t *testing.T) {
	t.Parallel()
	f, err := nntest.ReadFixture("../nntest/testdata/everyop.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	m := orttest.Load(t, orttest.Open(t), write(t, nntest.EveryOp{Dropout: 0.5}, onnx.Spec{Patch: [3]int{4, 4, 4}}), ort.WithAnySize())
	logits, _, err := m.Predict(nntest.Image(f.Image, f.Shape), f.Shape)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("logits differ by up to %.2g", f.CheckPrediction(t, logits))
}

func write(t *testing.T, network onnx.Network, spec onnx.Spec) string {
	t.Helper()
	weights, err := nntest.Weights(network.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(onnx.Export(f, network, weights, spec), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// double is a network that takes any even size.
type double struct{}

func (double) Config() nn.Config {
	return nn.Config{Name: "double", InChannels: 2, OutChannels: 2, Divisor: [3]int{2, 2, 2}}
}
func (double) TrainableParameters() []nn.Param { return nil }
func (double) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	return nn.Outputs{Logits: nn.Scale(g, in.Image, 2)}, nil
}

var doubleSpec = onnx.Spec{Patch: [3]int{2, 4, 6}, Metadata: map[string]string{onnx.MetaDivisor: "2,2,2", "run": "r"}} //nolint:gochecknoglobals // a constant

func TestPredictions(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	if r.Version() != "1.27.0" {
		t.Errorf("version %q", r.Version())
	}
	m := orttest.Load(t, r, write(t, double{}, doubleSpec))
	if m.Classes() != 2 || m.Channels() != 2 || m.Divisor() != [3]int{2, 2, 2} || m.Info().Metadata["run"] != "r" {
		t.Errorf("%v → %v, divisor %v, %v", m.Input(), m.Output(), m.Divisor(), m.Info().Metadata)
	}
	var all sync.WaitGroup
	for _, shape := range []nn.Shape{{1, 2, 2, 4, 6}, {3, 2, 4, 2, 2}, {2, 2, 8, 6, 10}} {
		all.Go(func() {
			x := nntest.Image("image", shape)
			for range 20 {
				got, out, err := m.Predict(x, shape)
				if err != nil || !out.Equal(shape) {
					t.Errorf("%v became %v: %v", shape, out, err)
					return
				}
				for i := range got {
					if got[i] != 2*x[i] {
						t.Errorf("%v: element %d is %v, want %v", shape, i, got[i], 2*x[i])
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestShapesRefused(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	m := orttest.Load(t, r, write(t, double{}, doubleSpec))
	fixed := orttest.Load(t, r, write(t, nntest.EveryOp{}, onnx.Spec{Patch: [3]int{4, 4, 4}}), ort.WithAnySize())
	for _, c := range []struct {
		model *ort.Model
		shape nn.Shape
		says  string
	}{
		{m, nn.Shape{1, 1, 2, 2, 2}, "channels is 1, must be 2"},
		{m, nn.Shape{1, 2, 2, 5, 2}, "y is 5, must be a multiple of 2: 6 would fit"},
		{m, nn.Shape{2, 2, 2, 2}, "has 4 axes, must have 5"},
		{m, nn.Shape{1, 2, 2, 0, 2}, "has no voxels"},
		{m, nn.Shape{1, 2, -2, 2, 2}, "has no voxels"},
		{fixed, nn.Shape{1, 2, 4, 4, 8}, "z is 8, must be 4"},
	} {
		n := max(0, c.shape.Elements())
		_, _, err := c.model.Predict(make([]float32, n), c.shape)
		if !errors.Is(err, nn.ErrShape) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "takes") {
			t.Errorf("%v: %v; want it to say %q", c.shape, err, c.says)
		}
	}
	if _, _, err := m.Predict(make([]float32, 7), nn.Shape{1, 2, 2, 2, 2}); !errors.Is(err, nn.ErrShape) || !strings.Contains(err.Error(), "7 values") {
		t.Errorf("too few values: %v", err)
	}
}

func TestFilesRefused(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	whole, err := os.ReadFile(write(t, nntest.EveryOp{}, onnx.Spec{Patch: [3]int{4, 4, 4}}))
	if err != nil {
		t.Fatal(err)
	}
	load := func(content []byte) error {
		path := filepath.Join(t.TempDir(), "bad.onnx")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := r.Load(path, ort.WithAnySize())
		if err == nil {
			return m.Close()
		}
		if !strings.Contains(err.Error(), "bad.onnx") {
			t.Errorf("the error does not name the file: %v", err)
		}
		return err
	}
	for _, n := range []int{0, 1, 100, len(whole) / 2, len(whole) - 1} {
		if err := load(whole[:n]); !errors.Is(err, onnx.ErrFormat) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if err := load([]byte("<html>not found</html>")); !errors.Is(err, onnx.ErrFormat) {
		t.Errorf("a web page: %v", err)
	}
	broken := bytes.ReplaceAll(whole, []byte("Softmax"), []byte("Saftmax"))
	if err := load(broken); !errors.Is(err, ort.ErrRuntime) || !strings.Contains(err.Error(), "Saftmax") {
		t.Errorf("an unknown operator: %v", err)
	}
	if _, err := r.Load(filepath.Join(t.TempDir(), "none.onnx")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := r.Load(t.TempDir()); !errors.Is(err, onnx.ErrFormat) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := r.Load(write(t, nntest.EveryOp{}, onnx.Spec{Patch: [3]int{4, 4, 4}})); !errors.Is(err, ort.ErrModel) || !strings.Contains(err.Error(), "(batch, 12, 8, 6, 8)") {
		t.Errorf("another size: %v", err)
	}
	if _, err := r.Load("x.onnx", ort.WithThreads(-1)); !errors.Is(err, ort.ErrRuntime) {
		t.Errorf("-1 threads: %v", err)
	}
}

func TestLibraryRefused(t *testing.T) {
	t.Parallel()
	for path, says := range map[string]string{
		"":                                   "make native build",
		filepath.Join(t.TempDir(), "ort.so"): "run make native",
	} {
		if _, err := ort.Open(path); !errors.Is(err, ort.ErrMissing) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", path, err)
		}
		if ort.Exists(path) {
			t.Errorf("%q exists", path)
		}
	}
	orttest.Open(t) // keeps the right one loaded
	other := filepath.Join(t.TempDir(), "other.so")
	if err := os.WriteFile(other, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ort.Open(other); !errors.Is(err, ort.ErrRuntime) || !strings.Contains(err.Error(), "is loaded") {
		t.Errorf("a second library: %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	r, err := ort.Open(orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Load(write(t, double{}, doubleSpec))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "1 models are still open") {
		t.Errorf("closed under a model: %v", err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := m.Predict(make([]float32, 16), nn.Shape{1, 2, 2, 2, 2}); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed model predicts: %v", err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Load(write(t, double{}, doubleSpec)); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed runtime loads: %v", err)
	}
}

// Loading and unloading the library over and over works.
func TestReopening(t *testing.T) {
	t.Parallel()
	path := write(t, double{}, doubleSpec)
	for range 5 {
		r, err := ort.Open(orttest.Library(t))
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Predict(make([]float32, 16), nn.Shape{1, 2, 2, 2, 2}); err != nil {
			t.Error(err)
		}
		if err := errors.Join(m.Close(), r.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
