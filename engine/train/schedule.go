package train

import (
	"math"

	"github.com/minivess/minivess/engine/config"
)

// polyPower is nnU-Net's exponent.
const polyPower = 0.9

// learningRate is the rate of a step, counted from 1, of total. It rises
// linearly from learning_rate/warmup_steps over the warm-up, then falls from
// learning_rate as half a cosine or as (1−t)^0.9, or stays.
func learningRate(t config.Train, step, total int64) float64 {
	warmup := int64(t.WarmupSteps)
	if step <= warmup {
		return t.LearningRate * float64(step) / float64(warmup)
	}
	part := min(float64(step-1-warmup)/float64(max(total-warmup, 1)), 1)
	switch t.Schedule {
	case "cosine":
		return t.LearningRate * 0.5 * (1 + math.Cos(math.Pi*part))
	case "poly":
		return t.LearningRate * math.Pow(1-part, polyPower)
	default:
		return t.LearningRate
	}
}
