package report

import (
	"math"
	"slices"
)

// sampled is how many intensities the percentiles are taken of at most.
const sampled = 1 << 20

// window maps intensities to shades of grey.
type window struct {
	low, high float64
	constant  bool
	notFinite int
}

// newWindow puts black and white at two percentiles of the finite intensities,
// or at their range where the percentiles coincide.
func newWindow[T float32 | float64](image []T, low, high float64) window {
	var w window
	stride := (len(image) + sampled - 1) / sampled
	kept := make([]float64, 0, len(image)/stride+1)
	least, greatest := math.Inf(1), math.Inf(-1)
	for i, sample := range image {
		v := float64(sample)
		if !finite(v) {
			w.notFinite++
			continue
		}
		least, greatest = min(least, v), max(greatest, v)
		if i%stride == 0 {
			kept = append(kept, v)
		}
	}
	if len(kept) > 0 {
		slices.Sort(kept)
		w.low, w.high = percentile(kept, low), percentile(kept, high)
	}
	if w.low >= w.high {
		w.low, w.high = least, greatest
	}
	if least > greatest { // nothing is finite, and all is black
		w.low, w.high = 0, 1
	}
	w.constant = w.low == w.high
	return w
}

func finite[T float32 | float64](v T) bool { return v-v == 0 }

// percentile of sorted values, the nearest one below.
func percentile(sorted []float64, q float64) float64 {
	return sorted[int(q/100*float64(len(sorted)-1))]
}

// shade gives a grey from 0 to shades-1. A constant image is of middling grey.
func (w window) shade(v float64) byte {
	if w.constant {
		return shades / 2
	}
	at := (v - w.low) / (w.high - w.low)
	return byte(math.Round(min(1, max(0, at)) * (shades - 1)))
}

// value is what is drawn of an intensity: black where it is not finite.
func (w window) value(v float64) float64 {
	if !finite(v) {
		return w.low
	}
	return min(w.high, max(w.low, v))
}
