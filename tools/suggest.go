package tools

import (
	"fmt"
	"strings"
)

// Nearest returns the name among names that a person most probably meant, or
// "" when none is near.
func Nearest(word string, names []string) string {
	best, bestDistance := "", 0
	lower := strings.ToLower(word)
	for _, name := range names {
		d := distance(lower, strings.ToLower(name))
		if d > max(1, len(name)/3) {
			continue
		}
		if best == "" || d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// DidYouMean builds a hint from the nearest name, or else from the list of all.
func DidYouMean(word string, names []string, what string) string {
	if near := Nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(names) == 0 {
		return fmt.Sprintf("there are no %s yet", what)
	}
	return fmt.Sprintf("known %s: %s", what, strings.Join(names, ", "))
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each cost one.
func distance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	before := make([]int, len(rb)+1)
	row := make([]int, len(rb)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		next := make([]int, len(rb)+1)
		next[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(rb)]
}
