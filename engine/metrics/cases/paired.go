package cases

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrUnpaired says that two lists of scores are not of the same cases.
var ErrUnpaired = errors.New("cases: scores are not paired")

// Level is the p-value below which a difference is called one.
const Level = 0.05

// Question names what is compared, for the verdict.
type Question struct {
	Metric         string
	A, B           string // what is compared, such as run ids
	HigherIsBetter bool
}

// Outcome is what a paired comparison concludes.
type Outcome string

// The outcomes of a comparison.
const (
	Undecidable  Outcome = "undecidable"   // too few cases for any conclusion
	NoDifference Outcome = "no_difference" // none shown, which does not show that there is none
	BetterA      Outcome = "a_better"
	BetterB      Outcome = "b_better"
)

// Paired compares B with A on the same cases. Differences are B − A.
type Paired struct {
	Question Question `json:"-"`
	N        int      `json:"n"`        // cases with both values
	Excluded int      `json:"excluded"` // cases without one of them
	BWins    int      `json:"b_wins"`   // cases on which B is better
	AWins    int      `json:"a_wins"`
	Ties     int      `json:"ties"`

	MeanDifference   float64   `json:"mean_difference"`
	MedianDifference float64   `json:"median_difference"`
	Interval         *Interval `json:"interval,omitempty"` // of the mean difference
	Effects          *Effects  `json:"effects,omitempty"`

	P           float64 `json:"p"`           // two-sided, Wilcoxon's; 1 when nothing differs
	Adjusted    float64 `json:"p_adjusted"`  // P after Holm's correction, which the outcome goes by
	Comparisons int     `json:"comparisons"` // how many it is corrected for
	Method      string  `json:"method"`      // of P

	// Permutation is the two-sided p of the paired permutation test of the
	// mean, as a second opinion: it is not corrected and decides nothing.
	Permutation       float64 `json:"p_permutation"`
	PermutationMethod string  `json:"permutation_method"`

	// Detectable is the least mean difference that so many cases, differing as
	// much as these, would show with chance Power at Level over Comparisons.
	Detectable *float64 `json:"detectable,omitempty"`

	Outcome Outcome `json:"outcome"`
	Verdict string  `json:"verdict"` // for a person

	differences []float64
}

// Compare tests whether B differs from A by Wilcoxon's signed-rank test over
// cases; a[i] and b[i] are scores of the same case, NaN where there is none. A
// difference is claimed only when that p is below Level and the interval of the
// mean difference lacks 0. It refuses lists of different length.
func Compare(a, b []float64, q Question, o Options) (Paired, error) {
	p, err := measure(a, b, q, o.resolve())
	if err != nil {
		return Paired{}, err
	}
	p.conclude(p.P, 1)
	return p, nil
}

// measure computes what does not depend on how many comparisons there are.
func measure(a, b []float64, q Question, o Options) (Paired, error) {
	if len(a) != len(b) {
		return Paired{}, fmt.Errorf("%w: %d of %s and %d of %s; compare on the same volumes", ErrUnpaired, len(a), q.A, len(b), q.B)
	}
	p := Paired{Question: q}
	var as, bs, differences []float64
	for i := range a {
		d := b[i] - a[i]
		switch {
		case math.IsNaN(d) || math.IsInf(d, 0):
			p.Excluded++
			continue
		case d == 0:
			p.Ties++
		case d > 0 == q.HigherIsBetter:
			p.BWins++
		default:
			p.AWins++
		}
		as, bs, differences = append(as, a[i]), append(bs, b[i]), append(differences, d)
	}
	p.N = len(differences)
	ranks := signedRank(differences)
	p.P, p.Method = ranks.p, ranks.method
	p.Permutation, p.PermutationMethod = signFlip(differences, o)
	if p.N == 0 {
		return p, nil
	}
	p.Interval = interval(differences, o)
	p.Effects = effects(as, bs, ranks.biserial)
	p.differences = differences
	sorted := slices.Sorted(slices.Values(differences))
	p.MeanDifference, p.MedianDifference = mean(differences), median(sorted)
	return p, nil
}

// conclude decides by an adjusted p, of so many comparisons.
func (p *Paired) conclude(adjusted float64, comparisons int) {
	p.Adjusted, p.Comparisons = adjusted, comparisons
	p.Detectable = detectable(p.differences, Level/float64(comparisons))
	p.Outcome = p.outcome()
	p.Verdict = p.verdict()
}

// smallestP is the least p that so many differing cases can give.
func (p *Paired) smallestP() float64 { return math.Pow(2, 1-float64(p.AWins+p.BWins)) }

// onlyInRanks tells whether the ranks show a difference and the mean does not.
func (p *Paired) onlyInRanks() bool {
	return p.Adjusted < Level && (p.Interval == nil || p.Interval.holds(0) || p.MeanDifference > 0 != (p.Effects.RankBiserial > 0))
}

func (p *Paired) outcome() Outcome {
	switch {
	case p.N == 0, p.Adjusted >= Level && p.AWins+p.BWins > 0 && p.smallestP()*float64(p.Comparisons) >= Level:
		return Undecidable
	case p.Adjusted >= Level, p.onlyInRanks():
		return NoDifference
	case p.MeanDifference > 0 == p.Question.HigherIsBetter:
		return BetterB
	default:
		return BetterA
	}
}
