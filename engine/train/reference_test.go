package train

import (
	"encoding/json"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/train/selection"
)

// reference is testdata/reference.json, made by reference.py with MONAI.
type reference struct {
	MONAI  string
	Losses []struct {
		Loss       string
		Background bool
		Value      float64
		Gradient   []float64
	}
	Supervision []struct {
		Name      string
		Value     float64
		Gradients [][]float64
	}
	AdamW    [][]float64
	Grouped  map[string][][]float64
	Training []float64
}

func readReference(t *testing.T) reference {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if r.MONAI != "1.4.0" || len(r.Losses) != 5 || len(r.Supervision) != 4 || len(r.AdamW) != 20 || len(r.Grouped) != 2 || len(r.Training) != 20 {
		t.Fatalf("MONAI %q, %d losses, %d updates, %d steps", r.MONAI, len(r.Losses), len(r.AdamW), len(r.Training))
	}
	return r
}

func wave(n int, frequency, phase float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)*frequency + phase))
	}
	return x
}

// leaf makes a tensor that takes gradients.
func leaf(t *testing.T, values []float32, dims []int64) *ts.Tensor {
	t.Helper()
	var a arena
	h := a.host(values, dims, gotch.CPU)
	a.in(func(out *handle) { lib.AtgRequiresGrad_(out, h, 1) })
	if a.err != nil {
		t.Fatal(a.err)
	}
	x := ts.New(a.give(h))
	t.Cleanup(x.MustDrop)
	return x
}

func gradient(t *testing.T, x *ts.Tensor, n int) []float32 {
	t.Helper()
	var a arena
	defer a.free()
	g := a.values(a.do(func(out *handle) { lib.AtgGrad(out, raw(x)) }), n)
	if a.err != nil {
		t.Fatal(a.err)
	}
	return g
}

func TestLossAgreesWithMONAI(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const n = 2 * 3 * 4 * 5 * 6
	dims := []int64{2, 3, 4, 5, 6}
	onehot := make([]float32, n)
	for i := range 2 * 120 {
		class := i * 7 % 11 % 3
		onehot[(i/120*3+class)*120+i%120] = 1
	}
	for _, want := range readReference(t).Losses {
		logits := wave(n, 0.37, 0)
		for i := range logits {
			logits[i] *= 3
		}
		x := leaf(t, logits, dims)
		l := newLoss(config.Train{Loss: want.Loss, IncludeBackground: want.Background, BatchSize: 2, PatchSize: [3]int{4, 5, 6}}, 3, gotch.CPU)
		var a arena
		total := l.of(t.Context(), &a, raw(x), a.host(onehot, dims, gotch.CPU))
		if got := a.scalar(total); a.err != nil || math.Abs(got-want.Value) > 1e-6 {
			t.Errorf("%s, background %v: %v, MONAI has %v (%v)", want.Loss, want.Background, got, want.Value, a.err)
		}
		lib.AtBackward(total, 0, 0)
		for i, g := range gradient(t, x, n) {
			if math.Abs(float64(g)-want.Gradient[i]) > 1e-6 {
				t.Fatalf("%s, background %v: gradient %d is %v, MONAI has %v", want.Loss, want.Background, i, g, want.Gradient[i])
			}
		}
		a.free()
	}
}

// accumulate puts a given gradient into a parameter, in place of the old one.
func accumulate(t *testing.T, p *ts.Tensor, g []float32) {
	t.Helper()
	var a arena
	defer a.free()
	old := a.do(func(out *handle) { lib.AtgGrad(out, raw(p)) })
	if lib.AtDefined(old) {
		a.in(func(out *handle) { lib.AtgZero_(out, old) })
	}
	product := a.do(func(out *handle) { lib.AtgMul(out, raw(p), a.host(g, []int64{int64(len(g))}, gotch.CPU)) })
	sum := a.do(func(out *handle) { lib.AtgSum(out, product, gotch.Float.CInt()) })
	lib.AtBackward(sum, 0, 0)
	if a.err != nil {
		t.Fatal(a.err)
	}
}

func TestAdamWAgreesWithPyTorch(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := leaf(t, wave(24, 0.5, 0), []int64{24})
	rules := []selection.Rule{{Param: nn.Param{Name: "p", Shape: nn.Shape{24}}, Scale: 1, Decay: 1e-2}}
	o, err := newOptimiser([]torch.NamedTensor{{Name: "p", Tensor: p}}, rules, config.Train{Optimizer: "adamw", GradientClip: 12}, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	for step, want := range readReference(t).AdamW {
		g := wave(24, 0.3, float64(step))
		for i := range g {
			g[i] *= 10
		}
		accumulate(t, p, g)
		if _, err := o.advance(1e-2 * (1 - float64(step)/40)); err != nil {
			t.Fatal(err)
		}
		var a arena
		for i, v := range a.values(raw(p), 24) {
			if math.Abs(float64(v)-want[i]) > 1e-6 {
				t.Fatalf("step %d: parameter %d is %v, PyTorch has %v", step+1, i, v, want[i])
			}
		}
		a.free()
	}
}

// Both optimisers keep each group's rate and decay, and go on from a saved state
// as if they had not stopped.
func TestGroupsAgreeWithPyTorch(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, series := range readReference(t).Grouped {
		tensors := []torch.NamedTensor{{Name: "p", Tensor: leaf(t, wave(24, 0.5, 0), []int64{24})}, {Name: "q", Tensor: leaf(t, wave(24, 0.5, 1), []int64{24})}}
		rules := []selection.Rule{
			{Param: nn.Param{Name: "p", Shape: nn.Shape{24}}, Scale: 1, Decay: 1e-2}, {Param: nn.Param{Name: "q", Shape: nn.Shape{24}}, Scale: 0.1},
		}
		fresh := func() *optimiser {
			o, err := newOptimiser(tensors, rules, config.Train{Optimizer: name, GradientClip: 12, Momentum: 0.99}, gotch.CPU)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		o := fresh()
		for step, want := range series {
			if step == 7 { // saved, ended and resumed
				var s nn.State
				if err := o.addTo(&s); err != nil {
					t.Fatal(err)
				}
				o.close()
				o = fresh()
				if err := o.load(&s, int64(step)); err != nil {
					t.Fatal(err)
				}
			}
			g := wave(24, 0.3, float64(step))
			for i := range g {
				g[i] *= 10
			}
			accumulate(t, tensors[0].Tensor, g)
			accumulate(t, tensors[1].Tensor, wave(24, 0.2, float64(step)))
			if _, err := o.advance(1e-2 * (1 - float64(step)/40)); err != nil {
				t.Fatal(err)
			}
			var a arena
			for i, v := range append(a.values(raw(tensors[0].Tensor), 24), a.values(raw(tensors[1].Tensor), 24)...) {
				if math.Abs(float64(v)-want[i]) > 1e-5 {
					t.Fatalf("%s, step %d: parameter %d is %v, PyTorch has %v", name, step+1, i, v, want[i])
				}
			}
			a.free()
		}
		o.close()
	}
}

// The loss of several outputs is MONAI's, with its gradients by each of them.
func TestDeepSupervisionAgreesWithMONAI(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sizes := [][]int64{{2, 3, 7, 8, 12}, {2, 3, 4, 4, 6}, {2, 3, 2, 2, 3}}
	const voxels = 7 * 8 * 12
	onehot := make([]float32, 2*3*voxels)
	for i := range 2 * voxels {
		class := i * 7 % 11 % 3
		onehot[(i/voxels*3+class)*voxels+i%voxels] = 1
	}
	for _, want := range readReference(t).Supervision {
		var outputs []*ts.Tensor
		for i, size := range sizes {
			logits := wave(int(size[0]*size[1]*size[2]*size[3]*size[4]), 0.37, float64(i))
			for k := range logits {
				logits[k] *= 3
			}
			outputs = append(outputs, leaf(t, logits, size))
		}
		l := newLoss(config.Train{Loss: "dice_ce", OutputWeights: want.Name, BatchSize: 2, PatchSize: [3]int{7, 8, 12}}, 3, gotch.CPU)
		var a arena
		total := l.total(t.Context(), &a, outputs, a.host(onehot, sizes[0], gotch.CPU))
		if got := a.scalar(total); a.err != nil || math.Abs(got-want.Value) > 1e-6 {
			t.Errorf("%s: %v, MONAI has %v (%v)", want.Name, got, want.Value, a.err)
		}
		lib.AtBackward(total, 0, 0)
		for i, o := range outputs {
			if want := want.Gradients[i]; slices.Max(want) == 0 && slices.Min(want) == 0 {
				continue // an output without weight has no gradient at all
			}
			size := sizes[i]
			g := gradient(t, o, int(size[0]*size[1]*size[2]*size[3]*size[4]))
			for k, v := range want.Gradients[i] {
				if math.Abs(float64(g[7*k])-v) > 1e-6 {
					t.Fatalf("%s: gradient %d by output %d is %v, MONAI has %v", want.Name, k, i, g[7*k], v)
				}
			}
		}
		a.free()
	}
}

func TestWeightsOfOutputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		want []float64
	}{
		{"nnunet", []float64{1}},
		{"nnunet", []float64{2. / 3, 1. / 3}},
		{"nnunet", []float64{4. / 7, 2. / 7, 1. / 7, 0}},
		{"exp", []float64{2. / 3, 1. / 3}},
		{"same", []float64{0.5, 0.5}},
		{"none", []float64{1, 0, 0}},
	} {
		got := loss{supervision: c.name}.weights(len(c.want))
		for i, w := range c.want {
			if math.Abs(got[i]-w) > 1e-15 {
				t.Errorf("%s of %d: %v, want %v", c.name, len(c.want), got, c.want)
			}
		}
	}
}

// Everything together: the losses of 20 steps of a SegResNet are MONAI's.
func TestTrainingAgreesWithMONAI(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := config.Default()
	e.Train.PatchSize, e.Train.BatchSize = [3]int{16, 16, 16}, 2
	net, err := newNetwork(e, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close() //nolint:errcheck // the test ends
	loadFormula(t, net)
	chosen, err := net.choose(config.Train{WeightDecay: 1e-5})
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOptimiser(net.Parameters(), chosen.Trained, config.Train{Optimizer: "adamw", GradientClip: 12}, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	image, onehot := madeUp(e)
	l := newLoss(e.Train, 2, gotch.CPU)
	for step, want := range readReference(t).Training {
		got, err := net.gradients(t.Context(), l, image, onehot)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.advance(1e-3); err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 2e-4*want {
			t.Errorf("step %d: loss %v, MONAI has %v", step+1, got, want)
		}
	}
}

// loadFormula sets the weights of reference.py.
func loadFormula(t *testing.T, net *network) {
	t.Helper()
	var s nn.State
	for k, p := range net.adapter.TrainableParameters() {
		bound := float32(0.02)
		if len(p.Shape) > 1 {
			bound = 0.1
		}
		values := wave(int(p.Shape.Elements()), 0.7, float64(k))
		for i := range values {
			values[i] *= bound
			if len(p.Shape) == 1 && strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, "weight") {
				values[i]++
			}
		}
		tensor, err := nn.FloatTensor(p.Name, p.Shape, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(tensor); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := net.LoadState(&s, true); err != nil {
		t.Fatal(err)
	}
}
