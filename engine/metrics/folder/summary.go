package folder

import (
	"cmp"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
)

// Line is one metric over the cases, for one label under one definition.
type Line struct {
	Label      uint8         `json:"label"`
	Definition string        `json:"definition"`
	Metric     string        `json:"metric"`
	Unit       string        `json:"unit,omitempty"`
	Statistics cases.Summary `json:"statistics"`
}

// Summarise describes every metric over cases, in the order of the first case's
// rows. A case without the label, which only happens when labels are taken from
// the files, counts in none of that label's lines.
func Summarise(all []Case) []Line {
	type key struct {
		label              uint8
		definition, metric string
	}
	values, byPolicy, unit := map[key][]float64{}, map[key]int{}, map[key]string{}
	var order []key
	for _, c := range all {
		for _, r := range c.Rows() {
			k := key{r.Label, r.Definition, r.Metric}
			if _, ok := values[k]; !ok {
				order = append(order, k)
				unit[k] = r.Unit
			}
			if r.Policy != "" && !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
				byPolicy[k]++
			}
			if unit[k] != r.Unit {
				unit[k] = "mixed"
			}
			values[k] = append(values[k], r.Value)
		}
	}
	slices.SortStableFunc(order, func(a, b key) int { return cmp.Compare(a.label, b.label) })
	lines := make([]Line, len(order))
	for i, k := range order {
		lines[i] = Line{k.label, k.definition, k.metric, unit[k], cases.Summarise(values[k], cases.Options{ByPolicy: byPolicy[k]})}
	}
	return lines
}

// WorstFirst orders rows of one metric from the worst value to the best; those
// without a value come first, as nobody has looked at them yet. Equal ones keep
// their order.
func WorstFirst(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		switch {
		case math.IsNaN(a.Value) || math.IsNaN(b.Value):
			return cmp.Compare(rank(a.Value), rank(b.Value))
		case metrics.HigherIsBetter(a.Metric):
			return cmp.Compare(a.Value, b.Value)
		default:
			return cmp.Compare(b.Value, a.Value)
		}
	})
}

func rank(v float64) int {
	if math.IsNaN(v) {
		return 0
	}
	return 1
}
