package folder_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
)

// scored is a case of one label with a Dice, a distance that may be missing, and
// what set the Dice.
func scored(name string, label uint8, unit string, dice, hd float64, byPolicy string) folder.Case {
	r := metrics.Result{
		Definition: metrics.Minivess, Empty: metrics.EmptyPenalise,
		Values: map[string]float64{metrics.Dice: dice, metrics.HD: hd}, Excluded: map[string]string{}, ByPolicy: map[string]string{},
	}
	if math.IsNaN(hd) || math.IsInf(hd, 0) {
		r.Excluded[metrics.HD] = "undefined"
	}
	if byPolicy != "" {
		r.ByPolicy[metrics.Dice] = byPolicy
	}
	return folder.Case{Pair: folder.Pair{Case: name}, Unit: unit, Structures: []folder.Structure{{Label: label, Results: []metrics.Result{r}}}}
}

func TestSummariesSayWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	lines := folder.Summarise([]folder.Case{
		scored("a", 2, "um", 0.5, 3, ""), scored("b", 2, "um", 1, math.NaN(), "both masks are empty"), scored("c", 1, "um", 0.25, 1, ""),
		scored("d", 2, "mm", 0.75, math.Inf(1), ""),
	})
	type line struct {
		Label                 uint8
		Metric, Unit          string
		N, Excluded, ByPolicy int
		Mean                  float64
	}
	var got []line
	for _, l := range lines {
		got = append(got, line{l.Label, l.Metric, l.Unit, l.Statistics.N, l.Statistics.Excluded, l.Statistics.ByPolicy, l.Statistics.Mean})
	}
	want := []line{
		{1, "dice", "", 1, 0, 0, 0.25},
		{1, "hd", "um", 1, 0, 0, 1},
		{2, "dice", "", 3, 0, 1, 0.75},
		{2, "hd", "mixed", 1, 2, 0, 3},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if folder.Summarise(nil) == nil {
		t.Error("no cases have no lines, not nil")
	}
}

func TestWorstComesFirst(t *testing.T) {
	t.Parallel()
	for metric, want := range map[string]string{metrics.Dice: "cbad", metrics.HD95: "cabd", metrics.Betti0Error: "cabd", "brier": "cabd", "auroc": "cbad"} {
		rows := []folder.Row{{Case: "a", Value: 0.9}, {Case: "b", Value: 0.2}, {Case: "c", Value: math.NaN()}, {Case: "d", Value: 0.9}}
		if metric == metrics.HD95 || metric == metrics.Betti0Error || metric == "brier" {
			rows[3].Value = 0.1
		}
		got := ""
		for i := range rows {
			rows[i].Metric = metric
		}
		folder.WorstFirst(rows)
		for _, r := range rows {
			got += r.Case
		}
		if got != want {
			t.Errorf("%s: %s, want %s", metric, got, want)
		}
	}
}
