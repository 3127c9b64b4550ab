package instances_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// judged is what panoptica says; a nil quality is none.
type judged struct {
	References  int      `json:"n_ref_instances"`
	Predictions int      `json:"n_pred_instances"`
	Matched     int      `json:"tp"`
	Recognition *float64 `json:"rq"`
	Segmented   *float64 `json:"sq"`
	Panoptic    *float64 `json:"pq"`
}

type peerCase struct {
	Shape      [3]int `json:"shape"`
	Reference  string `json:"reference"`
	Prediction string `json:"prediction"`
	Greedy     judged `json:"greedy"`
	GreedyLow  judged `json:"greedy-low"`
	Optimal    judged `json:"optimal"`
	OptimalLow judged `json:"optimal-low"`
}

func unpack(t *testing.T, bits string, n int) []uint8 {
	t.Helper()
	raw, err := hex.DecodeString(bits)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint8, n)
	for i := range out {
		out[i] = raw[i/8] >> (i % 8) & 1
	}
	return out
}

// TestAgreesWithPanoptica holds counts and qualities to panoptica 2.1.7; see
// scripts/peers/metrics_instances_fixture.py.
func TestAgreesWithPanoptica(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/pairs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); n++ {
		var c peerCase
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		voxels := c.Shape[0] * c.Shape[1] * c.Shape[2]
		ref, pred := unpack(t, c.Reference, voxels), unpack(t, c.Prediction, voxels)
		for _, way := range []struct {
			o    instances.Options
			want judged
		}{
			{instances.Options{}, c.Greedy},
			{instances.Options{Threshold: 0.1, Threads: 1}, c.GreedyLow},
			{instances.Options{Matching: instances.Optimal}, c.Optimal},
			{instances.Options{Matching: instances.Optimal, Threshold: 0.1}, c.OptimalLow},
		} {
			got, err := instances.Match(t.Context(), ref, pred, c.Shape, way.o)
			if err != nil {
				t.Fatal(err)
			}
			if got.ReferencePieces != way.want.References || got.PredictionPieces != way.want.Predictions ||
				got.Found != way.want.Matched || got.Right != way.want.Matched {
				t.Errorf("pair %d, %+v: got %+v, want %+v", n, way.o, got, way.want)
			}
			near(t, "recognition quality", got.F1, way.want.Recognition)
			near(t, "segmentation quality", got.Segmentation, way.want.Segmented)
			near(t, "panoptic quality", got.Panoptic, way.want.Panoptic)
		}
	}
	if n < 20 {
		t.Fatalf("only %d pairs", n)
	}
}

// near compares with panoptica's number; where it has none, for two empty
// masks, ours is 1.
func near(t *testing.T, what string, got float64, want *float64) {
	t.Helper()
	expected := 1.0
	if want != nil {
		expected = *want
	}
	if !(math.Abs(got-expected) <= 1e-12) {
		t.Errorf("%s: got %v, want %v", what, got, expected)
	}
}

// row is a mask of one row.
func row(bits string) []uint8 {
	out := make([]uint8, len(bits))
	for i, b := range bits {
		if b == '#' {
			out[i] = 1
		}
	}
	return out
}

func TestOverlapCountsEveryPieceThatIsTouched(t *testing.T) {
	t.Parallel()
	ref := row("####..##..#....#")
	prd := row("#.#..####.....##")
	got, err := instances.Match(t.Context(), ref, prd, [3]int{16, 1, 1}, instances.Options{Matching: instances.Overlap})
	if err != nil {
		t.Fatal(err)
	}
	want := instances.Result{
		ReferencePieces: 4, PredictionPieces: 4, Found: 3, Right: 4,
		Precision: 1, Recall: 0.75, F1: 6.0 / 7, Segmentation: 0.375, Panoptic: 0.375 * 6 / 7,
		Pairs: []instances.Pair{
			{Reference: 1, Prediction: 1, Voxels: 1, IoU: 0.25},
			{Reference: 1, Prediction: 2, Voxels: 1, IoU: 0.25},
			{Reference: 2, Prediction: 3, Voxels: 2, IoU: 0.5},
			{Reference: 4, Prediction: 4, Voxels: 1, IoU: 0.5},
		},
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-15 })); d != "" {
		t.Error(d)
	}
}

func TestNothingAgreesWithNothing(t *testing.T) {
	t.Parallel()
	for _, matching := range []instances.Matching{instances.Greedy, instances.Optimal, instances.Overlap} {
		o := instances.Options{Matching: matching}
		got, err := instances.Match(t.Context(), row("...."), row("...."), [3]int{4, 1, 1}, o)
		if err != nil || got.F1 != 1 || got.Panoptic != 1 || got.Recall != 1 || got.Precision != 1 || got.Segmentation != 1 {
			t.Errorf("%s, both empty: %+v, %v", matching, got, err)
		}
		for _, pair := range [][2]string{{"#...", "...."}, {"....", "#..."}, {"#...", "..#."}} {
			got, err := instances.Match(t.Context(), row(pair[0]), row(pair[1]), [3]int{4, 1, 1}, o)
			if err != nil || got.F1 != 0 || got.Panoptic != 0 || got.Recall != 0 || got.Precision != 0 || got.Segmentation != 0 {
				t.Errorf("%s, %q: %+v, %v", matching, pair, got, err)
			}
		}
	}
}

func TestRefusesBadInput(t *testing.T) {
	t.Parallel()
	ok := row("##..")
	for _, c := range []struct {
		ref, pred []uint8
		shape     [3]int
		o         instances.Options
		want      error
	}{
		{ok, ok[:3], [3]int{4, 1, 1}, instances.Options{}, topology.ErrInput},
		{ok[:3], ok, [3]int{4, 1, 1}, instances.Options{}, topology.ErrInput},
		{ok, ok, [3]int{4, 0, 1}, instances.Options{}, topology.ErrInput},
		{ok, ok, [3]int{4, 1, 1}, instances.Options{Threshold: -0.5}, instances.ErrThreshold},
		{ok, ok, [3]int{4, 1, 1}, instances.Options{Threshold: 1.5}, instances.ErrThreshold},
		{ok, ok, [3]int{4, 1, 1}, instances.Options{Threshold: math.NaN()}, instances.ErrThreshold},
		{ok, ok, [3]int{4, 1, 1}, instances.Options{Matching: "hungarian"}, instances.ErrMatching},
	} {
		if _, err := instances.Match(t.Context(), c.ref, c.pred, c.shape, c.o); !errors.Is(err, c.want) {
			t.Errorf("shape %v, %+v: got %v, want %v", c.shape, c.o, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := instances.Match(ctx, ok, ok, [3]int{4, 1, 1}, instances.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
