package cases

import (
	"fmt"
	"math"
)

// Scores are one run's values, one a case, NaN where there is none.
type Scores struct {
	Name   string
	Values []float64
}

// Several compares runs with each other.
type Several struct {
	Ranking Ranking  `json:"ranking"`
	Pairs   []Paired `json:"pairs"` // every two runs, B ranking above A or with it; first those of the best
	Verdict string   `json:"verdict"`
}

// CompareAll ranks runs over the cases that all have and compares every two by
// Compare's test, over the cases that those two have, with Holm's correction
// for the number of pairs. That covers that the best was picked by the same
// scores. Of the question, Metric and HigherIsBetter count. It refuses lists of
// different length.
func CompareAll(runs []Scores, q Question, o Options) (Several, error) {
	o = o.resolve()
	for _, r := range runs {
		if len(r.Values) != len(runs[0].Values) {
			return Several{}, fmt.Errorf("%w: %d of %s and %d of %s; compare on the same volumes",
				ErrUnpaired, len(runs[0].Values), runs[0].Name, len(r.Values), r.Name)
		}
	}
	s := Several{Ranking: ranking(complete(runs), q.HigherIsBetter, o)}
	order := make([]int, len(runs)) // best first, as far as is known
	for i := range order {
		order[i] = i
		if s.Ranking.N > 0 {
			order[i] = s.Ranking.Places[i].run
		}
	}
	var ps []float64
	for i, b := range order {
		for _, a := range order[i+1:] {
			pair := Question{Metric: q.Metric, A: runs[a].Name, B: runs[b].Name, HigherIsBetter: q.HigherIsBetter}
			p, err := measure(runs[a].Values, runs[b].Values, pair, o)
			if err != nil {
				return Several{}, err
			}
			s.Pairs, ps = append(s.Pairs, p), append(ps, p.P)
		}
	}
	for i, adjusted := range Holm(ps) {
		s.Pairs[i].conclude(adjusted, len(ps))
	}
	s.Verdict = s.verdict(q, len(runs))
	return s, nil
}

// complete leaves the cases that every run has.
func complete(runs []Scores) []Scores {
	out := make([]Scores, len(runs))
	for i, r := range runs {
		out[i].Name = r.Name
	}
	if len(runs) == 0 {
		return out
	}
	for at := range runs[0].Values {
		all := true
		for _, r := range runs {
			v := r.Values[at]
			all = all && !math.IsNaN(v) && !math.IsInf(v, 0)
		}
		for i, r := range runs {
			if all {
				out[i].Values = append(out[i].Values, r.Values[at])
			}
		}
	}
	return out
}
