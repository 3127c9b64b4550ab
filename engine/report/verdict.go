package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
)

// verdict says in plain words what the numbers of one evaluation allow to say.
// The first metric is put in words; the others stand in the table.
func verdict(e Evaluation, sums []cases.Summary) []string {
	if len(sums) == 0 {
		return []string{"No metric was computed, so there is nothing to conclude."}
	}
	m, sum := e.Metrics[0], sums[0]
	if sum.N == 0 {
		return []string{fmt.Sprintf("None of the %s has a %s, so there is nothing to conclude; the reasons are listed below.", volumes(len(e.Cases)), title(m))}
	}
	out := []string{headline(e, m, sum)}
	if text := caveats(e, m, sum); text != "" {
		out = append(out, text)
	}
	return append(out, reach(e, sum))
}

func headline(e Evaluation, m string, sum cases.Summary) string {
	unit := ""
	if u := unitOf(m, e.Scoring); u != "" {
		unit = " " + u
	}
	if sum.N == 1 {
		return fmt.Sprintf("On the only volume with a value, %s is %s%s.", title(m), number(m, sum.Mean), unit)
	}
	text := fmt.Sprintf("Over %s the mean %s is %s%s", volumes(sum.N), title(m), number(m, sum.Mean), unit)
	if i := sum.Interval; i != nil {
		text += fmt.Sprintf(" (95 %% interval of the mean %s)", between(m, i.Low, i.High))
	}
	worst, best := sum.Min, sum.Max
	if !metrics.HigherIsBetter(m) {
		worst, best = best, worst
	}
	order := e.WorstFirst() // an infinite value is worse still, but not among the summary's
	name := e.Cases[order[slices.IndexFunc(order, func(i int) bool { return finite(e.Cases[i].value(m)) })]].Volume
	text += fmt.Sprintf(". The best volume has %s, the worst %s (%s)", number(m, best), number(m, worst), name)
	if !math.IsNaN(sum.LowerQuartile) {
		text += fmt.Sprintf("; half of them lie within %s", between(m, sum.LowerQuartile, sum.UpperQuartile))
	}
	return text + "."
}

// caveats says what the mean does not contain, and what in it was not measured.
func caveats(e Evaluation, m string, sum cases.Summary) string {
	text := ""
	failed := 0
	for _, c := range e.Cases {
		if c.Failure != "" {
			failed++
		}
	}
	add := func(format string, args ...any) {
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf(format, args...)
	}
	if failed > 0 {
		add("%s left out of the mean: judging failed.", were(failed))
	}
	if n := sum.Excluded - failed; n > 0 {
		add("%s left out of the mean, having no %s.", were(n), title(m))
	}
	if sum.ByPolicy > 0 {
		add("%s scored by the policy for empty masks, not by measuring.", were(sum.ByPolicy))
	}
	return text
}

func were(n int) string {
	if n == 1 {
		return "1 volume was"
	}
	return fmt.Sprintf("%d volumes were", n)
}

// reach says how far the numbers reach.
func reach(e Evaluation, sum cases.Summary) string {
	text := ""
	if sum.Interval == nil {
		text = fmt.Sprintf("%s are too few for an interval: the mean of others like them may be quite different. ", volumes(sum.N))
		if sum.N == 1 {
			text = "One volume says nothing about the spread: others like it may be quite different. "
		}
	} else {
		text = "The interval is about which volumes were drawn, all else being equal. "
	}
	text += "The numbers are of this one training, on volumes like these"
	if e.Split != "" && e.Split != "test" {
		text += fmt.Sprintf("; the %s split took part in making the model, so expect less on new volumes", e.Split)
	}
	return text + ". Another microscope, another stain or another seed may give others, and whether this is good enough depends on what it is for."
}
