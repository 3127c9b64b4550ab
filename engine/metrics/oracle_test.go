package metrics_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// oracleCase is what published packages say about one pair of masks, see
// testdata/oracle/expected.json.
type oracleCase struct {
	Shape     [3]int     `json:"shape"`
	Spacing   [3]float64 `json:"spacing"`
	Tolerance float64    `json:"tolerance"`

	MetricsReloaded map[string]answer `json:"metrics_reloaded"`
	MONAI           map[string]answer `json:"monai"`
	SurfaceDistance map[string]answer `json:"surface_distance"`
	MedPy           map[string]answer `json:"medpy"`
	Skimage         map[string]answer `json:"skimage"`
	Topology        map[string]answer `json:"topology_reference"`
}

// answer is a number, "nan", "inf", or what was raised (here NaN).
type answer float64

func (a *answer) UnmarshalJSON(b []byte) error {
	switch s := strings.Trim(string(b), `"`); {
	case s == "nan" || strings.HasPrefix(s, "raises"):
		*a = answer(math.NaN())
	case s == "inf":
		*a = answer(math.Inf(1))
	default:
		var f float64
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		*a = answer(f)
	}
	return nil
}

func oracle(t *testing.T) map[string]oracleCase {
	t.Helper()
	b, err := os.ReadFile("testdata/oracle/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]oracleCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// close1e5 holds numbers to 1e-5, absolute below 1 and relative above.
func close1e5(got, want float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return math.IsNaN(got) == math.IsNaN(want) && math.IsInf(got, 1) == math.IsInf(want, 1)
	}
	return math.Abs(got-want) <= 1e-5
}

func TestEveryValueOfTheOracle(t *testing.T) {
	t.Parallel()
	cases := oracle(t)
	if len(cases) != 10 {
		t.Fatalf("the oracle has %d cases, want 10", len(cases))
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := readMask(t, fmt.Sprintf("testdata/oracle/%s.reference.nii.gz", name))
			pred := readMask(t, fmt.Sprintf("testdata/oracle/%s.prediction.nii.gz", name))
			if ref.Shape != c.Shape {
				t.Fatalf("shape %v, want %v", ref.Shape, c.Shape)
			}
			got, err := metrics.Compare(t.Context(), ref, pred, metrics.Options{Spacing: c.Spacing, Tolerance: c.Tolerance})
			if err != nil {
				t.Fatal(err)
			}
			byName := map[string]metrics.Result{}
			for _, r := range got {
				byName[r.Definition] = r
			}
			checkAnswers(t, byName[metrics.MetricsReloaded], c.MetricsReloaded)
			checkAnswers(t, byName[metrics.MONAI], c.MONAI)
			checkAnswers(t, byName[metrics.SurfaceDistance], c.SurfaceDistance)
			checkAnswers(t, byName[metrics.MedPy], c.MedPy)
			checkMinivess(t, byName[metrics.Minivess], c.MetricsReloaded)
			checkCounts(t, ref, pred, c)
		})
	}
}

func checkAnswers(t *testing.T, got metrics.Result, want map[string]answer) {
	t.Helper()
	ours := map[string]string{"nsd_voxel": metrics.NSD, "asd_symmetric": metrics.ASSD}
	if len(want) == 0 {
		t.Fatalf("the oracle has no value for %s", got.Definition)
	}
	for _, theirs := range slices.Sorted(maps.Keys(want)) {
		name := theirs
		if n, ok := ours[theirs]; ok {
			name = n
		}
		v, ok := got.Values[name]
		if !ok || !close1e5(v, float64(want[theirs])) {
			t.Errorf("%s %s = %v, want %v", got.Definition, name, v, want[theirs])
		}
		_, excluded := got.Excluded[name]
		if finite := !math.IsNaN(v) && !math.IsInf(v, 0); finite == excluded {
			t.Errorf("%s %s = %v, and excluded is %v", got.Definition, name, v, excluded)
		}
	}
}

// checkMinivess holds our own definition to MetricsReloaded's numbers where it
// has any, and to the penalty where it has none.
func checkMinivess(t *testing.T, got metrics.Result, want map[string]answer) {
	t.Helper()
	for name, v := range got.Values {
		answered, ok := want[name]
		switch w := float64(answered); {
		case !ok && got.Presence == metrics.PresentBoth:
			if !(v >= 0 && (v <= 1 || !metrics.HigherIsBetter(name))) {
				t.Errorf("minivess %s = %v; it must lie in [0, 1], or be an error of 0 or more", name, v)
			}
		case math.IsNaN(v) || math.IsInf(v, 0):
			t.Errorf("minivess %s = %v; it must always be a number", name, v)
		case ok && !math.IsNaN(w):
			if !close1e5(v, w) {
				t.Errorf("minivess %s = %v, want %v", name, v, w)
			}
		case metrics.HigherIsBetter(name):
			if perfect := got.Presence == metrics.EmptyBoth; perfect != (v == 1) || !perfect && v != 0 {
				t.Errorf("minivess %s = %v with foreground in %s", name, v, got.Presence)
			}
		case metrics.IsDistance(name) && got.Presence != metrics.EmptyBoth:
			if v < 10 {
				t.Errorf("minivess %s = %v: a missed structure is not penalised", name, v)
			}
		}
	}
}

// checkCounts compares what must agree exactly.
func checkCounts(t *testing.T, ref, pred metrics.Mask, c oracleCase) {
	t.Helper()
	counts, err := topology.Count(t.Context(), ref.Data, ref.Shape)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Components != int(c.Topology["b0_26"]) || counts.Cavities != int(c.Topology["b2_6bg"]) {
		t.Errorf("topology %+v, want %v", counts, c.Topology)
	}
	refSkeleton, refInside := skeletonCounts(t, ref, pred)
	predSkeleton, predInside := skeletonCounts(t, pred, ref)
	if refSkeleton != int(c.Skimage["skeleton_voxels_reference"]) || predSkeleton != int(c.Skimage["skeleton_voxels_prediction"]) {
		t.Errorf("skeletons of %d and %d voxels, want %v", refSkeleton, predSkeleton, c.Skimage)
	}
	precision := float64(predInside) / max(1, float64(predSkeleton))
	sensitivity := float64(refInside) / max(1, float64(refSkeleton))
	if !close1e5(precision, float64(c.Skimage["topology_precision_skel_prediction_in_reference"])) ||
		!close1e5(sensitivity, float64(c.Skimage["topology_sensitivity_skel_reference_in_prediction"])) {
		t.Errorf("topology precision %v and sensitivity %v, want %v", precision, sensitivity, c.Skimage)
	}
}

func skeletonCounts(t *testing.T, m, other metrics.Mask) (voxels, inside int) {
	t.Helper()
	thin, err := skeleton.Thin(t.Context(), m.Data, m.Shape)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range thin {
		voxels += int(v)
		inside += int(v & other.Data[i])
	}
	return voxels, inside
}
