package metrics_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
)

// drawLabels draws two label maps of labels 0 to 4.
func drawLabels(rt *rapid.T) (ref, pred metrics.LabelMap, o metrics.Options) {
	side := rapid.IntRange(1, 8)
	shape := [3]int{rapid.SampledFrom([]int{1, 2, 7, 9, 40, 70}).Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
	random := rapid.Uint64().Draw(rt, "seed")
	empty := rapid.SampledFrom([]uint64{5, 8, 60}).Draw(rt, "sparsity")
	fill := func() []uint8 {
		data := make([]uint8, shape[0]*shape[1]*shape[2])
		for i := range data {
			random = random*6364136223846793005 + 1442695040888963407
			if k := random >> 33 % empty; k < 5 {
				data[i] = uint8(k)
			}
		}
		return data
	}
	o = metrics.Options{
		Spacing: [3]float64{0.5, 1, 2}, Tolerance: 1, Threads: 2,
		Metrics: append(metrics.Names(metrics.Minivess), "hd90"),
	}
	return metrics.LabelMap{Shape: shape, Data: fill()}, metrics.LabelMap{Shape: shape, Data: fill()}, o
}

// TestLabelsAreScoredLikeMasks holds the shared way, with boxes and packing, to
// scoring each label on its own.
func TestLabelsAreScoredLikeMasks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ref, pred, o := drawLabels(rt)
		choice := metrics.LabelChoice{Ignore: rapid.SampledFrom([][]uint8{nil, {4}, {0}, {2, 4}}).Draw(rt, "ignore")}
		got, err := metrics.EvaluateLabels(t.Context(), ref, pred, choice, o)
		if err != nil {
			rt.Fatal(err)
		}
		r, p := slices.Clone(ref.Data), slices.Clone(pred.Data)
		ignored := 0
		for i, label := range ref.Data {
			if slices.Contains(choice.Ignore, label) {
				r[i], p[i] = 0, 0
				ignored++
			}
		}
		present := slices.Compact(slices.Sorted(slices.Values(slices.Concat(r, p))))
		present = slices.DeleteFunc(present, func(label uint8) bool { return label == 0 || slices.Contains(choice.Ignore, label) })
		if got.IgnoredVoxels != ignored || len(got.Labels) != len(present) {
			rt.Fatalf("ignored %d of %d, labels %v of %v", got.IgnoredVoxels, ignored, got.Labels, present)
		}
		for i, label := range present {
			want, err := metrics.Evaluate(t.Context(), metrics.Foreground(ref.Shape, r, label), metrics.Foreground(ref.Shape, p, label), o)
			if err != nil {
				rt.Fatal(err)
			}
			if got.Labels[i].Label != label {
				rt.Fatalf("label %d, want %d", got.Labels[i].Label, label)
			}
			for name, v := range want.Values {
				if g := got.Labels[i].Result.Values[name]; math.Abs(g-v) > 1e-12*max(1, v) {
					rt.Fatalf("label %d: %s = %v, want %v", label, name, g, v)
				}
			}
		}
	})
}

func TestMeansAreOverLabelsWithAValue(t *testing.T) {
	t.Parallel()
	ref := metrics.LabelMap{Shape: [3]int{6, 1, 1}, Data: []uint8{1, 1, 0, 2, 0, 0}}
	pred := metrics.LabelMap{Shape: [3]int{6, 1, 1}, Data: []uint8{1, 0, 0, 0, 0, 3}}
	o := metrics.Options{Spacing: [3]float64{1, 1, 1}, Metrics: []string{"dice", "hd95"}, Empty: metrics.EmptyExclude}
	got, err := metrics.EvaluateLabels(t.Context(), ref, pred, metrics.LabelChoice{Labels: []uint8{2, 1, 9}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"dice": 1, "hd95": 1}, got.Counted); d != "" {
		t.Error(d)
	}
	if got.Mean["dice"] != 2.0/3 || got.Labels[0].Label != 2 || len(got.Labels) != 3 {
		t.Errorf("got %+v", got)
	}
	o.Empty = metrics.EmptyPenalise
	got, err = metrics.EvaluateLabels(t.Context(), ref, pred, metrics.LabelChoice{Labels: []uint8{1, 2, 9}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := (2.0/3 + 0 + 1) / 3; math.Abs(got.Mean["dice"]-want) > 1e-15 || got.Counted["dice"] != 3 {
		t.Errorf("mean Dice %v of %d labels, want %v", got.Mean["dice"], got.Counted["dice"], want)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `{"label":1,"result":{"definition":"minivess"`) {
		t.Errorf("got %s", b)
	}
}

func TestBadLabelsAreRefused(t *testing.T) {
	t.Parallel()
	m := metrics.LabelMap{Shape: [3]int{2, 1, 1}, Data: []uint8{0, 1}}
	short := metrics.LabelMap{Shape: [3]int{2, 1, 1}, Data: []uint8{0}}
	o := metrics.Options{Spacing: [3]float64{1, 1, 1}}
	tests := map[string]struct {
		pred   metrics.LabelMap
		choice metrics.LabelChoice
		o      metrics.Options
		want   error
		says   string
	}{
		"scored and ignored": {m, metrics.LabelChoice{Labels: []uint8{1}, Ignore: []uint8{1}}, o, metrics.ErrLabel, "1 is to be scored and to be ignored"},
		"listed twice":       {m, metrics.LabelChoice{Labels: []uint8{1, 1}}, o, metrics.ErrLabel, "1 is listed twice"},
		"too little data":    {short, metrics.LabelChoice{}, o, metrics.ErrShape, "the prediction holds 1 voxels"},
		"no spacing":         {m, metrics.LabelChoice{}, metrics.Options{}, metrics.ErrSpacing, "0 along x"},
	}
	for name, test := range tests {
		_, err := metrics.EvaluateLabels(t.Context(), m, test.pred, test.choice, test.o)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v saying %q", name, err, test.want, test.says)
		}
	}
}
