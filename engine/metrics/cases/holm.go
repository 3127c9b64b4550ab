package cases

import (
	"cmp"
	"slices"
)

// Holm adjusts p-values of several comparisons so that the chance of any false
// claim among them is bounded (Holm 1979): the least is multiplied by their
// number, the next by one less and so on, never below the one before, at most
// 1. The order is kept.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}
