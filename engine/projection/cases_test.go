package projection_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
)

func rowsOf(t *testing.T, db *projection.DB, query string) [][]any {
	t.Helper()
	table, err := db.Query(t.Context(), query, projection.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return table.Rows
}

// Scores of labels have rows beside those of volumes, and statements about
// volumes mean what they meant before there were labels.
func TestScoresOfLabels(t *testing.T) {
	ws := newWorkspace(t)
	create(t, ws, judge("calm-owl-1", "calm-owl-0"))
	nan := runs.Number(math.NaN())
	add(t, ws, "calm-owl-1",
		runs.EventCase, runs.Case{
			Volume: "one", Split: "test", Definition: "minivess", Unit: "um", Tolerance: 2,
			Values: map[string]runs.Number{"nsd": 0.5, "ece": 0.1}, Labels: []runs.CaseLabel{{Label: 1, Values: map[string]runs.Number{"nsd": 0.5}}},
		},
		runs.EventCase, runs.Case{
			Volume: "two", Split: "test", Definition: "minivess", Unit: "um",
			Values: map[string]runs.Number{"hd95": 3, "cldice": nan}, Excluded: map[string]string{"cldice": "0/0"}, ByPolicy: map[string]string{"hd95": "label 3: empty"},
			Labels: []runs.CaseLabel{
				{Label: 2, Values: map[string]runs.Number{"hd95": 1}},
				{Label: 3, Values: map[string]runs.Number{"hd95": 5}, ByPolicy: map[string]string{"hd95": "empty"}},
			},
		},
		runs.EventCase, runs.Case{
			Volume: "three", Split: "test", Definition: "minivess",
			Excluded: map[string]string{"dice": "not judged: NaN"}, Failure: &runs.CaseFailure{Code: "bad_input", Error: "NaN"},
		},
		runs.EventCase, runs.Case{Volume: "old", Split: "test", Values: map[string]runs.Number{"dice": 0.5, "dice_2": 0.25, "f_1": 1}},
	)
	db := openDB(t, ws)
	got := rowsOf(t, db, "select volume, name, metric, label, value, definition, excluded, by_policy from case_metrics order by volume, name")
	want := [][]any{
		{"old", "dice", "dice", nil, 0.5, nil, nil, nil},
		{"old", "dice_2", "dice", int64(2), 0.25, nil, nil, nil},
		{"old", "f_1", "f_1", nil, 1.0, nil, nil, nil},
		{"one", "ece", "ece", nil, 0.1, "minivess", nil, nil},
		{"one", "nsd", "nsd", int64(1), 0.5, "minivess, tolerance 2 um", nil, nil},
		{"three", "dice", "dice", nil, nil, "minivess", "not judged: NaN", nil},
		{"two", "cldice", "cldice", nil, nil, "minivess", "0/0", nil},
		{"two", "hd95", "hd95", nil, 3.0, "minivess, in um", nil, "label 3: empty"},
		{"two", "hd95_2", "hd95", int64(2), 1.0, "minivess, in um", nil, nil},
		{"two", "hd95_3", "hd95", int64(3), 5.0, "minivess, in um", nil, "empty"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The volume is judged again: its rows are replaced, none is doubled.
	add(t, ws, "calm-owl-1", runs.EventCase, runs.Case{
		Volume: "three", Split: "test", Definition: "minivess", Values: map[string]runs.Number{"dice": 0.75},
		Labels: []runs.CaseLabel{{Label: 1, Values: map[string]runs.Number{"dice": 0.75}}},
	})
	refresh(t, db)
	got = rowsOf(t, db, "select value, label, excluded from case_metrics where volume = 'three'")
	if diff := cmp.Diff([][]any{{0.75, int64(1), nil}}, got); diff != "" {
		t.Error(diff)
	}
}
