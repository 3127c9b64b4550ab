package probability_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minivess/minivess/engine/metrics/probability"
)

// BenchmarkEvaluate judges a 512×512×64 volume whose probabilities are mostly
// near 0, as those of vessels are.
func BenchmarkEvaluate(b *testing.B) {
	const n = 512 * 512 * 64
	p, y := make([]float32, n), make([]uint8, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		logit := 3*random.NormFloat64() - 6
		if random.IntN(30) == 0 {
			y[i] = 1
			logit += 9
		}
		p[i] = float32(1 / (1 + math.Exp(-logit)))
	}
	for name, metrics := range map[string][]string{
		"all": nil, "auroc": {probability.AUROC, probability.AveragePrecision}, "ece": {probability.ECE}, "nll": {probability.NLL},
		"uncertainty": {probability.UncertaintySpearman},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := probability.Evaluate(b.Context(), p, y, probability.Options{Metrics: metrics}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
