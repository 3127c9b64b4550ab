package patches

import (
	"fmt"
	"math"
	"slices"
)

// Normalisation names how the intensities of one volume are brought to a
// common range.
type Normalisation string

// The normalisations. Each uses the statistics of the volume itself, so
// nothing but the name needs to be remembered for prediction.
const (
	// ZScore subtracts the mean and divides by the standard deviation of all
	// voxels (float64 sums; the deviation of a constant volume counts as 1).
	ZScore Normalisation = "zscore"
	// Percentile maps the 0.5th percentile to 0 and the 99.5th to 1 and clips
	// to that range. Percentiles are taken over at most about a million evenly
	// spaced voxels.
	Percentile Normalisation = "percentile"
	// None leaves intensities as they are.
	None Normalisation = "none"
)

const maxSampled = 1 << 20

// ParseNormalisation checks a name.
func ParseNormalisation(name string) (Normalisation, error) {
	switch n := Normalisation(name); n {
	case ZScore, Percentile, None:
		return n, nil
	default:
		return "", fmt.Errorf("unknown normalisation %q: must be zscore, percentile or none", name)
	}
}

// Apply normalises a volume in place.
func (n Normalisation) Apply(x []float32) {
	switch n {
	case ZScore:
		zscore(x)
	case Percentile:
		percentile(x)
	case None:
	}
}

func zscore(x []float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	var squares float64
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	deviation := math.Sqrt(squares / float64(len(x)))
	if deviation == 0 {
		deviation = 1
	}
	for i, v := range x {
		x[i] = float32((float64(v) - mean) / deviation)
	}
}

func percentile(x []float32) {
	stride := (len(x) + maxSampled - 1) / maxSampled
	sample := make([]float32, 0, len(x)/stride+1)
	for i := 0; i < len(x); i += stride {
		sample = append(sample, x[i])
	}
	slices.Sort(sample)
	low, high := at(sample, 0.005), at(sample, 0.995)
	width := high - low
	if width <= 0 {
		width = 1
	}
	for i, v := range x {
		x[i] = float32(min(max((float64(v)-low)/width, 0), 1))
	}
}

// at interpolates a quantile of sorted values linearly, as numpy does.
func at(sorted []float32, q float64) float64 {
	place := q * float64(len(sorted)-1)
	i := int(place)
	if i+1 >= len(sorted) {
		return float64(sorted[len(sorted)-1])
	}
	part := place - float64(i)
	return float64(sorted[i])*(1-part) + float64(sorted[i+1])*part
}
