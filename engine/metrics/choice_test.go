package metrics_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/topology"
)

func TestFamiliesHoldEveryMetricOnce(t *testing.T) {
	t.Parallel()
	var inFamilies, inDefinitions []string
	for _, family := range metrics.Families() {
		inFamilies = append(inFamilies, metrics.Family(family)...)
	}
	for _, definition := range metrics.Definitions() {
		inDefinitions = append(inDefinitions, metrics.Names(definition)...)
	}
	slices.Sort(inFamilies)
	slices.Sort(inDefinitions)
	if d := cmp.Diff(slices.Compact(inDefinitions), inFamilies); d != "" {
		t.Error(d)
	}
	if metrics.Family("shape") != nil {
		t.Error("a family that there is not")
	}
}

func TestDefinitionsHaveMetrics(t *testing.T) {
	t.Parallel()
	if metrics.Has(metrics.MedPy, metrics.Dice) || metrics.Has(metrics.MedPy, "hd90") || !metrics.Has(metrics.MONAI, "hd90") {
		t.Error("MedPy's percentile is fixed, MONAI's is not")
	}
}

// TestPiecesAreMatchedAsAsked scores two pieces that touch by an edge, one of
// which is found in part.
func TestPiecesAreMatchedAsAsked(t *testing.T) {
	t.Parallel()
	shape := [3]int{6, 2, 1}
	ref := metrics.Mask{Shape: shape, Data: []uint8{
		1, 1, 1, 0, 0, 0,
		0, 0, 0, 1, 1, 0,
	}}
	pred := metrics.Mask{Shape: shape, Data: []uint8{
		1, 0, 0, 0, 0, 0,
		0, 0, 0, 1, 1, 0,
	}}
	for name, c := range map[string]struct {
		options  metrics.Options
		f1, qual float64
	}{
		"as published":  {metrics.Options{}, 1, 0},
		"by faces":      {metrics.Options{Connectivity: topology.Faces}, 1, 0.5},
		"one to one":    {metrics.Options{Matching: instances.Greedy, Connectivity: topology.Faces}, 0.5, 0.5},
		"easily":        {metrics.Options{Matching: instances.Optimal, MatchThreshold: 0.3, Connectivity: topology.Faces}, 1, 2. / 3},
		"never so well": {metrics.Options{Matching: instances.Greedy, MatchThreshold: 1}, 0, 0},
	} {
		c.options.Spacing, c.options.Metrics = [3]float64{1, 1, 1}, []string{metrics.LesionF1, metrics.PanopticQuality}
		r, err := metrics.Evaluate(t.Context(), ref, pred, c.options)
		if err != nil {
			t.Fatal(err)
		}
		if !close1e5(r.Values[metrics.LesionF1], c.f1) || !close1e5(r.Values[metrics.PanopticQuality], c.qual) {
			t.Errorf("%s: %v, want %v and %v", name, r.Values, c.f1, c.qual)
		}
	}
	for _, bad := range []metrics.Options{{Matching: "closest"}, {MatchThreshold: 1.5}, {MatchThreshold: -1}, {Connectivity: 8}} {
		bad.Spacing = [3]float64{1, 1, 1}
		if _, err := metrics.Evaluate(t.Context(), ref, pred, bad); !errors.Is(err, metrics.ErrParameter) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestLabelsAreComparedLikeMasks holds several definitions at once to each on
// its own.
func TestLabelsAreComparedLikeMasks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ref, pred, o := drawLabels(rt)
		o.Metrics = nil
		choice := metrics.LabelChoice{Labels: []uint8{2, 1}, Ignore: []uint8{4}}
		got, ignored, err := metrics.CompareLabels(t.Context(), ref, pred, choice, o)
		if err != nil {
			rt.Fatal(err)
		}
		at := rapid.IntRange(0, len(metrics.Definitions())-1).Draw(rt, "definition")
		one := o
		one.Definition = metrics.Definitions()[at]
		want, err := metrics.EvaluateLabels(t.Context(), ref, pred, choice, one)
		if err != nil {
			rt.Fatal(err)
		}
		for i, l := range want.Labels {
			requireEqual(rt, metrics.Comparison{got[i].Results[at]}, metrics.Comparison{l.Result}, 1)
			if got[i].Label != l.Label || got[i].Results[at].Definition != one.Definition || ignored != want.IgnoredVoxels {
				rt.Fatalf("label %d under %s, %d ignored", got[i].Label, got[i].Results[at].Definition, ignored)
			}
		}
	})
	one := metrics.LabelMap{Shape: [3]int{1, 1, 1}, Data: []uint8{1}}
	o := metrics.Options{Spacing: [3]float64{1, 1, 1}}
	if _, _, err := metrics.CompareLabels(t.Context(), one, one, metrics.LabelChoice{Labels: []uint8{0}}, o); !errors.Is(err, metrics.ErrLabel) {
		t.Errorf("background as a label: %v", err)
	}
}
