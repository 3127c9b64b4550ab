package planner

import (
	"slices"
	"strings"
)

// expected mends a word by what has to stand in its place: a unit after a
// number, and the rest of a phrase that has begun ("batch sise").
func (lex *lexicon) expected(toks []token, i int) string {
	w := toks[i].word
	if strings.ContainsAny(w, "-_0123456789") {
		return ""
	}
	before := at(toks, i-1)
	if i > 0 && toks[i-1].kind == tNumber {
		for _, unit := range [...]string{"epochs", "epoch", "steps", "iterations", "validations", "volumes", "folds", "seeds", "lines", "hundred", "thousand"} {
			if len(w) >= 4 && w[0] == unit[0] && editDistance(w, unit, 2) <= min(2, len(w)-3) && len(w) >= len(unit)-1 {
				return unit
			}
		}
	}
	for _, p := range lex.phrases[before] {
		if rest, ok := strings.CutPrefix(p.words, before+" "); ok && len(rest) >= 4 && len(w) >= 4 && w[0] == rest[0] && isLetters(rest) && editDistance(w, rest, 1) == 1 {
			return rest
		}
	}
	return ""
}

// misspeltNumber is the number that a word is one slip away from, or "".
func misspeltNumber(w string) string {
	if len(w) < 5 {
		return ""
	}
	names := []string{"hundred", "thousand", "dozen"}
	small, tens := smallNumbers(), tensNumbers()
	names = append(append(names, small[:]...), tens[:]...)
	found := slices.DeleteFunc(names, func(n string) bool { return len(n) < 5 || n[0] != w[0] || editDistance(w, n, 1) != 1 })
	if len(found) != 1 {
		return ""
	}
	return found[0]
}
