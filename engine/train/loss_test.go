package train

import (
	"math"
	"runtime"
	"testing"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/soft"
)

// Every loss that a configuration may name has a recipe.
func TestEveryLossHasARecipe(t *testing.T) {
	t.Parallel()
	for _, name := range config.Losses() {
		if r, ok := soft.Of(name); !ok || r.Dice+r.CrossEntropy == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, ok := soft.Of("cldcie"); ok {
		t.Error("an unknown loss has a recipe")
	}
}

// saturated are logits so large that their softmax is 0 or 1, and the one-hot
// labels, of two patches with three classes.
func saturated(shape [3]int, pred, ref func(patch, voxel int) int) (logits, onehot []float32) {
	n := shape[0] * shape[1] * shape[2]
	logits, onehot = make([]float32, 2*3*n), make([]float32, 2*3*n)
	for patch := range 2 {
		for i := range n {
			logits[(patch*3+pred(patch, i))*n+i] = 200
			onehot[(patch*3+ref(patch, i))*n+i] = 1
		}
	}
	return logits, onehot
}

// On probabilities of 0 and 1 the Dice loss is 1 less the metric dice, averaged
// over patches and classes.
func TestDiceLossIsTheMetricAtTheLimit(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	shape := [3]int{4, 5, 6}
	pred, ref := func(patch, i int) int { return (i*7 + patch) % 11 % 3 }, func(patch, i int) int { return (i*5 + 2*patch) % 7 % 3 }
	logits, onehot := saturated(shape, pred, ref)
	l := newLoss(config.Train{Loss: "dice", BatchSize: 2, PatchSize: shape}, 3, gotch.CPU)
	var a arena
	defer a.free()
	got := a.scalar(l.of(t.Context(), &a, a.host(logits, l.shape, gotch.CPU), a.host(onehot, l.shape, gotch.CPU)))
	if a.err != nil {
		t.Fatal(a.err)
	}
	want := 0.0
	for patch := range 2 {
		maps := [2][]uint8{make([]uint8, 120), make([]uint8, 120)}
		for i := range 120 {
			maps[0][i], maps[1][i] = uint8(ref(patch, i)), uint8(pred(patch, i))
		}
		fileShape := [3]int{shape[2], shape[1], shape[0]}
		r, err := metrics.EvaluateLabels(t.Context(), metrics.LabelMap{Shape: fileShape, Data: maps[0]}, metrics.LabelMap{Shape: fileShape, Data: maps[1]},
			metrics.LabelChoice{Labels: []uint8{1, 2}}, metrics.Options{Spacing: [3]float64{1, 1, 1}, Metrics: []string{metrics.Dice}})
		if err != nil {
			t.Fatal(err)
		}
		want += (1 - r.Mean[metrics.Dice]) / 2
	}
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("the loss is %v, 1 less the metric %v", got, want)
	}
}

// Soft terms join the graph with their value and their gradient, whatever the
// other parts: by finite differences of the logits.
func TestSoftTermsInTheGraph(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const n = 2 * 3 * 4 * 5 * 6
	dims := []int64{2, 3, 4, 5, 6}
	onehot := make([]float32, n)
	for i := range 2 * 120 {
		class := 0
		if x := i % 6; x > 1 && x < 5 {
			class = 1 + i/60%2
		}
		onehot[(i/120*3+class)*120+i%120] = 1
	}
	for _, name := range config.Losses() {
		l := newLoss(config.Train{Loss: name, BatchSize: 2, PatchSize: [3]int{4, 5, 6}}, 3, gotch.CPU)
		value := func(logits []float32) float64 {
			var a arena
			defer a.free()
			v := a.scalar(l.of(t.Context(), &a, a.host(logits, dims, gotch.CPU), a.host(onehot, dims, gotch.CPU)))
			if a.err != nil {
				t.Fatal(a.err)
			}
			return v
		}
		logits := wave(n, 0.37, 0)
		for i := range logits {
			logits[i] *= 3
		}
		x := leaf(t, logits, dims)
		var a arena
		total := l.of(t.Context(), &a, raw(x), a.host(onehot, dims, gotch.CPU))
		if a.err != nil {
			t.Fatal(a.err)
		}
		lib.AtBackward(total, 0, 0)
		g := gradient(t, x, n)
		a.free()
		for i := 5; i < n; i += 61 {
			const h = 1e-3
			at := logits[i]
			logits[i] = at + h
			above := value(logits)
			logits[i] = at - h
			below := value(logits)
			logits[i] = at
			if slope := (above - below) / (2 * h); math.Abs(slope-float64(g[i])) > 2e-4+0.02*math.Abs(slope) {
				t.Errorf("%s: gradient %d is %v, finite differences say %v", name, i, g[i], slope)
			}
		}
	}
}

// A network learns with each of the losses that have soft terms.
func TestFitWithSoftLosses(t *testing.T) {
	for _, name := range config.Losses() {
		if r, _ := soft.Of(name); len(r.Terms) == 0 {
			continue
		}
		e := slim()
		e.Train.Loss, e.Train.Epochs, e.Train.LearningRate = name, 8, 3e-3
		n, err := run(t.Context(), folder(t, e, balls(t)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		steps := losses(t, n)
		if first, last := steps[1], steps[32]; len(steps) != 32 || math.IsNaN(float64(last)) || !(last < first) {
			t.Errorf("%s: from %v to %v in %d steps", name, first, last, len(steps))
		}
		if v := of[runs.Metric](t, n, runs.EventMetric); len(v) == 0 {
			t.Errorf("%s measures nothing", name)
		}
	}
}
