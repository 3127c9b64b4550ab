package modeltest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/torch"
)

// Build is the New of a model's package.
type Build[M Adapter] func(options map[string]any) (M, error)

// adapters makes the package's models as the suite knows them.
func (b Build[M]) adapters(options map[string]any) (Adapter, error) {
	m, err := b(options)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// make is a model that must be made.
func (b Build[M]) make(t reporter, options map[string]any) M {
	t.Helper()
	m, err := b(options)
	if err != nil {
		t.Fatalf("%v: %v", options, err)
	}
	return m
}

// reporter is what the checks ask of a *testing.T or a *rapid.T.
type reporter interface {
	Helper()
	Errorf(format string, values ...any)
	Fatalf(format string, values ...any)
}

// Conforms runs the whole suite on several sets of options, each a subtest.
func Conforms[M Adapter](t *testing.T, build Build[M], sets map[string]map[string]any) {
	t.Helper()
	for name, options := range sets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, build.adapters, options)
		})
	}
}

// EachFixture runs a check on every fixture that the pattern names, as a subtest
// with the file's name, and on the model that its options make. There must be
// count of them, so that none is lost unnoticed.
func EachFixture[M Adapter](t *testing.T, build Build[M], pattern string, count int, check func(*testing.T, M, nntest.Fixture)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != count {
		t.Fatalf("%d fixtures, want %d: %v", len(files), count, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			t.Parallel()
			f, err := nntest.ReadFixture(file)
			if err != nil {
				t.Fatal(err)
			}
			check(t, build.make(t, f.Options), f)
		})
	}
}

// ParityEveryWay is Parity in both memory layouts and with recomputation.
func ParityEveryWay(t *testing.T, a Adapter, f nntest.Fixture) {
	t.Helper()
	Parity(t, a, f)
	Parity(t, a, f, torch.WithContiguous(true))
	Parity(t, a, f, torch.WithCheckpointing(true))
}

// Golden compares exported models of 8 × 8 × 8 voxels, byte by byte, with those
// in testdata/onnx, each a subtest; divisor is what their metadata say of sizes.
// It rewrites the files first if told to update.
func Golden[M Adapter](t *testing.T, build Build[M], divisor string, update bool, sets map[string]map[string]any) {
	t.Helper()
	spec := onnx.Spec{Patch: [3]int{8, 8, 8}, Metadata: map[string]string{"run": "golden", onnx.MetaDivisor: divisor}}
	for name, options := range sets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := build.make(t, options)
			weights, err := nntest.Weights(m.TrainableParameters())
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := m.ExportONNX(&b, weights, spec); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata/onnx", name+".onnx")
			if update {
				if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%d bytes written, the golden file has %d and they differ", b.Len(), len(want))
			}
		})
	}
}

// Shapes are what a checkpoint of the model shows of it.
func Shapes(a Adapter) map[string]nn.Shape {
	out := make(map[string]nn.Shape)
	for _, p := range a.TrainableParameters() {
		out[p.Name] = p.Shape
	}
	return out
}
