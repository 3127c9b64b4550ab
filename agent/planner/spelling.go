package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mending is what the spell checker did to a sentence.
type mending struct {
	notes   []string // "I read 'segresnt' as segresnet"
	suspect string   // a destructive word that a typo may have meant
	wrote   string   // the typo behind suspect
}

// collectMendable gathers the words that a typo may be mended into.
func (lex *lexicon) collectMendable() {
	set := map[string]bool{}
	for w := range lex.vocab {
		if len(w) >= 4 && isLetters(strings.ReplaceAll(w, "_", "-")) {
			set[w] = true
		}
	}
	for w := range lex.models {
		set[w] = true
	}
	for w := range lex.metrics {
		set[w] = len(w) > 3
	}
	for _, w := range destructive() {
		set[w] = len(w) > 3
	}
	for w := range lex.common {
		if !set[w] && len(w) >= 5 && isLetters(w) {
			lex.everyday = append(lex.everyday, w)
		}
	}
	slices.Sort(lex.everyday)
	maps.DeleteFunc(set, func(_ string, ok bool) bool { return !ok })
	lex.mendable = slices.Sorted(maps.Keys(set))
}

// mend corrects typos in place. A word that stands where a name is expected
// is only ever read as a known name, model or metric.
func (lex *lexicon) mend(toks []token, names []string) mending {
	var m mending
	for i := range toks {
		t := &toks[i]
		if to := shortWord(t.word); to != "" && t.kind == tWord && !lex.known(*t) && !containsFold(names, t.word) && placeOf(toks, i) != placeNew {
			if lex.starters[to] {
				m.notes = append(m.notes, fmt.Sprintf("I read %q as %s.", clean(t.text), to))
			}
			t.word, t.stem = to, stem(to)
			continue
		}
		if !mendableToken(*t) || lex.known(*t) || isRunID(t.word) || containsFold(names, t.word) {
			continue
		}
		place := placeOf(toks, i)
		if place == placeNew {
			continue
		}
		to := lex.expected(toks, i)
		if to == "" {
			to = orElse(lex.nearest(t.word, place == placeName && len(names) == 0, names, at(toks, i+1)), misspeltNumber(t.word))
		}
		if to == "" {
			continue
		}
		if slices.Contains(destructive(), to) || slices.Contains(destructive(), stem(to)) {
			m.suspect, m.wrote = to, t.text
			continue
		}
		if lex.vocab[to] || lex.canonical(to) != to || !lex.common[to] {
			m.notes = append(m.notes, fmt.Sprintf("I read %q as %s.", clean(t.text), to))
		}
		t.word, t.stem = to, stem(to)
		if v, weak, ok := numberWord(to); ok {
			t.kind, t.num, t.weak, t.text = tNumber, v, weak, to
		}
	}
	return m
}

// shortWord mends a short everyday word: one with two neighbours swapped, or,
// from four letters on, with one left out.
func shortWord(w string) string {
	if len(w) < 3 || len(w) > 5 || !isLetters(w) {
		return ""
	}
	for _, c := range [...]string{"the", "and", "with", "which", "what", "when", "where", "this", "that", "from", "have", "show", "list", "for", "all", "can", "you", "please", "train", "test", "then", "them", "model", "there", "their", "just", "only", "make", "give", "would", "could", "should"} {
		left := len(c) == len(w)+1 && len(w) >= 4 && c[0] == w[0] && editDistance(w, c, 1) == 1
		if left || len(c) == len(w) && transposed(w, c) {
			return c
		}
	}
	return ""
}

// mendableToken tells whether a token may hold a typo at all.
func mendableToken(t token) bool {
	return t.kind == tWord && len(t.word) >= 4 && strings.Trim(t.word, "abcdefghijklmnopqrstuvwxyz-0123456789") == "" && t.word[0] >= 'a'
}

// place says what may stand where a word stands.
type place int

const (
	placeFree place = iota
	placeName       // after a preposition: a dataset or a run
	placeNew        // after "called": anything
)

// placeOf looks at the words before toks[i].
func placeOf(toks []token, i int) place {
	j := i - 1
	for j >= 0 && isDeterminer(toks[j].word) {
		j--
	}
	if j < 0 {
		return placeFree
	}
	if next := i + 1; next < len(toks) && (isRunNoun(toks[next].word) || toks[next].word == "split" || toks[next].word == "set") {
		return placeFree
	}
	if j > 0 && isRefWord(toks[j].word) && (toks[j-1].word == "call" || toks[j-1].word == "name") {
		return placeNew
	}
	switch toks[j].word {
	case "called", "named", "as", "tagged", "name", "tag", "titled", "=", "key", "value":
		return placeNew
	case "on", "from", "in", "using", "of", "over", "with", "for", "dataset":
		return placeName
	}
	return placeFree
}

// candidate is the best correction of a word so far.
type candidate struct {
	word     string
	distance int
	tie      bool
	other    string // the other word of a tie
}

// consider compares w with the known word c.
func (lex *lexicon) consider(best *candidate, w, c string, limit int) {
	if c == "" || c == w || len(c) > len(w)+limit || len(w) > len(c)+limit {
		return
	}
	d := editDistance(w, strings.ToLower(c), limit)
	switch {
	case d > limit,
		d > 0 && len(w) == 4 && !transposed(w, c),
		c[0] != w[0] && (d > 1 || len(w) < 6):
	case d < best.distance, d == best.distance && transposed(w, c) && !transposed(w, best.word):
		*best = candidate{word: c, distance: d}
	case d == best.distance && transposed(w, best.word) && !transposed(w, c):
	case d == best.distance && lex.canonical(c) != lex.canonical(best.word):
		best.tie, best.other = true, c
	}
}

// nearest finds the one known word that w is closest to, within one edit for
// short words and two for long ones. Two words equally close are none.
func (lex *lexicon) nearest(w string, nameOnly bool, names []string, next string) string {
	if best := lex.closest(w, nameOnly, names, next); best != "" || !strings.HasSuffix(w, "s") || len(w) < 6 {
		return best
	}
	return lex.closest(strings.TrimSuffix(w, "s"), nameOnly, names, next)
}

// closest is nearest for one form of a word.
func (lex *lexicon) closest(w string, nameOnly bool, names []string, next string) string {
	limit := 1
	if len(w) >= 8 {
		limit = 2 // the names of models and of what is here; other words want ten letters
	}
	best := candidate{distance: limit + 1}
	for _, n := range names {
		lex.consider(&best, w, n, limit)
	}
	if best.word != "" && !best.tie {
		return best.word
	}
	for _, c := range lex.mendable {
		if !nameOnly || lex.models[c] != "" || lex.metrics[c] != "" || isSplitWord(c) || len(w) >= 6 && transposed(w, c) {
			reach := limit
			if lex.models[c] == "" && len(w) < 10 {
				reach = 1
			}
			lex.consider(&best, w, c, reach)
		}
	}
	if best.distance > 1 || best.tie {
		for _, c := range lex.everyday {
			if !nameOnly {
				lex.consider(&best, w, c, 1)
			}
		}
	}
	return lex.canonical(best.settled(next))
}

// settled is the word of a candidate. Of two words equally close it is the one
// that picks runs, before a noun for runs; else none.
func (c candidate) settled(next string) string {
	switch {
	case !c.tie:
		return c.word
	case !isRunNoun(next):
		return ""
	case superlative(c.word) != "":
		return c.word
	case superlative(c.other) != "":
		return c.other
	}
	return ""
}

// canonical maps an alias to what it stands for and an inflected word to its
// stem, so that two spellings of one thing are no tie.
func (lex *lexicon) canonical(w string) string {
	if m := lex.models[w]; m != "" {
		return m
	}
	if m := lex.metrics[w]; m != "" {
		return m
	}
	for _, p := range lex.phrases[w] {
		if p.words == w {
			return p.as
		}
	}
	return w
}

// transposed tells whether two neighbours swapped turn a into b.
func transposed(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i+1 < len(a); i++ {
		if a[:i] == b[:i] && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return true
		}
	}
	return false
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment); above limit it may return any larger
// number.
func editDistance(a, b string, limit int) int {
	if len(a) > 64 || len(b) > 64 {
		return limit + 1
	}
	var rows [3][66]int
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		smallest := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
			smallest = min(smallest, cur[j])
		}
		if smallest > limit {
			return limit + 1
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

func containsFold(list []string, w string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, w) })
}

// isRunID recognises brisk-otter, brisk-otter-7f3a and the like.
func isRunID(w string) bool {
	parts := strings.Split(w, "-")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	if len(parts) == 2 && isPrefix(parts[0]) {
		return false // "over-fitting", "non-linear"
	}
	for _, p := range parts[:2] {
		if len(p) < 3 || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return len(parts) == 2 || len(parts[2]) > 0 && len(parts[2]) <= 8 && strings.Trim(parts[2], "0123456789abcdef") == ""
}

func isDeterminer(w string) bool {
	switch w {
	case "the", "a", "an", "my", "our", "your", "its", "their":
		return true
	}
	return false
}

// clean makes words from outside fit to be shown: no control characters.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// isPrefix lists the beginnings with which words, not names, are put together.
func isPrefix(w string) bool {
	switch w {
	case "over", "under", "non", "pre", "post", "self", "semi", "multi", "inter", "intra", "sub", "super", "anti", "cross", "well", "ill", "high", "low", "half", "full", "long", "short", "out", "all", "real", "so":
		return true
	}
	return false
}
