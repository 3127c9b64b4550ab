package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/spelling"
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
		if d := spelling.Distance(word, strings.ToLower(c)); d <= limit {
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
