package cases

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a confidence interval of a mean over cases.
type Interval struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	Method     string  `json:"method"`
}

// holds tells whether v lies in the interval, or beyond it by no more than
// rounding.
func (i *Interval) holds(v float64) bool {
	slack := 1e-12 * max(math.Abs(i.Low), math.Abs(i.High))
	return i.Low-slack <= v && v <= i.High+slack
}

// interval is the bias-corrected and accelerated bootstrap interval of the
// mean (Efron 1987), nil for too few values. Values that are all equal have the
// interval that is their value.
func interval(values []float64, o Options) *Interval {
	if len(values) < MinForInterval {
		return nil
	}
	random := rand.New(rand.NewPCG(o.Seed, uint64(len(values)))) //nolint:gosec // a reproducible resampling, not a secret
	means := make([]float64, o.Resamples)
	for i := range means {
		var sum float64
		for range values {
			sum += values[random.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	tail := (1 - o.Confidence) / 2
	low, high, method := tail, 1-tail, "percentile"
	if a := acceleration(values); !math.IsNaN(a) {
		if l, h := corrected(bias(means, mean(values)), a, o.Confidence); l >= 0 && h <= 1 {
			low, high, method = l, h, "BCa"
		}
	}
	return &Interval{
		Low: quantile(means, low), High: quantile(means, high),
		Confidence: o.Confidence, Method: fmt.Sprintf("%s bootstrap of the mean, %d resamples", method, o.Resamples),
	}
}

// bias is z₀: how many standard deviations the share of resampled means below
// the estimate is off a half. Those equal to it, but for rounding, count half.
func bias(sorted []float64, estimate float64) float64 {
	slack := 1e-12 * max(math.Abs(sorted[0]), math.Abs(sorted[len(sorted)-1]))
	below, _ := slices.BinarySearch(sorted, estimate-slack)
	upTo, _ := slices.BinarySearch(sorted, estimate+slack)
	return normalQuantile(float64(below+upTo) / float64(2*len(sorted)))
}

// acceleration is a: how fast the spread of the mean changes with the mean, by
// the jackknife. It is NaN when no value differs.
func acceleration(values []float64) float64 {
	if slices.Min(values) == slices.Max(values) {
		return math.NaN()
	}
	n := float64(len(values))
	sum := n * mean(values)
	left := make([]float64, len(values)) // the mean without each
	for i, v := range values {
		left[i] = (sum - v) / (n - 1)
	}
	centre := mean(left)
	var cubes, squares float64
	for _, l := range left {
		u := (n - 1) * (centre - l)
		cubes += u * u * u
		squares += u * u
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// corrected moves both tails of an interval by bias and acceleration.
func corrected(bias, acceleration, confidence float64) (low, high float64) {
	tail := normalQuantile((1 - confidence) / 2)
	move := func(z float64) float64 { return normal(bias + (bias+z)/(1-acceleration*(bias+z))) }
	return move(tail), move(-tail)
}

// quantile interpolates linearly in a sorted, non-empty list.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	k := int(at)
	if k+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[k] + (sorted[k+1]-sorted[k])*(at-float64(k))
}

func median(sorted []float64) float64 { return quantile(sorted, 0.5) }

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// deviation is the sample's standard deviation; it needs two values.
func deviation(values []float64) float64 {
	centre := mean(values)
	var squares float64
	for _, v := range values {
		squares += (v - centre) * (v - centre)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}
