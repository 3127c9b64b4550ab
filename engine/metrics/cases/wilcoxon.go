package cases

import (
	"fmt"
	"math"
	"slices"
)

// maxExact is the greatest number of differences whose distribution is counted
// out; beyond it the normal approximation is good to many digits.
const maxExact = 200

// signedRanks is the outcome of Wilcoxon's test.
type signedRanks struct {
	p        float64
	biserial float64 // (W₊ − W₋) / (W₊ + W₋), 0 when nothing differs
	method   string
}

// signedRank is the two-sided p of Wilcoxon's signed-rank test. Zero
// differences are dropped (Wilcoxon 1945) and equal magnitudes share the mean
// of their ranks. Up to maxExact differences the permutation distribution of
// the rank sum is counted exactly, ties included; without ties it equals
// scipy.stats.wilcoxon(method="exact"). The ranks also give the matched-pairs
// rank-biserial correlation (Kerby 2014).
func signedRank(differences []float64) signedRanks {
	kept := differing(differences)
	if len(kept) == 0 {
		return signedRanks{p: 1, method: "Wilcoxon signed-rank, nothing differs"}
	}
	ranks := doubledRanks(kept)
	total, above := 0, 0
	for i, r := range ranks {
		total += r
		if kept[i] > 0 {
			above += r
		}
	}
	s := signedRanks{biserial: float64(2*above-total) / float64(total)}
	low := min(above, total-above)
	if len(kept) > maxExact {
		s.p, s.method = normalTail(ranks, low), fmt.Sprintf("Wilcoxon signed-rank, normal approximation, n = %d", len(kept))
		return s
	}
	s.p, s.method = exactTail(ranks, total, low), fmt.Sprintf("Wilcoxon signed-rank, exact, n = %d", len(kept))
	return s
}

// differing are the differences that are not 0.
func differing(differences []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 })
}

// doubledRanks are twice the ranks by magnitude, so that shared ranks are whole.
func doubledRanks(differences []float64) []int {
	order := make([]int, len(differences))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch d := math.Abs(differences[a]) - math.Abs(differences[b]); {
		case d < 0:
			return -1
		case d > 0:
			return 1
		default:
			return 0
		}
	})
	ranks := make([]int, len(differences))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && math.Abs(differences[order[j]]) == math.Abs(differences[order[i]]) {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = i + j + 1 // twice the mean of i+1 … j
		}
		i = j
	}
	return ranks
}

// exactTail is twice the chance of a rank sum of at most low when every sign is
// a fair coin.
func exactTail(ranks []int, total, low int) float64 {
	chance := make([]float64, total+1)
	chance[0] = 1
	reached := 0
	for _, r := range ranks {
		for s := reached; s >= 0; s-- {
			chance[s] /= 2
			chance[s+r] += chance[s]
		}
		reached += r
	}
	var p float64
	for _, c := range chance[:low+1] {
		p += c
	}
	return min(1, 2*p)
}

// normalTail approximates the same by a normal distribution with the exact
// mean and variance of the doubled rank sum.
func normalTail(ranks []int, low int) float64 {
	var total, squares float64
	for _, r := range ranks {
		total += float64(r)
		squares += float64(r) * float64(r)
	}
	z := (float64(low) - total/2) / math.Sqrt(squares/4)
	return min(1, math.Erfc(-z/math.Sqrt2))
}
