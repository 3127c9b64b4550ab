package projection

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
)

// caseRow is a row of case_metrics but for the two ids.
type caseRow struct {
	volume, split, name string
	value               float64 // NaN when excluded
	excluded, byPolicy  string
	label               *int64
	metric, definition  string
	void                bool
}

// volume takes in what was scored of a volume. With one label its scores are
// those of the volume, so there is one row a metric; with several, each has rows
// of its own beside those of their mean.
func (b *batch) volume(c runs.Case) {
	key := c.Split + "/" + c.Volume
	b.casesAgain = b.casesAgain || b.mem.Cases[key]
	b.mem.Cases[key] = true
	only := map[string]bool{}
	var one *int64
	if len(c.Labels) == 1 {
		n := int64(c.Labels[0].Label)
		one = &n
		for _, name := range namesOf(c.Labels[0].Values, c.Labels[0].Excluded) {
			only[name] = true
		}
	}
	for _, name := range namesOf(c.Values, c.Excluded) {
		r := rowOf(c, name, c.Values, c.Excluded, c.ByPolicy)
		switch {
		case only[name]:
			r.label = one
		case len(c.Labels) == 0:
			r.metric, r.label = oldLabel(c, name)
		}
		b.cases = append(b.cases, r)
	}
	if one != nil {
		return
	}
	for _, l := range c.Labels {
		n := int64(l.Label)
		for _, name := range namesOf(l.Values, l.Excluded) {
			r := rowOf(c, name, l.Values, l.Excluded, l.ByPolicy)
			r.name, r.label = fmt.Sprintf("%s_%d", name, l.Label), &n
			b.cases = append(b.cases, r)
		}
	}
}

// oldLabel reads the names that journals from before labels have: dice_2, where
// there is a dice.
func oldLabel(c runs.Case, name string) (metric string, label *int64) {
	at := strings.LastIndexByte(name, '_')
	if at < 0 {
		return name, nil
	}
	n, err := strconv.ParseUint(name[at+1:], 10, 8)
	_, whole := c.Values[name[:at]]
	if _, left := c.Excluded[name[:at]]; err != nil || !whole && !left {
		return name, nil
	}
	l := int64(n)
	return name[:at], &l
}

// namesOf lists what has a value or a reason for having none.
func namesOf(values map[string]runs.Number, excluded map[string]string) []string {
	names := slices.Collect(maps.Keys(values))
	for name := range excluded {
		if _, there := values[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func rowOf(c runs.Case, name string, values map[string]runs.Number, excluded, byPolicy map[string]string) caseRow {
	r := caseRow{
		volume: c.Volume, split: c.Split, name: name, metric: name, value: math.NaN(),
		excluded: excluded[name], byPolicy: byPolicy[name], definition: definitionOf(c, name),
	}
	if v, ok := values[name]; ok {
		r.value = float64(v)
	}
	return r
}

// definitionOf says how a value was computed: "minivess", "minivess, tolerance
// 2 um". Journals from before definitions were written have none.
func definitionOf(c runs.Case, name string) string {
	unit := c.Unit
	if unit == "" {
		unit = "unknown unit"
	}
	switch {
	case c.Definition == "":
		return ""
	case name == metrics.NSD:
		return fmt.Sprintf("%s, tolerance %g %s", c.Definition, c.Tolerance, unit)
	case metrics.IsDistance(name):
		return c.Definition + ", in " + unit
	default:
		return c.Definition
	}
}

// addCases adds the rows of volumes. A value that is not finite stays one,
// unless it was left out.
func addCases(in *inserter, about, job string, rows []caseRow) error {
	for _, r := range rows {
		if r.void {
			continue
		}
		var value any = r.value
		if r.excluded != "" && math.IsNaN(r.value) {
			value = nil
		}
		err := in.add("case_metrics", about, job, r.volume, r.split, r.name, value, textOrNull(r.excluded), textOrNull(r.byPolicy),
			orNull(r.label), r.metric, textOrNull(r.definition))
		if err != nil {
			return err
		}
	}
	return nil
}
