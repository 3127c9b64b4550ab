package cases

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Place is where one of several runs ranks.
type Place struct {
	Name string  `json:"name"`
	Mean float64 `json:"mean"` // over the cases that all have
	Rank int     `json:"rank"` // 1 is the best; equal means share the better rank

	// Over resamples of the cases: the mean rank, the range that holds its
	// middle 95 % (or Options.Confidence), and the share in which it is first.
	MeanRank float64 `json:"mean_rank,omitempty"`
	BestRank int     `json:"best_rank,omitempty"`
	LastRank int     `json:"last_rank,omitempty"`
	First    float64 `json:"first,omitempty"`

	run int // index into what was ranked
}

// Stability says how far the order of runs depends on which cases there are.
type Stability struct {
	// Tau is the mean of Kendall's τ-b between the order on all cases and that
	// on each resample: 1 when none ever changes. Nil when no resample has one.
	Tau       *float64 `json:"tau,omitempty"`
	Resamples int      `json:"resamples"`
	Tied      int      `json:"tied,omitempty"` // resamples without a τ, all runs being equal
}

// Ranking orders runs by their mean over the cases that all have: aggregate
// then rank, as challengeR does (Wiesenfarth et al. 2021).
type Ranking struct {
	N         int        `json:"n"`
	Places    []Place    `json:"places"` // best first; none when N is 0
	Stability *Stability `json:"stability,omitempty"`
}

// ranking ranks runs whose values are of the same cases. Stability is left out
// for fewer than MinForInterval cases or a single run.
func ranking(runs []Scores, higher bool, o Options) Ranking {
	r := Ranking{Places: []Place{}}
	if len(runs) == 0 || len(runs[0].Values) == 0 {
		return r
	}
	r.N, r.Places = len(runs[0].Values), make([]Place, len(runs))
	all := make([]int, r.N)
	for i := range all {
		all[i] = i
	}
	ranks := rankOf(runs, all, higher)
	for i, run := range runs {
		r.Places[i] = Place{Name: run.Name, Mean: mean(run.Values), Rank: ranks[i], run: i}
	}
	if r.N >= MinForInterval && len(runs) > 1 {
		random := rand.New(rand.NewPCG(o.Seed, uint64(r.N))) //nolint:gosec // a reproducible resampling, not a secret
		r.settle(runs, higher, o, func(drawn []int) {
			for i := range drawn {
				drawn[i] = random.IntN(len(drawn))
			}
		})
	}
	slices.SortStableFunc(r.Places, func(a, b Place) int { return a.Rank - b.Rank })
	return r
}

// settle ranks the runs again on resamples of the cases, which draw chooses.
func (r *Ranking) settle(runs []Scores, higher bool, o Options, draw func(cases []int)) {
	counts := make([][]int, len(runs)) // of each run, how often it had each rank
	for i := range counts {
		counts[i] = make([]int, len(runs)+1)
	}
	full := make([]int, len(runs))
	for i, p := range r.Places {
		full[i] = p.Rank
	}
	s := Stability{Resamples: o.Resamples}
	drawn := make([]int, r.N)
	var taus float64
	for range o.Resamples {
		draw(drawn)
		ranks := rankOf(runs, drawn, higher)
		for i, rank := range ranks {
			counts[i][rank]++
		}
		if tau := kendall(full, ranks); math.IsNaN(tau) {
			s.Tied++
		} else {
			taus += tau
		}
	}
	if s.Tied < s.Resamples {
		taus /= float64(s.Resamples - s.Tied)
		s.Tau = &taus
	}
	r.Stability = &s
	for i := range r.Places {
		r.Places[i].spread(counts[i], o)
	}
}

// spread describes how often a run had each rank.
func (p *Place) spread(counts []int, o Options) {
	total := float64(o.Resamples)
	tail := (1 - o.Confidence) / 2 * total
	var upTo float64
	for rank, n := range counts {
		p.MeanRank += float64(rank*n) / total
		if upTo <= tail && upTo+float64(n) > tail {
			p.BestRank = rank
		}
		if upTo < total-tail && upTo+float64(n) >= total-tail {
			p.LastRank = rank
		}
		upTo += float64(n)
	}
	p.First = float64(counts[1]) / total
}

// rankOf ranks runs by the sum of their values over the cases given, 1 for the
// best; equal ones share the better rank.
func rankOf(runs []Scores, over []int, higher bool) []int {
	sums := make([]float64, len(runs))
	for i, run := range runs {
		for _, at := range over {
			sums[i] += run.Values[at]
		}
		if !higher {
			sums[i] = -sums[i]
		}
	}
	ranks := make([]int, len(runs))
	for i := range sums {
		ranks[i] = 1
		for _, other := range sums {
			if other > sums[i] {
				ranks[i]++
			}
		}
	}
	return ranks
}

// kendall is Kendall's τ-b of two rankings, NaN when either has but one rank.
func kendall(a, b []int) float64 {
	var agree, inA, inB int
	for i := range a {
		for j := range i {
			x, y := sign(a[i]-a[j]), sign(b[i]-b[j])
			agree += x * y
			inA += x * x
			inB += y * y
		}
	}
	return float64(agree) / math.Sqrt(float64(inA)*float64(inB))
}

func sign(v int) int { return min(1, max(-1, v)) }
