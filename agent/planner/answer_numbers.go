package planner

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// words says what the rows of a goal's query mean.
func (g goal) words(t table, m measure) string {
	if g.things+g.stat != "" && len(t.Rows) > 0 {
		return t.render()
	}
	switch g.kind {
	case goalQuality:
		return g.qualityWords(t, m)
	case goalBest:
		return g.bestWords(t)
	case goalFilter:
		return g.filterWords(t)
	case goalVolumes:
		return g.volumeWords(t)
	case goalCount:
		return g.countWords(t)
	case goalDuration:
		return g.durationWords(t)
	case goalSQL, goalRuns, goalSettings, goalTable:
	}
	if len(t.Rows) == 0 {
		return "No rows."
	}
	return t.render()
}

// title writes a metric's name the way the field does.
func title(metric string) string {
	switch metric {
	case "dice":
		return "Dice"
	case "cldice":
		return "clDice"
	case "hd95", "nsd", "assd", "masd", "hd":
		return strings.ToUpper(metric)
	}
	return metric
}

// score writes a cell with three digits behind the point.
func score(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if f != 0 && f < 0.01 && f > -0.01 {
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
	return strconv.FormatFloat(f, 'f', 3, 64)
}

// measure is what the numbers of an evaluation are measured in.
type measure struct {
	Unit      string  `json:"unit"`
	Tolerance float64 `json:"tolerance"`
}

// measureOf takes unit and tolerance from the evaluations of a turn.
func measureOf(rounds []round) measure {
	var m measure
	for _, rd := range rounds {
		for _, c := range rd.calls {
			if c.tool == "evaluate_run" && c.result != nil && json.Unmarshal(c.result.Value, &m) != nil {
				m = measure{}
			}
		}
	}
	if m.Unit == "um" {
		m.Unit = "µm"
	}
	return m
}

// value writes a metric's mean with what it is measured in.
func (m measure) value(t table, row int) string {
	v := score(t.cell(row, "mean"))
	switch t.cell(row, "metric") {
	case "hd95", "hd", "assd", "masd":
		if m.Unit == "" {
			return v + " (in the spacing's unit)"
		}
		return v + " " + clean(m.Unit)
	case "nsd":
		if m.Tolerance > 0 {
			return strings.TrimSpace(fmt.Sprintf("%s at %s %s", v, plainNumber(m.Tolerance), clean(m.Unit)))
		}
	}
	return v
}

// few is what must be said when there are hardly any volumes.
func few(volumes string) string {
	n, err := strconv.Atoi(strings.TrimSuffix(volumes, ".0"))
	switch {
	case err != nil:
		return ""
	case n == 1:
		return " With one volume there is no spread at all."
	case n == 2:
		return " With two volumes the interval is only a range."
	case n < 6:
		return " With so few volumes the interval is only a range."
	}
	return ""
}

// interval writes "(2 volumes, 0.840–0.880)".
func interval(t table, row int) string {
	n := t.cell(row, "volumes")
	if n == "" {
		return ""
	}
	noun := "volumes"
	if n == "1" {
		return " (1 volume)"
	}
	return fmt.Sprintf(" (%s %s, %s–%s)", n, noun, score(t.cell(row, "lowest")), score(t.cell(row, "highest")))
}

// qualityWords: "Run X reaches a test Dice of 0.860 (2 volumes, 0.840–0.880),
// clDice 0.910, …". Rows are one a metric, grouped by run.
func (g goal) qualityWords(t table, m measure) string {
	if len(t.Rows) == 0 {
		return g.noScores()
	}
	var out []string
	order := []string{"dice", "cldice", "hd95", "nsd", "assd", "masd", "hd"}
	seen := map[string]bool{}
	for row := range t.Rows {
		run := t.cell(row, "run_id")
		key := run + "/" + t.cell(row, "split")
		if seen[key] {
			continue
		}
		seen[key] = true
		var rows []int
		for _, metric := range orderedMetrics(order, g.metric) {
			for i := range t.Rows {
				if t.cell(i, "run_id") == run && t.cell(i, "split") == t.cell(row, "split") && t.cell(i, "metric") == metric {
					rows = append(rows, i)
				}
			}
		}
		out = append(out, describeQuality(t, run, rows, m))
	}
	text := strings.Join(out, " ")
	return text + few(t.cell(0, "volumes"))
}

// orderedMetrics puts the metric asked for first.
func orderedMetrics(order []string, wanted string) []string {
	if wanted == "" {
		return order
	}
	out := []string{wanted}
	for _, m := range order {
		if m != wanted {
			out = append(out, m)
		}
	}
	return out
}

// describeQuality words the metrics of one run.
func describeQuality(t table, run string, rows []int, m measure) string {
	if len(rows) == 0 {
		return "Run " + run + " has no scores that are known here."
	}
	lead := rows[0]
	var text strings.Builder
	fmt.Fprintf(&text, "Run %s reaches a %s %s of %s%s", run, t.cell(lead, "split"), title(t.cell(lead, "metric")), m.value(t, lead), interval(t, lead))
	for _, i := range rows[1:] {
		fmt.Fprintf(&text, ", %s %s", title(t.cell(i, "metric")), m.value(t, i))
		if t.cell(i, "volumes") != t.cell(lead, "volumes") {
			fmt.Fprintf(&text, " (%s volumes)", t.cell(i, "volumes"))
		}
	}
	return text.String() + "."
}

// noScores says what is missing and how to get it.
func (g goal) noScores() string {
	split := orElse(g.split, "test")
	run := "the latest run"
	if len(g.runs) == 1 && !strings.Contains(g.runs[0], ":") && g.runs[0] != "latest" && !strings.HasPrefix(g.runs[0], "@") {
		run = g.runs[0]
	}
	return fmt.Sprintf("There are no %s scores for it yet. Say \"evaluate %s on the %s split\" to get them.", split, run, split)
}

// bestWords names the best run and those behind it.
func (g goal) bestWords(t table) string {
	metric := orElse(g.metric, "dice")
	if len(t.Rows) == 0 {
		return fmt.Sprintf("No run has a value of %s yet. Evaluate a run first.", title(metric))
	}
	word := "best"
	if g.low {
		word = "worst"
	}
	text := fmt.Sprintf("Run %s is %s by %s %s: %s%s.", named(t, 0), word, t.cell(0, "split"), title(metric), score(t.cell(0, column(metric))), interval(t, 0))
	text += few(t.cell(0, "volumes"))
	if t.cell(0, "split") == "val" && g.split != "val" {
		text += " It has no test evaluation; this is its best value on validation."
	}
	var rest []string
	for row := 1; row < len(t.Rows); row++ {
		s := fmt.Sprintf("%s %s", named(t, row), score(t.cell(row, column(metric))))
		if t.cell(row, "split") != t.cell(0, "split") {
			s += " on " + t.cell(row, "split") + " only"
		}
		rest = append(rest, s)
	}
	switch {
	case len(rest) > 0:
		text += " Behind it: " + strings.Join(rest, ", ") + "."
		if g.low {
			text = strings.Replace(text, " Behind it:", " Next:", 1)
		}
	case g.count != 1:
		text += " It is the only run with a value."
	}
	return text
}

// named writes a run with its name and model.
func named(t table, row int) string {
	s := t.cell(row, "run_id")
	var more []string
	for _, c := range []string{"name", "model"} {
		if v := t.cell(row, c); v != "" {
			more = append(more, v)
		}
	}
	if len(more) > 0 {
		s += " (" + strings.Join(more, ", ") + ")"
	}
	return s
}

func (g goal) filterWords(t table) string {
	bound := fmt.Sprintf("%s %s %s", title(g.metric), map[bool]string{true: "at least", false: "at most"}[g.above], plainNumber(g.bound))
	if len(t.Rows) == 0 {
		return "No run has a " + bound + "."
	}
	return fmt.Sprintf("%s with a %s:\n%s", plural(len(t.Rows), "run"), bound, t.render())
}

func (g goal) volumeWords(t table) string {
	if len(t.Rows) == 0 {
		return g.noScores()
	}
	metric := orElse(g.metric, "dice")
	word := "worst"
	if !g.low {
		word = "best"
	}
	return fmt.Sprintf("The %s volume by %s is %s with %s. From %s on:\n%s", word, title(metric), t.cell(0, "volume"), score(t.cell(0, column(metric))), word, t.render())
}

func (g goal) countWords(t table) string {
	n, _ := t.number(0, "runs")
	noun := strings.TrimSpace(strings.Join([]string{g.state, g.model, "training run"}, " "))
	noun = strings.Join(strings.Fields(noun), " ")
	on := ""
	if g.dataset != "" {
		on = " on " + g.dataset
	}
	if n == 1 {
		return "There is 1 " + noun + on + "."
	}
	return fmt.Sprintf("There are %d %ss%s.", int(n), noun, on)
}

func (g goal) durationWords(t table) string {
	if len(t.Rows) == 0 {
		return "No such run was found."
	}
	if g.fast != 0 || len(t.Rows) == 1 {
		word := map[int]string{0: "took", 1: "was the fastest:", -1: "took the longest:"}[g.fast]
		seconds := t.cell(0, "seconds")
		if seconds == "" {
			return fmt.Sprintf("Run %s has not run yet.", named(t, 0))
		}
		return fmt.Sprintf("Run %s %s %s s (%s).", named(t, 0), word, shorten(seconds), t.cell(0, "state"))
	}
	return t.render()
}
