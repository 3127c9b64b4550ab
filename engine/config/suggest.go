package config

import (
	"cmp"
	"slices"
	"strings"
)

// nearest gives the candidates that word is most likely a slip of, best
// first: those within a third of its letters by edit distance.
func nearest(word string, candidates []string) []string {
	type scored struct {
		name     string
		distance int
	}
	word = strings.ToLower(word)
	limit := max(1, (len(word)+1)/3)
	if len(word) > 64 {
		return nil
	}
	var hits []scored
	for _, c := range candidates {
		if d := distance(word, strings.ToLower(c)); d <= limit {
			hits = append(hits, scored{c, d})
		}
	}
	slices.SortStableFunc(hits, func(a, b scored) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, s := range hits {
		if s.distance == hits[0].distance && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours, each at cost 1.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
