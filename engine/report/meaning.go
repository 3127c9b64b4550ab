package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
)

// definition is a row of the table that says what the metrics mean.
type definition struct{ Title, Name, Text, Unit, Better string }

func define(metric string, s Scoring) definition {
	d := definition{Title: title(metric), Name: metric, Text: describe(metric, s), Unit: unitOf(metric, s), Better: better(metric)}
	if d.Unit == "" {
		d.Unit = "–"
		if bounded(metric) {
			d.Unit = "0 to 1"
		}
	}
	return d
}

// formulas says whose definitions are followed.
func formulas(s Scoring) string {
	name := cmp.Or(s.Definition, metrics.Minivess)
	whose := map[string]string{
		metrics.Minivess:        "those of MetricsReloaded (Maier-Hein, Reinke et al. 2024), with missed structures penalised instead of left out",
		metrics.MetricsReloaded: "those of MetricsReloaded (Maier-Hein, Reinke et al. 2024)",
		metrics.MONAI:           "those of MONAI 1.4.0",
		metrics.SurfaceDistance: "those of google-deepmind/surface-distance 0.1",
		metrics.MedPy:           "those of MedPy 0.5.2",
	}[name]
	text := fmt.Sprintf("Formulas follow the definition “%s”", name)
	if whose != "" {
		text += ": " + whose
	}
	return text + ". Packages differ in what they call by these names, so compare numbers only under one definition."
}

// exception is a volume some of whose values were not measured.
type exception struct{ Volume, Metrics, Done, Why string }

// exceptions lists what was left out, and what a policy set, with the reasons.
func (e Evaluation) exceptions() []exception {
	var out []exception
	for _, i := range e.WorstFirst() {
		c := e.Cases[i]
		if c.Failure != "" {
			out = append(out, exception{c.Volume, "all", "not judged", c.Failure})
			continue
		}
		out = append(out, exceptionsOf(c.Volume, "no value, not in the mean", c.Excluded)...)
		out = append(out, exceptionsOf(c.Volume, "set by the policy", c.ByPolicy)...)
	}
	return out
}

// exceptionsOf puts the metrics together that have the same reason.
func exceptionsOf(volume, done string, why map[string]string) []exception {
	byReason := map[string][]string{}
	for _, metric := range slices.Sorted(maps.Keys(why)) {
		byReason[why[metric]] = append(byReason[why[metric]], title(metric))
	}
	var out []exception
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		out = append(out, exception{volume, strings.Join(byReason[reason], ", "), done, reason})
	}
	return out
}
