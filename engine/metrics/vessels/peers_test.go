package vessels_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/vessels"
)

// peerCase is a mask and what Python's packages find.
type peerCase struct {
	Shape      [3]int     `json:"shape"`
	Spacing    [3]float64 `json:"spacing"`
	Mask       string     `json:"mask"`
	Components []struct {
		Voxels           int     `json:"voxels"`
		CentrelineVoxels int     `json:"centreline_voxels"`
		Length           float64 `json:"length"`
		BranchPoints     int     `json:"branch_points"`
		EndPoints        int     `json:"end_points"`
		RadiusMean       float64 `json:"radius_mean"`
		RadiusMin        float64 `json:"radius_min"`
		RadiusMax        float64 `json:"radius_max"`
	} `json:"components"`
	Radius struct {
		Voxels     int      `json:"voxels"`
		Found      int      `json:"found"`
		Error      float64  `json:"error"`
		FoundError *float64 `json:"found_error"`
		FoundBias  *float64 `json:"found_bias"`
	} `json:"radius"`
}

func (c peerCase) voxels(t *testing.T) []uint8 {
	t.Helper()
	raw, err := hex.DecodeString(c.Mask)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint8, c.Shape[0]*c.Shape[1]*c.Shape[2])
	for i := range out {
		out[i] = raw[i/8] >> (i % 8) & 1
	}
	return out
}

func peerCases(t *testing.T) []peerCase {
	t.Helper()
	b, err := os.ReadFile("testdata/vessels.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var cases []peerCase
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
		var c peerCase
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) < 15 {
		t.Fatalf("only %d masks", len(cases))
	}
	return cases
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestAgreesWithPython holds the table to scikit-image's skeleton, networkx's
// graphs and scipy's distances; see scripts/peers/metrics_vessels_fixture.py.
func TestAgreesWithPython(t *testing.T) {
	t.Parallel()
	branches, vanished := 0, 0
	for i, c := range peerCases(t) {
		mask := c.voxels(t)
		table, err := vessels.Measure(t.Context(), mask, c.Shape, c.Spacing)
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Components) != len(c.Components) {
			t.Fatalf("mask %d: %d components, want %d", i, len(table.Components), len(c.Components))
		}
		length := 0.0
		for k, want := range c.Components {
			got := table.Components[k]
			if got.Number != k+1 || got.Voxels != want.Voxels || got.CentrelineVoxels != want.CentrelineVoxels ||
				got.BranchPoints != want.BranchPoints || got.EndPoints != want.EndPoints {
				t.Errorf("mask %d, component %d: got %+v, want %+v", i, k, got, want)
			}
			near(t, "length", got.Length, want.Length)
			near(t, "mean radius", got.RadiusMean, want.RadiusMean)
			near(t, "least radius", got.RadiusMin, want.RadiusMin)
			near(t, "greatest radius", got.RadiusMax, want.RadiusMax)
			length += want.Length
			branches += want.BranchPoints
			if want.CentrelineVoxels == 0 {
				vanished++
			}
		}
		centreline, err := skeleton.Voxels(t.Context(), mask, c.Shape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := vessels.Length(centreline, c.Shape, c.Spacing)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "length of all", got, length)
	}
	if branches < 20 || vanished == 0 {
		t.Errorf("%d branch points and %d vanished pieces prove little", branches, vanished)
	}
}

// TestRadiiAgreeWithSciPy compares radii along the centreline of one mask with
// those of the next.
func TestRadiiAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	cases := peerCases(t)
	for i, c := range cases {
		ref, pred := c.voxels(t), cases[(i+1)%len(cases)].voxels(t)
		centrelines, err := vessels.Trace(t.Context(), ref, pred, c.Shape, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := vessels.CompareRadii(t.Context(), ref, pred, c.Shape, c.Spacing, centrelines.Reference, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got.Voxels != c.Radius.Voxels || got.Found != c.Radius.Found {
			t.Errorf("mask %d: got %+v, want %+v", i, got, c.Radius)
		}
		near(t, "error", got.Error, c.Radius.Error)
		if o := centrelines.Overlap(ref, pred); o.ReferenceInPrediction != c.Radius.Found || o.Reference != c.Radius.Voxels {
			t.Errorf("mask %d: overlap %+v, want %+v", i, o, c.Radius)
		}
		if c.Radius.Found == 0 {
			if !math.IsNaN(got.FoundError) || !math.IsNaN(got.FoundBias) {
				t.Errorf("mask %d: nothing is found, yet %+v", i, got)
			}
			continue
		}
		near(t, "error where found", got.FoundError, *c.Radius.FoundError)
		near(t, "bias where found", got.FoundBias, *c.Radius.FoundBias)
	}
}
