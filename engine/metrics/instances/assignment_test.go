package instances

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// best is the greatest sum of IoUs by trying every choice.
func best(pairs []Pair, takenRef, takenPred []int) float64 {
	if len(pairs) == 0 {
		return 0
	}
	p, rest := pairs[0], pairs[1:]
	without := best(rest, takenRef, takenPred)
	if slices.Contains(takenRef, p.Reference) || slices.Contains(takenPred, p.Prediction) {
		return without
	}
	return max(without, p.IoU+best(rest, append(slices.Clip(takenRef), p.Reference), append(slices.Clip(takenPred), p.Prediction)))
}

func total(pairs []Pair) float64 {
	sum := 0.0
	for _, p := range pairs {
		sum += p.IoU
	}
	return sum
}

func oneToOne(pairs []Pair) bool {
	refs, preds := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		if refs[p.Reference] || preds[p.Prediction] {
			return false
		}
		refs[p.Reference], preds[p.Prediction] = true, true
	}
	return true
}

func TestOptimalIsTheBestOfAllChoices(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var pairs []Pair
		for ref := range 5 {
			for pred := range 5 {
				if iou := rapid.IntRange(-12, 10).Draw(rt, "iou"); iou > 0 {
					pairs = append(pairs, Pair{Reference: ref + 1, Prediction: pred + 1, IoU: float64(iou) / 10})
				}
			}
		}
		threshold := rapid.SampledFrom([]float64{0.1, 0.3, 0.5}).Draw(rt, "threshold")
		candidates := slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool { return p.IoU < threshold })
		got := optimal(slices.Clone(pairs), threshold)
		if want := best(candidates, nil, nil); !oneToOne(got) || math.Abs(total(got)-want) > 1e-12 {
			rt.Fatalf("%v of %v: %v, want a sum of %v", got, pairs, total(got), want)
		}
		for _, p := range got {
			if !slices.Contains(candidates, p) {
				rt.Fatalf("%+v is no candidate", p)
			}
		}
		if kept := greedy(slices.Clone(pairs), threshold); !oneToOne(kept) || total(kept) > total(got)+1e-12 {
			rt.Fatalf("greedy keeps %v", kept)
		}
	})
}
