package tools

import (
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/spelling"
)

// Nearest returns the name among names that a person most probably meant, or
// "" when none is near.
func Nearest(word string, names []string) string {
	best, bestDistance := "", 0
	lower := strings.ToLower(word)
	for _, name := range names {
		d := spelling.Distance(lower, strings.ToLower(name))
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
