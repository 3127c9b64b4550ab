package train

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

func judgeOf(t *testing.T, classes int, names ...string) judge {
	t.Helper()
	e := config.Default()
	e.Model.OutChannels = classes
	j, err := newJudge(runs.EvaluateSpec{Split: "test", Metrics: names, Tolerance: 1}, e)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Several labels are scored one by one and on average, one that is missing from
// both maps included, and reasons name the label that they are about.
func TestScoresOfSeveralLabels(t *testing.T) {
	t.Parallel()
	ref, pred := []uint8{0, 1, 1, 2, 2, 0, 0, 0}, []uint8{0, 1, 1, 2, 0, 0, 0, 0}
	h := &volume.Header{}
	h.Pixdim = [8]float64{1, 1, 1, 1}
	p := predicted{ref: runs.VolumeRef{ID: "v"}, shape: [3]int{2, 2, 2}, header: h}
	c, err := judgeOf(t, 4, "dice").score(t.Context(), p, ref, pred)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]runs.Number{"dice": runs.Number((1 + 2.0/3 + 1) / 3)}, c.Values); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"dice": "label 3: both masks are empty"}, c.ByPolicy); diff != "" {
		t.Error(diff)
	}
	if len(c.Labels) != 3 || c.Labels[0].Values["dice"] != 1 || c.Labels[1].Values["dice"] != 2.0/3 || c.Labels[2].Label != 3 || c.Labels[2].ByPolicy["dice"] != "both masks are empty" {
		t.Errorf("%+v", c.Labels)
	}
	m := meansOf([]runs.Case{c, judgeOf(t, 4, "dice").failed(p.ref, errTorch)})
	if m.values["dice_2"] != 2.0/3 || m.left["dice"] != 1 || m.left["dice_2"] != 1 {
		t.Errorf("%+v", m)
	}
}

// The worst volume is the one with the lowest Dice, or the greatest distance.
func TestWorst(t *testing.T) {
	t.Parallel()
	cases := []runs.Case{
		{Volume: "a", Values: map[string]runs.Number{"dice": 0.5, "hd95": 1, "ece": 0.2}},
		{Volume: "b", Values: map[string]runs.Number{"dice": 0.25, "hd95": 3, "ece": 0.1}},
		{Volume: "c", Excluded: map[string]string{"dice": "not judged"}},
		{Volume: "d", Values: map[string]runs.Number{"dice": 0.25, "hd95": 2}},
	}
	for metric, want := range map[string]*runs.Worst{
		"dice": {Volume: "b", Metric: "dice", Value: 0.25}, "hd95": {Volume: "b", Metric: "hd95", Value: 3}, "ece": {Volume: "a", Metric: "ece", Value: 0.2}, "nsd": nil,
	} {
		if diff := cmp.Diff(want, worst(cases, metric)); diff != "" {
			t.Error(diff)
		}
	}
}

// Probabilities of several classes add up to 1, and the likeliest is what
// infer.Labels says.
func TestSoftmaxAgreesWithLabels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		const classes, n = 3, 8
		logits := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) float32 { return float32(rapid.IntRange(-100, 100).Draw(rt, "logit")) }), classes*n, classes*n).Draw(rt, "logits")
		shape := [3]int{2, 2, 2}
		o := infer.Options{Window: shape, Mode: infer.Constant}
		net := func(_ context.Context, _ []float32, _ int, _ [3]int) ([]float32, error) { return logits, nil }
		want, err := infer.Labels(t.Context(), make([]float32, n), shape, o, classes, net)
		if err != nil {
			rt.Fatal(err)
		}
		p := predicted{shape: shape}
		j := judgeOf(t, classes, "ece")
		if err := j.labels(t.Context(), &p, make([]float32, n), o, net); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, p.labels); diff != "" {
			rt.Fatal(diff)
		}
		for i := range n {
			sum := 0.0
			for c := range classes {
				sum += float64(p.classes[c][i])
			}
			if math.Abs(sum-1) > 1e-6 {
				rt.Fatalf("voxel %d: probabilities add up to %v", i, sum)
			}
		}
	})
}
