package cli

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
	"github.com/minivess/minivess/engine/metrics/folder"
)

// printFolder prints what came of two folders: every metric over the cases, and
// the worst cases.
func (env *environment) printFolder(s folderScores, options folder.Options, o metricsOptions) error {
	if env.JSON {
		return env.printJSON(s)
	}
	if len(s.Cases) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	labelled, several := len(o.labels) > 0, len(options.Definitions) > 1
	head := []string{"metric", "mean", "95 % CI", "median", "IQR", "range", "n", "excluded", "by policy"}
	_, _ = fmt.Fprintln(w, strings.Join(lead(head, labelled, "label", several, "definition"), "\t"))
	for _, l := range s.Summary {
		st := l.Statistics
		name := l.Metric
		if l.Unit != "" && l.Unit != "count" {
			name += " (" + strings.Replace(l.Unit, "um", "µm", 1) + ")"
		}
		row := []string{name, short(st.Mean), "–", short(st.Median), between(st.LowerQuartile, st.UpperQuartile), between(st.Min, st.Max), fmt.Sprint(st.N), none(st.Excluded), none(st.ByPolicy)}
		if st.Interval != nil {
			row[2] = between(st.Interval.Low, st.Interval.High)
		}
		_, _ = fmt.Fprintln(w, strings.Join(lead(row, labelled, fmt.Sprint(l.Label), several, l.Definition), "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	if err := env.printWorst(s, labelled); err != nil {
		return err
	}
	env.printFootnotes(s, options)
	return nil
}

// lead puts the columns in front that are there.
func lead(row []string, labelled bool, label string, several bool, definition string) []string {
	if several {
		row = append([]string{definition}, row...)
	}
	if labelled {
		row = append([]string{label}, row...)
	}
	return row
}

// maxWorst is how many of the worst cases are printed.
const maxWorst = 10

// printWorst prints the worst cases by the first metric, with some more.
func (env *environment) printWorst(s folderScores, labelled bool) error {
	columns := worstColumns(s.Summary)
	if len(columns) == 0 || len(s.Cases) < 2 {
		return nil
	}
	first := columns[0]
	type key struct {
		name  string
		label uint8
	}
	values := map[key]map[string]folder.Row{}
	var rows []folder.Row
	for _, c := range s.Cases {
		for _, r := range c.Rows() {
			if r.Definition != first.Definition {
				continue
			}
			k := key{r.Case, r.Label}
			if values[k] == nil {
				values[k] = map[string]folder.Row{}
			}
			values[k][r.Metric] = r
			if r.Metric == first.Metric {
				rows = append(rows, r)
			}
		}
	}
	folder.WorstFirst(rows)
	_, _ = fmt.Fprintf(env.Streams.Out, "\nworst first by %s\n", first.Metric)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	head := []string{"case"}
	if labelled {
		head = append(head, "label")
	}
	for _, l := range columns {
		head = append(head, l.Metric)
	}
	_, _ = fmt.Fprintln(w, strings.Join(append(head, ""), "\t"))
	for _, r := range rows[:min(maxWorst, len(rows))] {
		row := []string{cell(r.Case)}
		if labelled {
			row = append(row, fmt.Sprint(r.Label))
		}
		scores := values[key{r.Case, r.Label}]
		for _, l := range columns {
			row = append(row, short(valueOf(scores, l.Metric)))
		}
		_, _ = fmt.Fprintln(w, strings.Join(append(row, r.Policy), "\t"))
	}
	if n := len(rows) - maxWorst; n > 0 {
		_, _ = fmt.Fprintf(w, "… and %d more; --out scores.csv writes them all\n", n)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	for line := range strings.Lines(b.String()) { // most rows have nothing in the last column
		_, _ = fmt.Fprintln(env.Streams.Out, strings.TrimRight(line, " \n"))
	}
	return nil
}

func valueOf(scores map[string]folder.Row, metric string) float64 {
	if r, ok := scores[metric]; ok {
		return r.Value
	}
	return math.NaN()
}

// worstColumns picks the metrics that the table of cases shows: all of a few,
// else those that most people look at.
func worstColumns(lines []folder.Line) []folder.Line {
	var columns []folder.Line
	for _, l := range lines {
		if l.Label == lines[0].Label && l.Definition == lines[0].Definition {
			columns = append(columns, l)
		}
	}
	const few = 7
	if len(columns) <= few {
		return columns
	}
	usual := []string{metrics.Dice, metrics.ClDice, metrics.HD95, metrics.NSD, metrics.ASSD, metrics.Betti0Error, "brier"}
	shown := slices.DeleteFunc(slices.Clone(columns), func(l folder.Line) bool { return !slices.Contains(usual, l.Metric) })
	if len(shown) == 0 {
		return columns[:few]
	}
	return shown
}

// printFootnotes says what the numbers rest on.
func (env *environment) printFootnotes(s folderScores, options folder.Options) {
	units := map[string]bool{}
	notes := map[string]int{}
	for _, c := range s.Cases {
		units[unitName(c.Unit)] = true
		if c.Resampled != nil {
			notes["resampled onto the reference's grid"]++
		}
		if c.Missing {
			notes["missing, an empty prediction in their place"]++
		}
		if c.IgnoredVoxels > 0 {
			notes["with voxels that were ignored"]++
		}
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "%s · distances in %s · tolerance %g\n", plural(len(s.Cases), "case"),
		strings.Join(slices.Sorted(maps.Keys(units)), " and "), options.Mask.Tolerance)
	if len(units) > 1 {
		_, _ = fmt.Fprintln(env.Streams.Err, "the volumes are in different units: statistics of distances mix them")
	}
	for _, note := range slices.Sorted(maps.Keys(notes)) {
		_, _ = fmt.Fprintf(env.Streams.Err, "%d %s\n", notes[note], note)
	}
	if len(s.Cases) < cases.MinForInterval {
		_, _ = fmt.Fprintf(env.Streams.Err, "with %s there is no interval, and the range is all that can honestly be given\n", plural(len(s.Cases), "case"))
	}
	policy := cmp.Or(string(options.Mask.Empty), "as each definition has it (minivess penalises a missed structure)")
	if slices.ContainsFunc(s.Summary, func(l folder.Line) bool { return l.Statistics.ByPolicy+l.Statistics.Excluded > 0 }) {
		_, _ = fmt.Fprintf(env.Streams.Err, "empty masks count %s; excluded and by policy say of how many values\n", policy)
	}
}

// short is a number in a table.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return "∞"
	}
	return fmt.Sprintf("%.4g", v)
}

// between is a range of numbers.
func between(low, high float64) string {
	if math.IsNaN(low) || math.IsNaN(high) {
		return "–"
	}
	return short(low) + "–" + short(high)
}

func none(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}
