package report_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minivess/minivess/engine/report"
)

// tube is a curved vessel in noise: the reference has a branch that the
// prediction misses, and the prediction a blob of its own.
func tube(t *testing.T, shape [3]int, spacing [3]float64) report.Scene {
	t.Helper()
	n := shape[0] * shape[1] * shape[2]
	s := report.Scene{
		Shape: shape, Spacing: spacing, Unit: "um",
		Image: make([]float32, n), Reference: make([]uint8, n), Prediction: make([]uint8, n),
	}
	random := rand.New(rand.NewPCG(1, 2))
	i := 0
	for z := range shape[2] {
		for y := range shape[1] {
			for x := range shape[0] {
				u, v, w := float64(x)/float64(shape[0]), float64(y)/float64(shape[1]), float64(z)/float64(max(1, shape[2]-1))
				trunk := math.Hypot(v-0.5-0.2*math.Sin(5*u), 0.3*(w-0.5))
				branch := math.Hypot(v-0.2-0.5*u, 0.3*(w-0.7))
				blob := math.Hypot(math.Hypot(u-0.8, v-0.15), w-0.3)
				if trunk < 0.07 || branch < 0.04 && u > 0.4 {
					s.Reference[i] = 1
				}
				if trunk < 0.075+0.015*math.Sin(40*u) || blob < 0.07 {
					s.Prediction[i] = 1
				}
				s.Image[i] = float32(100*s.Reference[i]) + float32(40*random.NormFloat64())
				i++
			}
		}
	}
	return s
}
