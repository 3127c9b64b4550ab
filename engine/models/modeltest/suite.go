package modeltest

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/torch"
)

// New makes a model out of options.
type New func(options map[string]any) (Adapter, error)

// Run checks everything that is expected of any model. Choose options that make
// a small network.
func Run(t *testing.T, build New, options map[string]any) {
	t.Helper()
	a, err := build(options)
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func(*testing.T, New, Adapter){
		"description":  describes,
		"options":      refusesOptions,
		"shapes":       shapes,
		"checkpoints":  checkpoints,
		"cost":         costs,
		"onnx":         exports,
		"onnx runtime": func(t *testing.T, _ New, a Adapter) { t.Helper(); ExportsAgree(t, a) },
		"prediction":   predicts,
		"differential": differentiates,
		"recomputing":  recomputes,
		"precision":    lowersPrecision,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, build, a)
		})
	}
}

// imageShape is a small image that the model takes, with three different sizes.
func imageShape(a Adapter, batch int) nn.Shape {
	c := a.Config()
	return nn.Shape{batch, c.InChannels, 2 * c.Divisor[0], c.Divisor[1], 3 * c.Divisor[2]}
}

// describes: the resolved options make the same model again.
func describes(t *testing.T, build New, a Adapter) {
	t.Helper()
	c := a.Config()
	if c.Name == "" || c.InChannels < 1 || c.OutChannels < 1 {
		t.Errorf("the configuration %+v says too little", c)
	}
	again, err := build(c.Options)
	if err != nil {
		t.Fatalf("the resolved options are refused: %v", err)
	}
	if d := cmp.Diff(c, again.Config()); d != "" {
		t.Errorf("the resolved options make another model:\n%s", d)
	}
	if d := cmp.Diff(a.TrainableParameters(), again.TrainableParameters()); d != "" {
		t.Errorf("the resolved options give other parameters:\n%s", d)
	}
}

func refusesOptions(t *testing.T, build New, _ Adapter) {
	t.Helper()
	for _, options := range []map[string]any{{"in_chanels": 1}, {"in_channels": 0}, {"out_channels": "two"}, {"in_channels": 1.5}} {
		if _, err := build(options); !errors.Is(err, adapter.ErrOption) {
			t.Errorf("%v: %v", options, err)
		}
	}
	if _, err := build(map[string]any{"in_chanels": 1}); err == nil || !strings.Contains(err.Error(), "did you mean in_channels?") {
		t.Errorf("a typing mistake gets no hint: %v", err)
	}
}

// shapes: the logits have the image's size, every parameter is used, and images
// that do not fit are refused.
func shapes(t *testing.T, _ New, a Adapter) {
	t.Helper()
	params, c := a.TrainableParameters(), a.Config()
	for batch := 1; batch < 3; batch++ {
		image := imageShape(a, batch)
		p, err := nn.Trace(a.Forward, params, nn.InputShapes{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		want := nn.Shape{batch, c.OutChannels, image[2], image[3], image[4]}
		if got := p.Values[p.Outputs[0]].Shape; !got.Equal(want) {
			t.Errorf("logits are %v, want %v", got, want)
		}
		for _, q := range params {
			used := slices.ContainsFunc(p.Params, func(u nn.Param) bool { return u.Name == q.Name })
			if !used && !q.Buffer {
				t.Errorf("parameter %s is never used", q.Name)
			}
		}
	}
	for axis := 1; axis < 5; axis++ {
		image := imageShape(a, 1)
		image[axis]++
		if axis > 1 && c.Divisor[axis-2] == 1 {
			continue
		}
		_, err := nn.Trace(a.Forward, params, nn.InputShapes{Image: image})
		if !errors.Is(err, adapter.ErrSize) && !errors.Is(err, nn.ErrShape) {
			t.Errorf("an image of %v: %v", image, err)
		}
	}
}

// checkpoints: what was saved is loaded; anything else is refused and nothing
// is lost.
func checkpoints(t *testing.T, _ New, a Adapter) {
	t.Helper()
	params := a.TrainableParameters()
	weights, err := nntest.Weights(params)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := a.SaveCheckpoint(path, weights, map[string]string{"run": "r"}); err != nil {
		t.Fatal(err)
	}
	loaded, err := a.LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	for p := range weights.All() {
		if q, ok := loaded.Get(p.Name); !ok || !bytes.Equal(p.Data, q.Data) || !p.Shape.Equal(q.Shape) {
			t.Errorf("%s did not come back", p.Name)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Replace(whole, []byte(`"model":"`), []byte(`"model":"X`), 1)
	other[0]++ // the header grew by a byte
	for name, content := range map[string][]byte{"truncated": whole[:len(whole)-1], "another model's": other, "empty": nil} {
		bad := filepath.Join(t.TempDir(), "bad.safetensors")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.LoadCheckpoint(bad); err == nil || !strings.Contains(err.Error(), "bad.safetensors") {
			t.Errorf("a checkpoint that is %s: %v", name, err)
		}
	}
	if err := a.SaveCheckpoint(path, &nn.State{}, nil); !errors.Is(err, nn.ErrState) {
		t.Errorf("weights of nothing were saved: %v", err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("a refused save changed the file: %v", err)
	}
}

func costs(t *testing.T, _ New, a Adapter) {
	t.Helper()
	c, d := a.Config(), a.Config().Divisor
	for _, training := range []bool{false, true} {
		got, err := cost.Estimate(a, 2, [3]int{2 * d[0], d[1], d[2]}, cost.Float32, training)
		if err != nil {
			t.Fatal(err)
		}
		if got.Parameters != nn.CountElements(a.TrainableParameters()) || got.FLOPs < got.Parameters || got.PeakBytes < 4*got.Parameters {
			t.Errorf("%s costs %+v", c.Name, got)
		}
	}
}

// exports: the ONNX model is written the same way twice, and only for weights
// that fit.
func exports(t *testing.T, _ New, a Adapter) {
	t.Helper()
	weights, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	spec := onnx.Spec{Patch: a.Config().Divisor}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := a.ExportONNX(b, weights, spec); err != nil {
			t.Fatal(err)
		}
	}
	// Auxiliary heads and buffers that nobody reads are left out.
	if parameters := nn.CountElements(a.TrainableParameters()); !bytes.Equal(first.Bytes(), second.Bytes()) || int64(first.Len()) < 3*parameters {
		t.Errorf("%d and %d bytes for %d parameters", first.Len(), second.Len(), parameters)
	}
	if err := a.ExportONNX(&first, &nn.State{}, spec); !errors.Is(err, nn.ErrState) {
		t.Errorf("weights of nothing were exported: %v", err)
	}
}

// predicts: the same image gives the same logits, alone or in a batch, in
// either memory layout.
func predicts(t *testing.T, _ New, a Adapter) {
	t.Helper()
	one, two := imageShape(a, 1), imageShape(a, 2)
	image := nntest.Image("image", one)
	m, plain := module(t, a), module(t, a, torch.WithContiguous(true))
	want, shape, err := plain.Predict(image, one)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(want)) != shape.Elements() || shape[1] != a.Config().OutChannels {
		t.Fatalf("%d logits of shape %v", len(want), shape)
	}
	for range 2 {
		got, _, err := m.Predict(image, one)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "with channels last", got, want, 1e-4)
	}
	both, _, err := m.Predict(append(slices.Clone(image), image...), two)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "first of the batch", both[:len(want)], want, 1e-4)
	near(t, "second of the batch", both[len(want):], want, 1e-4)
}

// differentiates: the gradients predict how the loss changes.
func differentiates(t *testing.T, _ New, a Adapter) {
	t.Helper()
	shape := imageShape(a, 1)
	image := nntest.Image("image", shape)
	m := module(t, a)
	_, out, err := m.Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	cotangent := nntest.Image("cotangent", out)
	if _, err := m.Differentiate(image, shape, cotangent); err != nil {
		t.Fatal(err)
	}
	gradients, err := m.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	start, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	direction, slope := ascent(t, gradients)
	const step = 1e-3
	loss := func(at float64) (sum float64) {
		if _, err := m.LoadState(along(t, start, direction, at), true); err != nil {
			t.Fatal(err)
		}
		m.SetPass(0) // drop the same elements again
		y, err := m.Differentiate(image, shape, cotangent)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range y {
			sum += float64(v) * float64(cotangent[i])
		}
		return sum
	}
	measured := (loss(step) - loss(-step)) / (2 * step)
	if math.Abs(measured-slope) > 0.05*slope {
		t.Errorf("the loss climbs by %g, the gradient says %g", measured, slope)
	}
}

// recomputes: throwing activations away changes no gradient.
func recomputes(t *testing.T, _ New, a Adapter) {
	t.Helper()
	shape := imageShape(a, 2)
	image := nntest.Image("image", shape)
	var reference *nn.State
	for _, on := range []bool{false, true} {
		m := module(t, a, torch.WithCheckpointing(on))
		_, out, err := m.Predict(image, shape)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Differentiate(image, shape, nntest.Image("cotangent", out)); err != nil {
			t.Fatal(err)
		}
		got, err := m.Gradients()
		if err != nil {
			t.Fatal(err)
		}
		if !on {
			reference = got
			continue
		}
		same(t, got, reference, 1e-5)
	}
}

// lowersPrecision: bfloat16 is coarse but recognisably the same network.
func lowersPrecision(t *testing.T, _ New, a Adapter) {
	t.Helper()
	shape := imageShape(a, 1)
	image := nntest.Image("image", shape)
	want, _, err := module(t, a).Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := module(t, a, torch.WithPrecision(nn.BF16)).Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	var error2, size2 float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		error2 += d * d
		size2 += float64(want[i]) * float64(want[i])
	}
	if !(math.Sqrt(error2) < 0.1*math.Sqrt(size2)) {
		t.Errorf("bfloat16 is off by %g of %g", math.Sqrt(error2), math.Sqrt(size2))
	}
}
