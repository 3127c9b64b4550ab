package report

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
)

// WorstFirst gives the indices of the cases by the first metric, the worst
// first; those without a value of it come last, and equals by their names.
func (e Evaluation) WorstFirst() []int {
	order := make([]int, len(e.Cases))
	for i := range order {
		order[i] = i
	}
	names := columns(e.Metrics, e.Cases)
	if len(names) == 0 {
		return order
	}
	goodness := func(i int) float64 {
		v := e.Cases[i].value(names[0])
		switch {
		case math.IsNaN(v):
			return math.Inf(1)
		case metrics.HigherIsBetter(names[0]):
			return v
		}
		return -v
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(goodness(i), goodness(j)), strings.Compare(e.Cases[i].Volume, e.Cases[j].Volume))
	})
	return order
}

// value is NaN where there is none.
func (s Scores) value(metric string) float64 {
	v, ok := s.Values[metric]
	if !ok {
		return math.NaN()
	}
	return v
}

// evaluationView is what the page of one evaluation shows.
type evaluationView struct {
	head
	Metrics     []metricRow
	Policies    bool // some value was set by the policy for empty masks
	Labels      *caseTable
	Worst       []worstCase
	First       string
	Cases       []caseTable
	Exceptions  []exception
	Definitions []definition
	Formulas    string
	Empty       string
	Facts       []fact
}

type metricRow struct {
	Title, Unit, Better            string
	Mean, Interval, Median, IQR, N string
	Without                        []string // a value of their own: how many, and why
	Strip                          strip
}

type caseRow struct {
	Name  string
	Cells []cell
}

// caseTable has a row for each case, or label, and a column for each metric.
type caseTable struct {
	Heads []string
	Rows  []caseRow
}

type worstCase struct {
	Volume, Scores, Size string
	Notes                []string
	Views                []shownView
}

type shownView struct {
	Caption string
	Layers  []shownLayer
}

type shownLayer struct {
	Name, Alt, Data string
	Width, Height   int
}

// newEvaluationView takes an evaluation that is cleaned.
func newEvaluationView(e Evaluation) evaluationView {
	v := evaluationView{head: newHead(e.Version, e.Made)}
	v.Title = "Evaluation of " + cmp.Or(e.Run, "a segmentation")
	v.Subtitle = subtitle(e)
	v.Notes = e.Notes
	var sums []cases.Summary
	for _, m := range e.Metrics {
		sum, samples := e.summary(m)
		sums = append(sums, sum)
		v.Policies = v.Policies || sum.ByPolicy > 0
		v.Metrics = append(v.Metrics, e.metricRow(m, sum, samples))
		v.Definitions = append(v.Definitions, define(m, e.Scoring))
	}
	v.Formulas, v.Empty = formulas(e.Scoring), policyText(e.Scoring.Empty)
	v.Verdict = verdict(e, sums)
	v.Labels = e.labelTable()
	if len(e.Metrics) > 0 {
		v.First = title(e.Metrics[0])
	}
	order := e.WorstFirst()
	for some := range slices.Chunk(e.Metrics, widest) {
		v.Cases = append(v.Cases, e.caseTable(order, some))
	}
	for _, i := range order {
		if c := e.Cases[i]; c.Pictures != nil {
			v.Worst = append(v.Worst, e.worst(c))
		}
	}
	v.Exceptions = e.exceptions()
	v.Facts = e.facts()
	return v
}

// widest is how many metrics stand side by side, so that a page can be printed;
// more have tables of their own.
const widest = 9

func (e Evaluation) caseTable(order []int, some []string) caseTable {
	var t caseTable
	for _, m := range some {
		t.Heads = append(t.Heads, title(m))
	}
	for _, i := range order {
		row := caseRow{Name: e.Cases[i].Volume}
		for _, m := range some {
			row.Cells = append(row.Cells, valueCell(m, e.Cases[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func subtitle(e Evaluation) string {
	parts := []string{fmt.Sprintf("%s on %s", cmp.Or(e.Model, "a model"), volumes(len(e.Cases)))}
	if e.Split != "" {
		parts[0] += " of the " + e.Split + " split"
	}
	if e.Dataset != "" {
		parts[0] += " of " + e.Dataset
	}
	if e.Name != "" {
		parts = append([]string{e.Name}, parts...)
	}
	return strings.Join(parts, " · ")
}

func volumes(n int) string {
	if n == 1 {
		return "1 volume"
	}
	return fmt.Sprintf("%d volumes", n)
}

// summary gives a metric's statistics over the cases, and its values for a
// chart.
func (e Evaluation) summary(metric string) (cases.Summary, []sample) {
	values := make([]float64, len(e.Cases))
	samples := make([]sample, len(e.Cases))
	set := 0
	for i, c := range e.Cases {
		_, policy := c.ByPolicy[metric]
		values[i] = c.value(metric)
		samples[i] = sample{c.Volume, values[i], policy}
		if policy {
			set++
		}
	}
	return cases.Summarise(values, cases.Options{ByPolicy: set}), samples
}

func (e Evaluation) metricRow(m string, sum cases.Summary, samples []sample) metricRow {
	row := metricRow{Title: title(m), Unit: unitOf(m, e.Scoring), Better: better(m), N: strconv.Itoa(sum.N)}
	row.Mean, row.Median = number(m, sum.Mean), number(m, sum.Median)
	row.Interval, row.IQR = interval(m, sum.Interval), "–"
	if !math.IsNaN(sum.LowerQuartile) {
		row.IQR = between(m, sum.LowerQuartile, sum.UpperQuartile)
	}
	if sum.Excluded > 0 {
		row.Without = append(row.Without, fmt.Sprintf("%d without a value", sum.Excluded))
	}
	if sum.ByPolicy > 0 {
		row.Without = append(row.Without, fmt.Sprintf("%d by policy", sum.ByPolicy))
	}
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s.value
	}
	row.Strip = newStrip(title(m), samples, newScale(values, bounded(m)), sum, func(v float64) string { return number(m, v) })
	return row
}

func better(metric string) string {
	if metrics.HigherIsBetter(metric) {
		return "higher"
	}
	return "lower"
}

func interval(metric string, i *cases.Interval) string {
	if i == nil {
		return "–"
	}
	return between(metric, i.Low, i.High)
}

func between(metric string, low, high float64) string {
	if low < 0 {
		return number(metric, low) + " to " + number(metric, high)
	}
	return number(metric, low) + "–" + number(metric, high)
}

func valueCell(metric string, c Case) cell {
	out := scoreCell(metric, c.Scores)
	if c.Failure != "" && out.Class == "none" {
		out.Why = "not judged: " + c.Failure
	}
	return out
}

func scoreCell(metric string, s Scores) cell {
	v := s.value(metric)
	out := cell{Text: number(metric, v), Sort: sortKey(v), Why: s.Excluded[metric]}
	if math.IsNaN(v) {
		out.Class = "none"
	}
	if why, ok := s.ByPolicy[metric]; ok {
		out.Text, out.Why = out.Text+" *", why
	}
	return out
}

func sortKey(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "Inf", "Infinity", 1)
}

// labelTable has the means of each label, or is nil when no case has more than
// one.
func (e Evaluation) labelTable() *caseTable {
	rows := map[int][]LabelScores{}
	several := false
	for _, c := range e.Cases {
		several = several || len(c.Labels) > 1
		for _, l := range c.Labels {
			rows[l.Label] = append(rows[l.Label], l)
		}
	}
	if !several {
		return nil
	}
	t := &caseTable{}
	var shown []string
	for _, m := range e.Metrics {
		if slices.ContainsFunc(e.Cases, func(c Case) bool {
			return slices.ContainsFunc(c.Labels, func(l LabelScores) bool { return !math.IsNaN(l.value(m)) })
		}) {
			shown = append(shown, m)
			t.Heads = append(t.Heads, title(m))
		}
	}
	labels := make([]int, 0, len(rows))
	for l := range rows {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	for _, l := range labels {
		row := caseRow{Name: strconv.Itoa(l)}
		if name := rows[l][0].Name; name != "" {
			row.Name += " · " + name
		}
		for _, m := range shown {
			row.Cells = append(row.Cells, labelCell(m, rows[l]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func labelCell(metric string, of []LabelScores) cell {
	values := make([]float64, len(of))
	set := 0
	for i, l := range of {
		values[i] = l.value(metric)
		if _, ok := l.ByPolicy[metric]; ok {
			set++
		}
	}
	sum := cases.Summarise(values, cases.Options{ByPolicy: set})
	out := cell{Text: number(metric, sum.Mean), Why: sum.String()}
	if sum.N == 0 {
		out.Class = "none"
	}
	return out
}

// fewest is how many scores stand beside a volume's name; all are in the table.
const fewest = 6

func (e Evaluation) worst(c Case) worstCase {
	out := worstCase{Volume: c.Volume, Notes: cleanAll(c.Pictures.Notes)}
	var scores []string
	for _, m := range e.Metrics[:min(fewest, len(e.Metrics))] {
		text := title(m) + " " + number(m, c.value(m))
		if unit := unitOf(m, e.Scoring); unit != "" {
			text += " " + unit
		}
		scores = append(scores, text)
	}
	out.Scores = strings.Join(scores, " · ")
	if c.Shape[0] > 0 {
		out.Size = fmt.Sprintf("%d × %d × %d voxels of %.4g × %.4g × %.4g %s", c.Shape[0], c.Shape[1], c.Shape[2],
			c.Spacing[0], c.Spacing[1], c.Spacing[2], UnitName(e.Scoring.Unit))
	}
	for _, v := range c.Pictures.Views {
		shown := shownView{Caption: clean(v.Caption)}
		for _, l := range v.Layers {
			shown.Layers = append(shown.Layers, shownLayer{
				Name: layerName(l.Kind), Alt: clean(l.Alt), Data: base64.StdEncoding.EncodeToString(l.PNG), Width: l.Width, Height: l.Height,
			})
		}
		out.Views = append(out.Views, shown)
	}
	return out
}

func layerName(kind string) string {
	switch kind {
	case LayerImage:
		return "Image"
	case LayerOutlines:
		return "Outlines"
	case LayerErrors:
		return "Errors"
	}
	return clean(kind)
}

func (e Evaluation) facts() []fact {
	at := ""
	if e.Step > 0 {
		at = fmt.Sprintf("step %d, epoch %d", e.Step, e.Epoch)
	}
	made := ""
	if !e.Made.IsZero() {
		made = stamp(e.Made)
	}
	return facts(
		fact{Term: "Run", Text: e.Run, Mono: true},
		fact{Term: "Name", Text: e.Name},
		fact{Term: "Model", Text: e.Model},
		fact{Term: "Evaluation", Text: e.Job, Mono: true},
		fact{Term: "Evaluated", Text: made},
		fact{Term: "Dataset", Text: e.Dataset},
		fact{Term: "Dataset digest", Text: e.DatasetDigest, Mono: true},
		fact{Term: "Split", Text: e.Split},
		fact{Term: "Volumes", Text: strconv.Itoa(len(e.Cases))},
		fact{Term: "Checkpoint", Text: e.Checkpoint, Mono: true},
		fact{Term: "Checkpoint SHA-256", Text: e.CheckpointDigest, Mono: true},
		fact{Term: "Trained for", Text: at},
		fact{Term: "minivess", Text: e.Version, Mono: true},
	)
}
