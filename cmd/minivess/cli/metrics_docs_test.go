package cli_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// TestReferenceListsEveryMetric keeps docs/reference/metrics.md true: each
// metric has one row, with the unit and the direction that the program knows.
func TestReferenceListsEveryMetric(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "∣"), " | ")
		name := strings.TrimPrefix(cells[0], "| `")
		if len(cells) < 5 || name == cells[0] || !strings.HasSuffix(name, "`") {
			continue
		}
		name = strings.TrimSuffix(name, "`")
		if rows[name] != nil {
			t.Errorf("%s has two rows", name)
		}
		rows[name] = cells
	}
	if rows["hdN"] == nil {
		t.Error("no row for percentiles")
	}
	delete(rows, "hdN")
	var names []string
	for _, d := range metrics.Definitions() {
		names = append(names, metrics.Names(d)...)
	}
	names = append(names, folder.VesselNames()...)
	names = append(names, probability.Names()...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		row := rows[name]
		if row == nil {
			t.Errorf("no row for %s", name)
			continue
		}
		delete(rows, name)
		direction, unit := "lower", row[2]
		if metrics.HigherIsBetter(name) {
			direction = "higher"
		}
		switch unit {
		case "length":
			unit = "um"
		case "share", "ratio":
			unit = ""
		}
		if row[3] != direction || unit != folder.UnitOf(name, "um") {
			t.Errorf("%s: %s is better and the unit is %q, says the page", name, row[3], row[2])
		}
	}
	for name := range rows {
		if !slices.Contains(metrics.Definitions(), name) {
			t.Errorf("a row for %s, which there is not", name)
		}
	}
	for _, family := range append(metrics.Families(), folder.FamilyVessels, metrics.FamilyProbability, metrics.FamilyUncertainty) {
		if !strings.Contains(string(page), "--family "+family+"`") {
			t.Errorf("no section for family %s", family)
		}
	}
}
