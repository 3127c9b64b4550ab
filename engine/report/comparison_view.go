package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
)

// everyPair is the greatest number of runs every two of which are shown; of
// more, the best against each of the others.
const everyPair = 8

// comparisonView is what the page of several evaluations shows.
type comparisonView struct {
	head
	Metrics     []comparedMetric
	Policies    bool
	Definitions []definition
	Formulas    string
	Empty       string
	Sources     []source
}

type source struct {
	Title string
	Facts []fact
}

type comparedMetric struct {
	Title, Unit, Better, Verdict string
	Shared                       int
	Runs                         []comparedRun
	Pairs                        []comparedPair
	More                         string
	Volumes                      []caseRow
}

type comparedRun struct {
	Run, Name, Rank, Mean, Interval, Median, First string
	Strip                                          strip
}

type comparedPair struct {
	A, B, Mean, Interval, P, Adjusted, Effect, Detectable, Conclusion string
	N                                                                 int
}

// newComparisonView compares what it is given metric by metric.
func newComparisonView(c Comparison) (comparisonView, error) {
	all := make([]Evaluation, len(c.Evaluations))
	for i, e := range c.Evaluations {
		all[i] = e.cleaned()
		all[i].Run = unique(cmp.Or(all[i].Run, "run"), all[:i])
	}
	names := cleanAll(c.Metrics)
	if len(names) == 0 {
		names = inAll(all)
	}
	if len(names) == 0 {
		return comparisonView{}, fmt.Errorf("%w: the %d evaluations have no metric in common", ErrEmpty, len(all))
	}
	v := comparisonView{head: newHead(c.Version, c.Made)}
	v.Title = fmt.Sprintf("Comparison of %d runs", len(all))
	v.Subtitle = comparedOn(all)
	v.Notes = append(mixed(all), cleanAll(c.Notes)...)
	for _, m := range names {
		compared, err := compareMetric(m, all)
		if err != nil {
			return v, err
		}
		v.Metrics = append(v.Metrics, compared)
		v.Definitions = append(v.Definitions, define(m, all[0].Scoring))
	}
	for _, e := range all {
		for _, one := range e.Cases {
			v.Policies = v.Policies || len(one.ByPolicy) > 0
		}
		v.Sources = append(v.Sources, source{e.Run, e.facts()})
	}
	v.Formulas, v.Empty = formulas(all[0].Scoring), policyText(all[0].Scoring.Empty)
	v.Verdict = []string{v.Metrics[0].Verdict, "The verdict is by " + title(names[0]) + " on the volumes that all runs share. It holds for these volumes and this one training of each."}
	return v, nil
}

// unique tells runs apart that have the same name.
func unique(name string, before []Evaluation) string {
	taken := func(s string) bool {
		return slices.ContainsFunc(before, func(e Evaluation) bool { return e.Run == s })
	}
	out := name
	for n := 2; taken(out); n++ {
		out = fmt.Sprintf("%s (%d)", name, n)
	}
	return out
}

// inAll are the metrics that every evaluation has.
func inAll(all []Evaluation) []string {
	return slices.DeleteFunc(slices.Clone(all[0].Metrics), func(m string) bool {
		return slices.ContainsFunc(all, func(e Evaluation) bool { return !slices.Contains(e.Metrics, m) })
	})
}

func comparedOn(all []Evaluation) string {
	var what []string
	for _, e := range all {
		s := e.Dataset
		if e.Split != "" {
			s = strings.TrimSuffix(e.Split+" split of "+e.Dataset, " of ")
		}
		if s != "" && !slices.Contains(what, s) {
			what = append(what, s)
		}
	}
	return strings.Join(what, " · ")
}

// mixed warns of what must be equal for a comparison to mean something, and is
// not.
func mixed(all []Evaluation) []string {
	var out []string
	for _, of := range []struct {
		what  string
		value func(Evaluation) string
	}{
		{"The runs were judged on different splits", func(e Evaluation) string { return e.Split }},
		{"The runs were judged on different datasets", func(e Evaluation) string { return e.Dataset }},
		{"The runs were judged on different states of the dataset (the digests differ)", func(e Evaluation) string { return e.DatasetDigest }},
		{"The scores follow different definitions", func(e Evaluation) string { return cmp.Or(e.Scoring.Definition, metrics.Minivess) }},
		{"The policies for empty masks differ", func(e Evaluation) string { return e.Scoring.Empty }},
		{"The tolerances of NSD differ", func(e Evaluation) string {
			return strings.TrimSpace(fmt.Sprintf("%g %s", e.Scoring.Tolerance, e.Scoring.Unit))
		}},
	} {
		var values []string
		for _, e := range all {
			if v := cmp.Or(of.value(e), "unknown"); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > 1 {
			out = append(out, of.what+": "+strings.Join(values, ", ")+". Differences may come from that.")
		}
	}
	return out
}

// compareMetric compares all runs by one metric.
func compareMetric(m string, all []Evaluation) (comparedMetric, error) {
	paired := pair(m, all)
	q := cases.Question{Metric: title(m), HigherIsBetter: metrics.HigherIsBetter(m)}
	found, err := cases.CompareAll(paired.scores, q, cases.Options{})
	if err != nil {
		return comparedMetric{}, fmt.Errorf("report: compare %s: %w", m, err)
	}
	out := comparedMetric{
		Title: title(m), Unit: unitOf(m, all[0].Scoring), Better: better(m), Verdict: found.Verdict, Shared: found.Ranking.N,
	}
	shared := newScale(paired.pooled(), bounded(m))
	for _, p := range found.Ranking.Places {
		i := slices.IndexFunc(all, func(e Evaluation) bool { return e.Run == p.Name })
		out.Runs = append(out.Runs, paired.run(m, i, p, found.Ranking.Stability != nil, shared, all[i].Name))
	}
	best := ""
	if len(out.Runs) > 0 {
		best = out.Runs[0].Run
	}
	for _, p := range found.Pairs {
		if len(all) <= everyPair || p.Question.A == best || p.Question.B == best {
			out.Pairs = append(out.Pairs, shownPair(p))
		}
	}
	if n := len(found.Pairs) - len(out.Pairs); n > 0 {
		out.More = fmt.Sprintf("%d more pairs, of runs other than the best, are not shown; Holm's correction counts them.", n)
	}
	out.Volumes = paired.rows(m, out.Runs, all)
	return out, nil
}

// pairing is one metric's scores, volume by volume and run by run.
type pairing struct {
	volumes []string
	scores  []cases.Scores
	policy  []map[string]bool
}

func pair(m string, all []Evaluation) pairing {
	var p pairing
	known := map[string]bool{}
	for _, e := range all {
		for _, c := range e.Cases {
			if !known[c.Volume] {
				known[c.Volume] = true
				p.volumes = append(p.volumes, c.Volume)
			}
		}
	}
	slices.Sort(p.volumes)
	for _, e := range all {
		values, policy := map[string]float64{}, map[string]bool{}
		for _, c := range e.Cases {
			values[c.Volume] = c.value(m)
			_, policy[c.Volume] = c.ByPolicy[m]
		}
		s := cases.Scores{Name: e.Run}
		for _, v := range p.volumes {
			x, ok := values[v]
			if !ok || !finite(x) {
				x = math.NaN()
			}
			s.Values = append(s.Values, x)
		}
		p.scores, p.policy = append(p.scores, s), append(p.policy, policy)
	}
	return p
}

func (p pairing) pooled() []float64 {
	var out []float64
	for _, s := range p.scores {
		out = append(out, s.Values...)
	}
	return out
}

// shared tells whether every run has a value of a volume.
func (p pairing) shared(volume int) bool {
	return !slices.ContainsFunc(p.scores, func(s cases.Scores) bool { return math.IsNaN(s.Values[volume]) })
}

func (p pairing) run(m string, i int, place cases.Place, stable bool, s scale, name string) comparedRun {
	var values []float64
	var samples []sample
	set := 0
	for v, volume := range p.volumes {
		if !p.shared(v) {
			continue
		}
		values = append(values, p.scores[i].Values[v])
		samples = append(samples, sample{volume, p.scores[i].Values[v], p.policy[i][volume]})
		if p.policy[i][volume] {
			set++
		}
	}
	sum := cases.Summarise(values, cases.Options{ByPolicy: set})
	out := comparedRun{
		Run: place.Name, Name: name, Rank: strconv.Itoa(place.Rank), First: "–",
		Mean: number(m, sum.Mean), Interval: interval(m, sum.Interval), Median: number(m, sum.Median),
		Strip: newStrip(place.Name, samples, s, sum, func(v float64) string { return number(m, v) }),
	}
	if stable {
		out.First = fmt.Sprintf("%.0f %%", 100*place.First)
	}
	return out
}

// rows has each volume's values in the order of the runs, where they differ
// most first.
func (p pairing) rows(m string, order []comparedRun, all []Evaluation) []caseRow {
	type spread struct {
		row caseRow
		by  float64
	}
	at := make([]int, 0, len(all))
	for _, r := range order {
		at = append(at, slices.IndexFunc(all, func(e Evaluation) bool { return e.Run == r.Run }))
	}
	var found []spread
	for v, volume := range p.volumes {
		row := caseRow{Name: volume}
		low, high := math.Inf(1), math.Inf(-1)
		for _, i := range at {
			x := p.scores[i].Values[v]
			if !math.IsNaN(x) {
				low, high = min(low, x), max(high, x)
			}
			row.Cells = append(row.Cells, volumeCell(m, volume, x, all[i]))
		}
		by := math.NaN()
		if high >= low {
			by = high - low
			p.markBest(m, row.Cells, at, v, low, high)
		}
		row.Cells = append(row.Cells, cell{Text: number(m, by), Sort: sortKey(by)})
		found = append(found, spread{row, by})
	}
	slices.SortStableFunc(found, func(a, b spread) int { return cmp.Compare(b.by, a.by) })
	out := make([]caseRow, len(found))
	for i, f := range found {
		out[i] = f.row
	}
	return out
}

func volumeCell(m, volume string, value float64, of Evaluation) cell {
	out := cell{Text: number(m, value), Class: "none", Why: "not judged by this evaluation"}
	for _, c := range of.Cases {
		if c.Volume == volume {
			out = valueCell(m, c)
		}
	}
	return out
}

// markBest shows the best value of a volume, unless all are the same.
func (p pairing) markBest(m string, cells []cell, at []int, volume int, low, high float64) {
	best := high
	if !metrics.HigherIsBetter(m) {
		best = low
	}
	for j, i := range at {
		if low < high && p.scores[i].Values[volume] == best {
			cells[j].Class = "best"
		}
	}
}

func shownPair(p cases.Paired) comparedPair {
	out := comparedPair{
		A: p.Question.A, B: p.Question.B, N: p.N, Mean: signed(p.MeanDifference), Interval: "–",
		P: fmt.Sprintf("%.2g", p.P), Adjusted: fmt.Sprintf("%.2g", p.Adjusted), Effect: "–", Detectable: "–", Conclusion: conclusion(p),
	}
	if i := p.Interval; i != nil {
		out.Interval = signed(i.Low) + " to " + signed(i.High)
	}
	if p.Effects != nil {
		out.Effect = signed(p.Effects.RankBiserial)
	}
	if p.Detectable != nil {
		out.Detectable = fmt.Sprintf("%.2g", *p.Detectable)
	}
	if p.N == 0 {
		out.Mean, out.P, out.Adjusted = "–", "–", "–"
	}
	return out
}

func signed(v float64) string { return strings.ReplaceAll(fmt.Sprintf("%+.3g", v), "-", "−") }

// conclusion is the outcome in few words.
func conclusion(p cases.Paired) string {
	switch p.Outcome {
	case cases.BetterA:
		return p.Question.A + " is better"
	case cases.BetterB:
		return p.Question.B + " is better"
	case cases.NoDifference:
		return "no difference shown"
	case cases.Undecidable:
		return "too few volumes"
	}
	return string(p.Outcome)
}
