package metrics

import (
	"math"
	"slices"
)

// percentile is NumPy's default (linear interpolation between the two nearest
// order statistics, q in [0, 100]) of a non-empty list, which it reorders.
func percentile(values []float64, q float64) float64 {
	if q >= 100 {
		return slices.Max(values)
	}
	at := q / 100 * float64(len(values)-1)
	k := int(math.Floor(at))
	low := selectKth(values, k)
	if k+1 >= len(values) {
		return low
	}
	high := slices.Min(values[k+1:])
	return low + (high-low)*(at-float64(k))
}

// selectKth reorders values so that the k-th smallest is at index k, smaller
// ones before and greater ones after it, and returns it. It is Hoare's
// selection with a median-of-three pivot: linear time but for contrived input.
func selectKth(values []float64, k int) float64 {
	lo, hi := 0, len(values)-1
	for lo < hi {
		mid := lo + (hi-lo)/2
		pivot := medianOfThree(values[lo], values[mid], values[hi])
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return values[k]
		}
	}
	return values[k]
}

func medianOfThree(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}
