package torch

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

// script opens one of the networks that scripts/peers/script_fixture.py wrote.
func script(t *testing.T, name string, seed int64) *Script {
	t.Helper()
	s, err := LoadScript(filepath.Join("testdata", "script", name+".ts"), gotch.CPU, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tensorOf copies values to a tensor, which the test drops.
func tensorOf(t *testing.T, values []float32, shape nn.Shape) *ts.Tensor {
	t.Helper()
	h, err := fromHost(values, shape, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	x := ts.New(h)
	t.Cleanup(x.MustDrop)
	return x
}

// differentiate makes a training pass on the fixture's image and the gradients
// of the sum of outputs·cotangents.
func differentiate(t *testing.T, s *Script, image []float32, shape nn.Shape) (outputs [][]float32) {
	t.Helper()
	out, err := s.ForwardAll(tensorOf(t, image, shape), true)
	if err != nil {
		t.Fatal(err)
	}
	defer setGrad(true)()
	var total handle
	for i, o := range out {
		defer o.MustDrop()
		values, err := toHost(raw(o))
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, values)
		name := "cotangent"
		if i > 0 {
			name = nntest.AuxiliaryCotangent(i - 1)
		}
		c := tensorOf(t, nntest.Image(name, shapeOf(raw(o))), shapeOf(raw(o)))
		term, err := dot(raw(o), raw(c))
		if err != nil {
			t.Fatal(err)
		}
		if total, err = sum(total, term); err != nil {
			t.Fatal(err)
		}
	}
	loss := ts.New(total)
	defer loss.MustDrop()
	if err := s.Backward(loss); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// gradients copies a script's gradients to the host.
func gradients(t *testing.T, s *Script) *nn.State {
	t.Helper()
	state := &nn.State{}
	for _, p := range s.Parameters() {
		g, err := p.Tensor.Grad(false)
		if err != nil {
			t.Fatal(err)
		}
		defer g.MustDrop()
		values, err := toHost(raw(g))
		if err != nil {
			t.Fatal(err)
		}
		x, err := nn.FloatTensor(p.Name, shapeOf(raw(g)), values)
		if err != nil {
			t.Fatal(err)
		}
		if err := state.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

// A TorchScript file computes what PyTorch computed: predictions, all outputs
// of a training pass, gradients, and what batch norm remembers.
func TestScriptAgreesWithPyTorch(t *testing.T) {
	f, err := nntest.ReadFixture(filepath.Join("testdata", "script", "good.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	s := script(t, "good", 1)
	image := nntest.Image(f.Image, f.Shape)
	logits, shape, err := s.Predict(image, f.Shape)
	if err != nil || !shape.Equal(nn.Shape{2, 2, 8, 12, 6}) {
		t.Fatal(shape, err)
	}
	f.CheckPrediction(t, logits)
	outputs := differentiate(t, s, image, f.Shape)
	f.CheckLogits(t, outputs[0])
	f.CheckAuxiliary(t, outputs[1:])
	f.CheckGradients(t, gradients(t, s))
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	f.CheckBuffers(t, state)
	if err := s.ZeroGrad(); err != nil {
		t.Fatal(err)
	}
	for g := range gradients(t, s).All() {
		values, err := g.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if v != 0 {
				t.Fatalf("gradient of %s after ZeroGrad: %v", g.Name, v)
			}
		}
	}
}

// A state that was saved goes on as if nothing had happened: the same dropout,
// the same running statistics.
func TestScriptResumes(t *testing.T) {
	shape := nn.Shape{1, 1, 4, 4, 4}
	image := nntest.Image("image", shape)
	whole := script(t, "dropout", 5)
	first := differentiate(t, whole, image, shape)
	saved, err := whole.State()
	if err != nil {
		t.Fatal(err)
	}
	second := differentiate(t, whole, image, shape)
	if cmp.Equal(first[0], second[0]) {
		t.Error("two passes drop the same channels")
	}
	want, err := whole.State()
	if err != nil {
		t.Fatal(err)
	}
	again := script(t, "dropout", 5)
	if report, err := again.LoadState(saved, true); err != nil || !report.OK() || len(report.Matched) != len(again.Params()) {
		t.Fatal(err)
	}
	again.SetPass(1)
	if diff := cmp.Diff(second, differentiate(t, again, image, shape)); diff != "" {
		t.Errorf("outputs:\n%s", diff)
	}
	got, err := again.State()
	if err != nil {
		t.Fatal(err)
	}
	for x := range want.All() {
		if y, _ := got.Get(x.Name); !cmp.Equal(x, y) {
			t.Errorf("%s differs", x.Name)
		}
	}
	tracked, ok := got.Get("first.1.num_batches_tracked")
	if !ok || tracked.DType != nn.I64 || tracked.Data[0] != 2 {
		t.Errorf("batches tracked: %+v", tracked)
	}
}

func TestScriptRefusesOtherWeights(t *testing.T) {
	s := script(t, "good", 1)
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	part, sick := &nn.State{}, &nn.State{}
	for x := range state.All() {
		if x.Name == "out.bias" {
			y, err := nn.FloatTensor(x.Name, x.Shape, []float32{1, float32(math.NaN())})
			if err := errors.Join(err, sick.Add(y)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := errors.Join(part.Add(x), sick.Add(x)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.LoadState(part, true); !errors.Is(err, nn.ErrState) || !strings.Contains(err.Error(), `1 missing ("out.bias")`) {
		t.Errorf("a part, strictly: %v", err)
	}
	if r, err := s.LoadState(part, false); err != nil || len(r.Missing) != 1 {
		t.Errorf("a part: %+v, %v", r, err)
	}
	if _, err := s.LoadState(sick, true); !errors.Is(err, nn.ErrState) || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("NaN: %v", err)
	}
}

// What is not a network for images is refused, saying why.
func TestBadScripts(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"text.ts": []byte("not a network"), "empty.ts": nil}
	whole, err := os.ReadFile(filepath.Join("testdata", "script", "good.ts"))
	if err != nil {
		t.Fatal(err)
	}
	files["cut.ts"] = whole[:len(whole)/2]
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadScript(filepath.Join(dir, name), gotch.CPU, 0); !errors.Is(err, ErrScript) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadScript(dir, gotch.CPU, 0); !errors.Is(err, ErrScript) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := LoadScript(filepath.Join(dir, "none.ts"), gotch.CPU, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	image := nn.Shape{1, 1, 4, 4, 4}
	for name, c := range map[string]struct {
		is   error
		says string
	}{
		"channels": {ErrTorch, "to have 2 channels, but got 1 channels instead"},
		"halving":  {ErrScript, "has shape 1×2×2×2×2 for an image of 1×1×4×4×4"},
		"naming":   {ErrTorch, "it must return a tensor"},
	} {
		if _, _, err := script(t, name, 0).Predict(nntest.Image("x", image), image); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), name+".ts") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := script(t, "frozen", 0).Parameters(); len(p) != 0 {
		t.Errorf("a frozen network has %d parameters to train", len(p))
	}
	s := script(t, "good", 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Predict(nntest.Image("x", image), image); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := s.State(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
