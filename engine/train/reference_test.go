package train

import (
	"encoding/json"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
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
	AdamW    [][]float64
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
	if r.MONAI != "1.4.0" || len(r.Losses) != 5 || len(r.AdamW) != 20 || len(r.Training) != 20 {
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
		l := newLoss(config.Train{Loss: want.Loss, IncludeBackground: want.Background, BatchSize: 2, PatchSize: [3]int{4, 5, 6}}, 3)
		var a arena
		total := l.of(&a, raw(x), a.host(onehot, dims, gotch.CPU))
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
	o, err := newAdamW([]torch.NamedTensor{{Name: "p", Tensor: p}}, []nn.Param{{Name: "p", Shape: nn.Shape{24}}}, 1e-2, 12, gotch.CPU)
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
		if _, err := o.update(1e-2 * (1 - float64(step)/40)); err != nil {
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
	defer net.module.Close() //nolint:errcheck // the test ends
	loadFormula(t, net)
	o, err := newAdamW(net.module.Parameters(), net.adapter.TrainableParameters(), 1e-5, 12, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	image, onehot := madeUp(e)
	l := newLoss(e.Train, 2)
	for step, want := range readReference(t).Training {
		got, err := net.gradients(l, image, onehot)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.update(1e-3); err != nil {
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
	if _, err := net.module.LoadState(&s, true); err != nil {
		t.Fatal(err)
	}
}
