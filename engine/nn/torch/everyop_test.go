package torch_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

func newModule(t *testing.T, net nntest.EveryOp, options ...torch.Option) *torch.Module {
	t.Helper()
	return moduleOf(t, net.Forward, net.TrainableParameters(), options...)
}

func moduleOf(t *testing.T, forward nn.Forward, params []nn.Param, options ...torch.Option) *torch.Module {
	t.Helper()
	m, err := torch.NewModule(forward, params, gotch.CPU, 3, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// Every operation and its gradient agree with PyTorch's, in all ways of running.
func TestEveryOperationAgreesWithPyTorch(t *testing.T) {
	t.Parallel()
	f, err := nntest.ReadFixture("../nntest/testdata/everyop.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]torch.Option{
		"channels last": nil,
		"contiguous":    {torch.WithContiguous(true)},
		"recomputing":   {torch.WithCheckpointing(true)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModule(t, nntest.EveryOp{}, options...)
			weights, err := nntest.Weights(nntest.EveryOp{}.TrainableParameters())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.LoadState(weights, true); err != nil {
				t.Fatal(err)
			}
			image := nntest.Image(f.Image, f.Shape)
			predicted, shapes, err := m.PredictAll(image, f.Shape)
			if err != nil {
				t.Fatal(err)
			}
			f.CheckPrediction(t, predicted[0])
			outputs, err := m.DifferentiateAll(image, f.Shape, cotangents(shapes))
			if err != nil {
				t.Fatal(err)
			}
			f.CheckLogits(t, outputs[0])
			f.CheckAuxiliary(t, outputs[1:])
			state, err := m.State()
			if err != nil {
				t.Fatal(err)
			}
			f.CheckBuffers(t, state)
			gradients, err := m.Gradients()
			if err != nil {
				t.Fatal(err)
			}
			f.CheckGradients(t, gradients)
		})
	}
}

// cotangents are the formula's weights of all outputs.
func cotangents(shapes []nn.Shape) [][]float32 {
	out := [][]float32{nntest.Image("cotangent", shapes[0])}
	for i, s := range shapes[1:] {
		out = append(out, nntest.Image(nntest.AuxiliaryCotangent(i), s))
	}
	return out
}

// Dropout depends on the seed and the number of the pass alone: repeating a
// pass repeats it, with recomputation too.
func TestDropoutIsRepeatable(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{Dropout: 0.5}
	shape := nn.Shape{2, 2, 4, 4, 4}
	image := nntest.Image("image", shape)
	plain, thrifty := newModule(t, net), newModule(t, net, torch.WithCheckpointing(true))
	eval, out, err := plain.Predict(image, shape)
	if err != nil {
		t.Fatal(err)
	}
	cotangent := nntest.Image("cotangent", out)
	run := func(m *torch.Module, pass int64) ([]float32, *nn.State) {
		if err := m.ZeroGrad(); err != nil {
			t.Fatal(err)
		}
		m.SetPass(pass)
		y, err := m.Differentiate(image, shape, cotangent)
		if err != nil {
			t.Fatal(err)
		}
		g, err := m.Gradients()
		if err != nil {
			t.Fatal(err)
		}
		return y, g
	}
	first, gradients := run(plain, 5)
	again, _ := run(plain, 5)
	next, _ := run(plain, 6)
	recomputed, others := run(thrifty, 5)
	if difference(first, again) != 0 || difference(first, recomputed) > 1e-5 {
		t.Errorf("the same pass differs by %g, recomputed by %g", difference(first, again), difference(first, recomputed))
	}
	if difference(first, next) == 0 || difference(first, eval) == 0 {
		t.Error("dropout drops the same in every pass, or nothing")
	}
	for g := range gradients.All() {
		a, err := g.Float32()
		if err != nil {
			t.Fatal(err)
		}
		o, _ := others.Get(g.Name)
		b, err := o.Float32()
		if err != nil {
			t.Fatal(err)
		}
		if d := difference(a, b); d > 1e-3 {
			t.Errorf("recomputing changes the gradient of %s by %g", g.Name, d)
		}
	}
}

func difference(a, b []float32) (worst float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		worst = max(worst, math.Abs(float64(a[i])-float64(b[i])))
	}
	return worst
}

// The kernels for channels last agree with libtorch's own normalisations, for
// any sizes, values off centre and any slope.
func TestNormKernels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		groups := rapid.IntRange(1, 4).Draw(r, "groups")
		c := groups * rapid.IntRange(1, 20).Draw(r, "channels per group")
		shape := nn.Shape{rapid.IntRange(1, 3).Draw(r, "n"), c, 0, 0, 0}
		for i := 2; i < 5; i++ {
			shape[i] = rapid.IntRange(1, 9).Draw(r, "size")
		}
		batch := rapid.Bool().Draw(r, "batch norm")
		if shape[2]*shape[3]*shape[4]*c/groups < 2 || batch && shape[0]*shape[2]*shape[3]*shape[4] < 2 {
			return // nothing to normalise
		}
		offset := float32(rapid.SampledFrom([]int{0, 1, 100}).Draw(r, "offset"))
		slope := rapid.SampledFrom([]float64{0, 0.01, 1}).Draw(r, "slope")
		affine := rapid.Bool().Draw(r, "affine")
		compareNorms(t, r, shape, offset, slope, func(g nn.Graph, x nn.Value) nn.Value {
			switch {
			case batch:
				return nn.BatchNorm(g, x, "g", affine, nn.BatchNormOp{Eps: 1e-5, Momentum: 0.25})
			case affine:
				return nn.GroupNorm(g, x, "g.weight", "g.bias", groups, 1e-5)
			default:
				return nn.GroupNorm(g, x, "", "", groups, 1e-5)
			}
		})
	})
}

func compareNorms(t *testing.T, r *rapid.T, shape nn.Shape, offset float32, slope float64, norm func(nn.Graph, nn.Value) nn.Value) {
	t.Helper()
	// The scale in front gives the image a gradient to look at.
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		x := nn.Add(g, nn.Mul(g, in.Image, g.Param("scale")), g.Param("shift"))
		x = norm(g, x)
		switch slope {
		case 0:
			x = nn.ReLU(g, x)
		case 1:
		default:
			x = nn.LeakyReLU(g, x, slope)
		}
		return nn.Outputs{Logits: x}, nil
	}
	params := append(nn.BatchNormParams("g", shape[1], true),
		nn.Param{Name: "scale", Shape: nn.Shape{1, shape[1], shape[2], shape[3], shape[4]}, Init: nn.Ones()},
		nn.Param{Name: "shift", Shape: nn.Shape{1, 1, 1, 1, 1}, Init: nn.Zeros()})
	params[0].Init, params[1].Init = nn.Uniform(1), nn.Uniform(1)
	image := nntest.Image("image", shape)
	for i := range image {
		image[i] += offset
	}
	cotangent := nntest.Image("cotangent", shape)
	var logits, predicted [2][]float32
	var gradients, states [2]*nn.State
	for i, contiguous := range []bool{true, false} {
		m, err := torch.NewModule(forward, params, gotch.CPU, 1, torch.WithContiguous(contiguous))
		if err != nil {
			r.Fatal(err)
		}
		if logits[i], err = m.Differentiate(image, shape, cotangent); err != nil {
			r.Fatal(err)
		}
		if gradients[i], err = m.Gradients(); err != nil {
			r.Fatal(err)
		}
		if predicted[i], _, err = m.Predict(image, shape); err != nil {
			r.Fatal(err)
		}
		if states[i], err = m.State(); err != nil {
			r.Fatal(err)
		}
		if err := m.Close(); err != nil {
			r.Fatal(err)
		}
	}
	// libtorch itself loses digits to a large offset.
	tolerance := 2e-4 * (1 + float64(offset)/10)
	if d := difference(logits[0], logits[1]); d > tolerance {
		r.Errorf("results differ by %g", d)
	}
	if d := difference(predicted[0], predicted[1]); d > tolerance {
		r.Errorf("predictions differ by %g", d)
	}
	for _, name := range []string{"g.running_mean", "g.running_var"} {
		a, b := floats(r, states[0], name), floats(r, states[1], name)
		if d := difference(a, b); d > tolerance {
			r.Errorf("%s differs by %g", name, d)
		}
	}
	for g := range gradients[0].All() {
		if g.Name == "shift" {
			continue // zero but for rounding
		}
		a, b := floats(r, gradients[0], g.Name), floats(r, gradients[1], g.Name)
		flips := 0 // values so near 0 that rounding decides on which side of ReLU they fall
		for i := range a {
			if math.Abs(float64(a[i])-float64(b[i])) > 20*tolerance*(1+math.Abs(float64(a[i]))+float64(offset)) {
				flips++
			}
		}
		if flips > len(a)/50 {
			r.Errorf("%d of %d elements of the gradient of %s differ", flips, len(a), g.Name)
		}
	}
}

func floats(r *rapid.T, s *nn.State, name string) []float32 {
	x, ok := s.Get(name)
	if !ok {
		r.Fatalf("no tensor %q", name)
	}
	v, err := x.Float32()
	if err != nil {
		r.Fatal(err)
	}
	return v
}

func TestErrors(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{}
	m := newModule(t, net)
	for _, c := range []struct {
		what string
		call func() error
		is   error
		says string
	}{
		{"wrong channels", func() error {
			_, _, err := m.Predict(make([]float32, 3*64), nn.Shape{1, 3, 4, 4, 4})
			return err
		}, nn.ErrShape, "conv3d (conv1.weight, conv1.bias): shapes do not fit: input has 3 channels, weight 4×2×3×3×3 takes 2"},
		{"too few values", func() error {
			_, _, err := m.Predict(make([]float32, 5), nn.Shape{1, 2, 4, 4, 4})
			return err
		}, nn.ErrShape, "5 values for shape 1×2×4×4×4"},
		{"wrong cotangent", func() error {
			_, err := m.Differentiate(make([]float32, 128), nn.Shape{1, 2, 4, 4, 4}, make([]float32, 7))
			return err
		}, nn.ErrShape, "weights of output 0: shapes do not fit: 7 values"},
		{"a single element to normalise", func() error {
			batch := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
				return nn.Outputs{Logits: nn.BatchNorm(g, in.Image, "b", false, nn.BatchNormOp{Eps: 1e-5, Momentum: 0.1})}, nil
			}
			_, err := moduleOf(t, batch, nn.BatchNormParams("b", 2, false)).Differentiate(make([]float32, 2), nn.Shape{1, 2, 1, 1, 1}, make([]float32, 2))
			return err
		}, nn.ErrShape, "batch_norm: shapes do not fit: one element a channel has no variance to train with"},
		{"more cotangents than outputs", func() error {
			_, err := m.DifferentiateAll(make([]float32, 128), nn.Shape{1, 2, 4, 4, 4}, make([][]float32, 4))
			return err
		}, nn.ErrShape, "weights of 4 outputs, there are 3"},
		{"no cotangent", func() error {
			_, err := m.DifferentiateAll(make([]float32, 128), nn.Shape{1, 2, 4, 4, 4}, make([][]float32, 3))
			return err
		}, nn.ErrShape, "no output has weights"},
		{"precision", func() error {
			_, err := torch.NewModule(net.Forward, net.TrainableParameters(), gotch.CPU, 0, torch.WithPrecision(nn.F16))
			return err
		}, nn.ErrDType, "choose F32 or BF16"},
		{"threads", func() error { return torch.Configure(-1) }, torch.ErrTorch, "-1 threads"},
	} {
		if err := c.call(); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", c.what, err, c.says)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	m := newModule(t, nntest.EveryOp{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, _, err := m.Predict(make([]float32, 128), nn.Shape{1, 2, 4, 4, 4}); !errors.Is(err, torch.ErrClosed) {
		t.Errorf("prediction after close: %v", err)
	}
	if _, err := m.State(); !errors.Is(err, torch.ErrClosed) {
		t.Errorf("state after close: %v", err)
	}
	if _, err := m.LoadState(&nn.State{}, false); !errors.Is(err, torch.ErrClosed) {
		t.Errorf("load after close: %v", err)
	}
}
