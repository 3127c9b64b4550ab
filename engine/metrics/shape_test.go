package metrics_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// TestShapeMetricsOfTheOracle holds the parts of clDice to scikit-image and the
// Betti errors to the counts of both masks.
func TestShapeMetricsOfTheOracle(t *testing.T) {
	t.Parallel()
	for name, c := range oracle(t) {
		ref := readMask(t, fmt.Sprintf("testdata/oracle/%s.reference.nii.gz", name))
		pred := readMask(t, fmt.Sprintf("testdata/oracle/%s.prediction.nii.gz", name))
		r, err := metrics.Evaluate(t.Context(), ref, pred, metrics.Options{Spacing: c.Spacing, Metrics: []string{
			metrics.SkeletonPrecision, metrics.SkeletonRecall,
			metrics.Betti0Error, metrics.Betti1Error, metrics.Betti2Error, metrics.EulerError,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Presence == metrics.PresentBoth {
			for ours, theirs := range map[string]string{
				metrics.SkeletonPrecision: "topology_precision_skel_prediction_in_reference",
				metrics.SkeletonRecall:    "topology_sensitivity_skel_reference_in_prediction",
			} {
				if !close1e5(r.Values[ours], float64(c.Skimage[theirs])) {
					t.Errorf("%s: %s = %v, want %v", name, ours, r.Values[ours], c.Skimage[theirs])
				}
			}
		}
		a, b := counts(t, ref), counts(t, pred)
		if r.ReferenceTopology == nil || *r.ReferenceTopology != a || r.PredictionTopology == nil || *r.PredictionTopology != b {
			t.Errorf("%s: topology %v and %v, want %v and %v", name, r.ReferenceTopology, r.PredictionTopology, a, b)
		}
		for metric, want := range map[string]int{
			metrics.Betti0Error: a.Components - b.Components, metrics.Betti1Error: a.Loops - b.Loops,
			metrics.Betti2Error: a.Cavities - b.Cavities, metrics.EulerError: a.Euler - b.Euler,
		} {
			if got, ok := r.Values[metric]; !ok || got != math.Abs(float64(want)) {
				t.Errorf("%s: %s = %v, want %d", name, metric, got, want)
			}
			if _, ruled := r.ByPolicy[metric]; ruled {
				t.Errorf("%s: %s was not counted", name, metric)
			}
		}
	}
}

func counts(t *testing.T, m metrics.Mask) topology.Counts {
	t.Helper()
	c, err := topology.Count(t.Context(), m.Data, m.Shape)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestShapeMetricsByHand scores a pair whose every number can be counted: a
// vessel found thinner, a ring found broken, a speck missed and one invented.
func TestShapeMetricsByHand(t *testing.T) {
	t.Parallel()
	shape := [3]int{16, 9, 5}
	draw := func(slices map[int][]string) metrics.Mask {
		m := metrics.Mask{Shape: shape, Data: make([]uint8, shape[0]*shape[1]*shape[2])}
		for z, lines := range slices {
			for y, line := range lines {
				for x, c := range line {
					if c == '#' {
						m.Data[x+shape[0]*(y+shape[1]*z)] = 1
					}
				}
			}
		}
		return m
	}
	ring := []string{"", "", "", "", "", "..###", "..#.#", "..###"}
	broken := []string{"", "", "", "", "", "..###", "..#.#", "..#.#"}
	r, err := metrics.Evaluate(t.Context(),
		draw(map[int][]string{0: {"............#"}, 1: {"", "#########"}, 3: ring}),
		draw(map[int][]string{0: {"..............#"}, 1: {"", "######"}, 3: broken}),
		metrics.Options{Spacing: [3]float64{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	// The reference's centreline has 9 voxels in the vessel, 4 in the ring, whose
	// corners go, and 1 in the speck; the prediction's has 6, 5 and 1. Along the
	// vessel the radius is 2, at its end 1: there 1 is lost where the prediction
	// ends, and 2, 2 and 1 beyond. The ring's gap loses 2, the speck 1.
	for name, want := range map[string]float64{
		metrics.SkeletonRecall: 9.0 / 14, metrics.SkeletonPrecision: 11.0 / 12,
		metrics.RadiusError: (1 + 2 + 2 + 1 + 2 + 1) / 14.0,
		metrics.Betti0Error: 0, metrics.Betti1Error: 1, metrics.Betti2Error: 0, metrics.EulerError: 1,
		metrics.LesionRecall: 2.0 / 3, metrics.LesionPrecision: 2.0 / 3, metrics.LesionF1: 2.0 / 3,
		metrics.PanopticQuality: (6.0/9 + 7.0/8) / 2 * 2 / 3,
	} {
		if math.Abs(r.Values[name]-want) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, r.Values[name], want)
		}
	}
}

// TestLabelsAreShapedAsMasks: a label is scored in the box around it, which must
// not show.
func TestLabelsAreShapedAsMasks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 6)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		labels := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 0, 1, 2, 2}), n, n)
		ref, pred := labels.Draw(rt, "ref"), labels.Draw(rt, "pred")
		o := metrics.Options{Spacing: [3]float64{1, 1.5, 2}}
		got, err := metrics.EvaluateLabels(t.Context(), metrics.LabelMap{Shape: shape, Data: ref},
			metrics.LabelMap{Shape: shape, Data: pred}, metrics.LabelChoice{Labels: []uint8{1, 2}}, o)
		if err != nil {
			rt.Fatal(err)
		}
		for _, l := range got.Labels {
			want, err := metrics.Evaluate(t.Context(), metrics.Foreground(shape, ref, l.Label), metrics.Foreground(shape, pred, l.Label), o)
			if err != nil {
				rt.Fatal(err)
			}
			for name, v := range want.Values {
				if g := l.Result.Values[name]; math.Abs(g-v) > 1e-12 {
					rt.Fatalf("label %d: %s = %v, want %v", l.Label, name, g, v)
				}
			}
		}
	})
}

func TestShapeMetricsAreOursAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"skeleton_recall", "skeleton_precision", "radius_error", "betti0_error", "betti1_error", "betti2_error",
		"euler_error", "lesion_precision", "lesion_recall", "lesion_f1", "panoptic_quality",
	} {
		for _, definition := range metrics.Definitions() {
			if slices.Contains(metrics.Names(definition), name) != (definition == metrics.Minivess) {
				t.Errorf("%s in %s", name, definition)
			}
		}
	}
}
