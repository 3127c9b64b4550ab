package cases

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// maxFlips is the greatest number of differences whose sign patterns are all
// counted.
const maxFlips = 30

// signFlip is the two-sided p of the paired permutation test of the mean: the
// share of the 2ⁿ ways to give the differences signs whose mean is as far from
// 0 as theirs. Beyond maxFlips it is estimated from o.Resamples patterns, with
// the one that was seen counted in (Phipson and Smyth 2010).
func signFlip(differences []float64, o Options) (p float64, method string) {
	kept := differing(differences)
	if len(kept) == 0 {
		return 1, "paired permutation of the mean, nothing differs"
	}
	var seen, sizes float64
	for _, d := range kept {
		seen += d
		sizes += math.Abs(d)
	}
	// Sums that are equal may be rounded apart.
	far := math.Abs(seen) - 1e-12*sizes
	if len(kept) > maxFlips {
		return flipAtRandom(kept, far, o), fmt.Sprintf("paired permutation of the mean, %d random sign patterns", o.Resamples)
	}
	return flipAll(kept, far), fmt.Sprintf("paired permutation of the mean, exact, n = %d", len(kept))
}

// flipAll counts the sums of at least far. Every sum of all differences is one
// of the first half and one of the rest, so that sorting both is enough.
func flipAll(differences []float64, far float64) float64 {
	half := len(differences) / 2
	left, right := signedSums(differences[:half]), signedSums(differences[half:])
	count, at := 0, len(right)
	for _, l := range left {
		for at > 0 && l+right[at-1] >= far {
			at--
		}
		count += len(right) - at
	}
	return min(1, 2*float64(count)/float64(len(left)*len(right)))
}

// signedSums are the sums under every choice of signs, in order.
func signedSums(differences []float64) []float64 {
	sums := []float64{0}
	for _, d := range differences {
		next := make([]float64, 0, 2*len(sums))
		for _, s := range sums {
			next = append(next, s-d, s+d)
		}
		sums = next
	}
	slices.Sort(sums)
	return sums
}

func flipAtRandom(differences []float64, far float64, o Options) float64 {
	random := rand.New(rand.NewPCG(o.Seed, uint64(len(differences)))) //nolint:gosec // a reproducible resampling, not a secret
	count := 1
	for range o.Resamples {
		var sum float64
		var signs uint64
		for i, d := range differences {
			if i%64 == 0 {
				signs = random.Uint64()
			}
			if signs&1 == 0 {
				d = -d
			}
			signs >>= 1
			sum += d
		}
		if math.Abs(sum) >= far {
			count++
		}
	}
	return float64(count) / float64(o.Resamples+1)
}
