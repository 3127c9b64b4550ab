package folder

import (
	"math"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// Case is the scores of one pair of files.
type Case struct {
	Pair
	Shape   [3]int     `json:"shape"`
	Spacing [3]float64 `json:"spacing"`
	Unit    string     `json:"unit"`
	// Structures are the labels that were scored.
	Structures []Structure `json:"structures,omitempty"`
	// IgnoredVoxels is how many voxels were left out of account.
	IgnoredVoxels int `json:"ignored_voxels,omitempty"`
	// Probability is how the probabilities were judged.
	Probability *Judged `json:"probability,omitempty"`
	// Resampled is set when the prediction was put onto the reference's grid.
	Resampled *Resampled `json:"resampled,omitempty"`
	// Missing says that there is no prediction and that an empty one stands for
	// it.
	Missing bool `json:"missing,omitempty"`
}

// Structure is the scores of one label under each definition.
type Structure struct {
	Label uint8 `json:"label"`
	// Results are written in full, unlike a metrics.Comparison.
	Results []metrics.Result `json:"scores"`
}

// Resampled says how a prediction was put onto its reference's grid.
type Resampled struct {
	From string `json:"from"` // its own grid
	// Outside is the share of its foreground that lies outside of the
	// reference, Uncovered the share of the reference that it does not cover.
	Outside   float64 `json:"outside"`
	Uncovered float64 `json:"uncovered"`
}

// Judged is the scores of a map of probabilities.
type Judged struct {
	Label      uint8              `json:"label"`
	Values     map[string]float64 `json:"values"`
	Excluded   map[string]string  `json:"excluded,omitempty"`
	Definition map[string]string  `json:"definition"`
	Voxels     int64              `json:"voxels"`
	Bins       []probability.Bin  `json:"bins,omitempty"`
}

// judged keeps what has a value apart from what has none.
func judged(label uint8, r probability.Result) *Judged {
	j := &Judged{Label: label, Values: map[string]float64{}, Excluded: map[string]string{}, Definition: r.Definition, Voxels: r.Voxels, Bins: r.Bins}
	for name, v := range r.Values {
		if math.IsNaN(v) {
			j.Excluded[name] = r.Excluded[name]
			continue
		}
		j.Values[name] = v
	}
	return j
}

// Row is one score in the long table.
type Row struct {
	Case       string
	Label      uint8
	Metric     string
	Definition string
	Value      float64 // NaN when there is none; infinite where a definition says so
	Unit       string  // of the value: a length, "count", "nats", or "" for a share
	Policy     string  // why there is no value, or which rule set it; "" when it was measured
}

// Rows lists the scores of a case, by label, then definition.
func (c Case) Rows() []Row {
	var rows []Row
	note := ""
	if c.Missing {
		note = "there is no prediction file; "
	}
	for _, s := range c.Structures {
		for _, r := range s.Results {
			for _, name := range (metrics.Comparison{r}).Metrics() {
				row := Row{c.Case, s.Label, name, r.Definition, math.NaN(), UnitOf(name, c.Unit), ""}
				if v, ok := r.Values[name]; ok {
					row.Value = v
				}
				if why, ok := r.Excluded[name]; ok {
					row.Policy = "excluded: " + note + why
				} else if why, ok := r.ByPolicy[name]; ok {
					row.Policy = policyName(r) + ": " + note + why
				}
				rows = append(rows, row)
			}
		}
	}
	if c.Probability == nil {
		return rows
	}
	for _, name := range probability.Names() {
		v, ok := c.Probability.Values[name]
		why, excluded := c.Probability.Excluded[name]
		if !ok && !excluded {
			continue
		}
		row := Row{c.Case, c.Probability.Label, name, metrics.Minivess, v, UnitOf(name, c.Unit), ""}
		if excluded {
			row.Value, row.Policy = math.NaN(), "excluded: "+why
		}
		rows = append(rows, row)
	}
	return rows
}

// policyName is what set a value: the policy asked for, or the definition.
func policyName(r metrics.Result) string {
	if r.Empty == metrics.EmptyByDefinition {
		return r.Definition
	}
	return string(r.Empty)
}

// UnitOf is the unit of a metric's values in a volume whose spacing is in the
// given unit.
func UnitOf(metric, unit string) string {
	switch metric {
	case metrics.Betti0Error, metrics.Betti1Error, metrics.Betti2Error, metrics.EulerError, BranchPointsError:
		return "count"
	case VesselLengthError:
		return unit
	case probability.NLL:
		return "nats"
	}
	if metrics.IsDistance(metric) {
		return unit
	}
	return ""
}
