package evaluate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

// rank orders the runs by their mean on the shared volumes, compares the best
// with each of the others, and says no more than that allows.
func (o *CompareOut) rank(found []runs.Run, all map[string]scored) error {
	var without []string
	for _, r := range found {
		if _, ok := all[r.ID()]; !ok {
			without = append(without, r.ID())
		}
	}
	if len(all) == 0 {
		return tools.Errorf(tools.CodeNotFound, "none of %s has a %s %s of single volumes", tools.Count(len(found), "run"), o.Split, o.Metric).
			WithHint("evaluate_run measures it").WithCandidates(without...)
	}
	if len(without) > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("left out, without a %s %s (evaluate_run measures it): %s", o.Split, o.Metric, strings.Join(without, ", ")))
	}
	volumes := shared(all)
	o.Volumes = len(volumes)
	values := map[string][]float64{}
	for _, r := range found {
		s, ok := all[r.ID()]
		if !ok {
			continue
		}
		set := 0 // values that were not measured
		for _, v := range volumes {
			values[r.ID()] = append(values[r.ID()], s.values[v])
			if s.policy[v] {
				set++
			}
		}
		o.Runs = append(o.Runs, scoredOf(r, s.job, values[r.ID()], set))
		if n := len(s.values) - len(volumes); n > 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("%s has %s more that not all share", r.ID(), tools.Count(n, "volume")))
		}
	}
	if o.Volumes == 0 {
		o.Verdict = fmt.Sprintf("No volume has a %s %s of all %s, so they cannot be compared.", o.Split, o.Metric, tools.Count(len(o.Runs), "run"))
		return nil
	}
	o.sort()
	o.Best = o.Runs[0].Run
	return o.against(values)
}

func scoredOf(r runs.Run, job string, values []float64, set int) Scored {
	s := cases.Summarise(values, cases.Options{ByPolicy: set})
	out := Scored{Run: r.ID(), Name: tools.Plain(r.Spec.Name), Model: tools.Plain(r.Spec.Model), Evaluation: job, N: s.N, Summary: s.String()}
	if s.N > 0 {
		out.Mean, out.Median, out.Low, out.High = &s.Mean, &s.Median, &s.Min, &s.Max
	}
	return out
}

func (o *CompareOut) sort() {
	higher := metrics.HigherIsBetter(o.Metric)
	slices.SortStableFunc(o.Runs, func(a, b Scored) int {
		switch {
		case a.Mean == nil || b.Mean == nil:
			return cmp.Compare(b.N, a.N)
		case higher:
			return cmp.Compare(*b.Mean, *a.Mean)
		}
		return cmp.Compare(*a.Mean, *b.Mean)
	})
}

// against compares the best with each of the others and words the verdict.
func (o *CompareOut) against(values map[string][]float64) error {
	best := o.Runs[0]
	for _, other := range o.Runs[1:] {
		q := cases.Question{Metric: o.Metric, A: other.Run, B: best.Run, HigherIsBetter: metrics.HigherIsBetter(o.Metric)}
		p, err := cases.Compare(values[other.Run], values[best.Run], q, cases.Options{})
		if err != nil {
			return tools.Errorf(tools.CodeFailed, "%w", err)
		}
		o.Pairs = append(o.Pairs, Pair{Run: other.Run, P: p.P, Outcome: string(p.Outcome), Verdict: p.Verdict})
	}
	lead := fmt.Sprintf("%s has the best mean %s %s, %s", best.Run, o.Split, o.Metric, best.Summary)
	switch len(o.Pairs) {
	case 0:
		o.Verdict = fmt.Sprintf("Only %s has scores: %s %s %s. There is nothing to compare it with.", best.Run, o.Split, o.Metric, best.Summary)
	case 1:
		o.Verdict = fmt.Sprintf("%s. %s", lead, o.Pairs[0].Verdict)
	default:
		shown := 0
		for _, p := range o.Pairs {
			if p.Outcome == string(cases.BetterB) {
				shown++
			}
		}
		o.Verdict = fmt.Sprintf("%s. On %s a difference is shown to %d of the %d others.", lead, tools.Count(o.Volumes, "volume"), shown, len(o.Pairs))
		o.Notes = append(o.Notes, fmt.Sprintf("the best was picked by these very scores and compared with %d others: read each p with that in mind", len(o.Pairs)))
	}
	return nil
}
