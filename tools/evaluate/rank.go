package evaluate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

// listed is the greatest number of runs every two of which are listed.
const listed = 10

// rank orders the runs by their mean on the shared volumes, compares every two,
// and says no more than that allows.
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
	if ways := definitions(all); len(ways) > 1 {
		o.Notes = append(o.Notes, fmt.Sprintf("the scores do not mean the same (%s): evaluate the runs anew to compare them", strings.Join(ways, "; ")))
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
	return o.against(values)
}

// definitions lists the ways in which the scores were computed, as far as they
// are known.
func definitions(all map[string]scored) []string {
	var ways []string
	for _, s := range all {
		if s.definition != "" && !slices.Contains(ways, s.definition) {
			ways = append(ways, s.definition)
		}
	}
	slices.Sort(ways)
	return ways
}

func scoredOf(r runs.Run, job string, values []float64, set int) Scored {
	s := cases.Summarise(values, cases.Options{ByPolicy: set})
	out := Scored{Run: r.ID(), Name: tools.Plain(r.Spec.Name), Model: tools.Plain(r.Spec.Model), Evaluation: job, N: s.N, Summary: s.String()}
	if s.N > 0 {
		out.Mean, out.Median, out.Low, out.High = &s.Mean, &s.Median, &s.Min, &s.Max
	}
	return out
}

// against compares the runs and puts the best first.
func (o *CompareOut) against(values map[string][]float64) error {
	known := map[string]Scored{}
	all := make([]cases.Scores, len(o.Runs))
	for i, r := range o.Runs {
		known[r.Run] = r
		all[i] = cases.Scores{Name: r.Run, Values: values[r.Run]}
	}
	q := cases.Question{Metric: o.Split + " " + o.Metric, HigherIsBetter: metrics.HigherIsBetter(o.Metric)}
	compared, err := cases.CompareAll(all, q, cases.Options{})
	if err != nil {
		return tools.Errorf(tools.CodeFailed, "%w", err)
	}
	for i, place := range compared.Ranking.Places {
		r := known[place.Name]
		r.Rank = place.Rank
		if stable := compared.Ranking.Stability; stable != nil {
			r.MeanRank, r.First, o.Tau = &place.MeanRank, &place.First, stable.Tau
		}
		o.Runs[i] = r
	}
	o.Best, o.Verdict = o.Runs[0].Run, compared.Verdict
	if len(o.Runs) == 1 {
		o.Verdict = fmt.Sprintf("Only %s has scores: %s %s %s. There is nothing to compare it with.", o.Best, o.Split, o.Metric, o.Runs[0].Summary)
	}
	for i, p := range compared.Pairs {
		ofBest := i < len(o.Runs)-1
		if ofBest || len(o.Runs) <= listed {
			o.Pairs = append(o.Pairs, pairOf(p, ofBest))
		}
	}
	return nil
}

func pairOf(p cases.Paired, inWords bool) Pair {
	out := Pair{
		A: p.Question.A, B: p.Question.B, MeanDifference: p.MeanDifference, P: p.P, PAdjusted: p.Adjusted, PPermutation: p.Permutation,
		Detectable: p.Detectable, Outcome: string(p.Outcome),
	}
	if p.Interval != nil {
		out.Low, out.High = &p.Interval.Low, &p.Interval.High
	}
	if p.Effects != nil {
		out.RankBiserial, out.HedgesG = p.Effects.RankBiserial, p.Effects.HedgesG
	}
	if inWords {
		out.Verdict = p.Verdict
	}
	return out
}
