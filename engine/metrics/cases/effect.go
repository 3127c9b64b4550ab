package cases

import "math"

// Power is the chance with which a difference of Paired.Detectable shows.
const Power = 0.8

// Effects says how great a difference is, apart from how sure. All are above 0
// when the values of B are greater than those of A, whichever is better.
type Effects struct {
	// RankBiserial is the matched-pairs rank-biserial correlation, in [−1, 1]:
	// of all ranks of the differences' sizes, the share of those above 0 less
	// the share of those below (Kerby 2014). Of differences that are 0 it knows
	// nothing.
	RankBiserial float64 `json:"rank_biserial"`
	// CliffsDelta is the chance that a value of B exceeds one of A, whatever
	// the case, less the chance of the opposite, in [−1, 1] (Cliff 1993).
	CliffsDelta float64 `json:"cliffs_delta"`
	// HedgesG is the mean difference over the average of both standard
	// deviations, corrected for few cases with the exact factor: Hedges' g_av
	// (Lakens 2013). Nil for fewer than 3 cases or when neither side varies.
	HedgesG *float64 `json:"hedges_g,omitempty"`
}

func effects(a, b []float64, biserial float64) *Effects {
	e := Effects{RankBiserial: biserial}
	balance := 0
	for _, x := range a {
		for _, y := range b {
			switch {
			case y > x:
				balance++
			case y < x:
				balance--
			}
		}
	}
	n := float64(len(a))
	e.CliffsDelta = float64(balance) / (n * n)
	if len(a) < 3 {
		return &e
	}
	if spread := (deviation(a) + deviation(b)) / 2; spread > 0 {
		g := fewness(n-1) * (mean(b) - mean(a)) / spread
		e.HedgesG = &g
	}
	return &e
}

// fewness is Hedges' correction for df degrees of freedom, 2 or more.
func fewness(df float64) float64 {
	above, _ := math.Lgamma(df / 2)
	below, _ := math.Lgamma((df - 1) / 2)
	return math.Exp(above-below) / math.Sqrt(df/2)
}

// detectable is the least mean difference that a test at the level would show
// with chance Power if cases differed as much as these do: that of the paired t
// test, which signed ranks hardly fall short of (Cohen 1988; t quantiles in
// place of the noncentral distribution). It is nil for fewer than 3
// differences, or when all are equal.
func detectable(differences []float64, level float64) *float64 {
	n := float64(len(differences))
	if n < 3 {
		return nil
	}
	spread := deviation(differences)
	if spread == 0 {
		return nil
	}
	d := (studentQuantile(1-level/2, n-1) + studentQuantile(Power, n-1)) * spread / math.Sqrt(n)
	return &d
}
