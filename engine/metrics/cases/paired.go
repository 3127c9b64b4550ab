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
	P                float64   `json:"p"`                  // two-sided; 1 when nothing differs
	Method           string    `json:"method"`
	Outcome          Outcome   `json:"outcome"`
	Verdict          string    `json:"verdict"` // for a person
}

// Compare tests whether B differs from A by Wilcoxon's signed-rank test over
// cases; a[i] and b[i] are scores of the same case, NaN where there is none. It
// refuses lists of different length.
func Compare(a, b []float64, q Question, o Options) (Paired, error) {
	if len(a) != len(b) {
		return Paired{}, fmt.Errorf("%w: %d of %s and %d of %s; compare on the same volumes", ErrUnpaired, len(a), q.A, len(b), q.B)
	}
	p := Paired{Question: q, P: 1, Outcome: Undecidable}
	var differences []float64
	bHigher := false
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
		differences = append(differences, d)
	}
	p.N = len(differences)
	if p.N > 0 {
		p.P, bHigher, p.Method = signedRank(differences)
		slices.Sort(differences)
		p.MeanDifference, p.MedianDifference = mean(differences), median(differences)
		p.Interval = interval(differences, o.resolve())
	}
	p.Outcome = p.outcome(bHigher)
	p.Verdict = p.verdict()
	return p, nil
}

// smallestP is the least p that so many differing cases can give.
func (p Paired) smallestP() float64 { return math.Pow(2, 1-float64(p.AWins+p.BWins)) }

func (p Paired) outcome(bHigher bool) Outcome {
	switch {
	case p.N == 0, p.AWins+p.BWins > 0 && p.smallestP() >= Level:
		return Undecidable
	case p.P >= Level:
		return NoDifference
	case bHigher == p.Question.HigherIsBetter:
		return BetterB
	default:
		return BetterA
	}
}

// verdict says in words what the numbers allow, and what they do not.
func (p Paired) verdict() string {
	q := p.Question
	switch {
	case p.N == 0:
		return fmt.Sprintf("No volume has a %s of both %s and %s, so they cannot be compared.", q.Metric, q.A, q.B)
	case p.AWins+p.BWins == 0:
		return fmt.Sprintf("%s and %s have the same %s on %s.", q.A, q.B, q.Metric, volumes(p.N))
	}
	ahead, wins := q.B, p.BWins
	if p.AWins > p.BWins {
		ahead, wins = q.A, p.AWins
	}
	lead := fmt.Sprintf("%s has the better %s on %d of %s", ahead, q.Metric, wins, volumes(p.N))
	if p.AWins == p.BWins {
		lead = fmt.Sprintf("%s and %s each have the better %s on %d of %s", q.A, q.B, q.Metric, wins, volumes(p.N))
	}
	lead += fmt.Sprintf(" (mean difference of %s to %s %+.3g)", q.B, q.A, p.MeanDifference)
	switch p.Outcome {
	case Undecidable:
		return fmt.Sprintf("%s, but so few cannot tell a difference from chance: even if all agreed, p would be %.2g.", lead, p.smallestP())
	case NoDifference:
		return fmt.Sprintf("%s. No difference is shown (p = %.2g), which does not show that there is none: %s would hide a small one.",
			lead, p.P, volumes(p.N))
	default:
		return fmt.Sprintf("%s; chance alone would rarely give this (p = %.2g). It holds for these volumes and this one training of each.", lead, p.P)
	}
}

func volumes(n int) string {
	if n == 1 {
		return "1 volume"
	}
	return fmt.Sprintf("%d volumes", n)
}
