package planner

import "slices"

// severalSets cuts "two phantoms: a1 with seed 1 and b1 with seed 2" into a
// request for each dataset.
func (lex *lexicon) severalSets(cs []clause) []clause {
	var out []clause
	for _, c := range cs {
		noun := slices.IndexFunc(c.toks, func(t token) bool {
			return t.stem == "phantom" || t.stem == "synthetic" || t.stem == "artificial" || t.stem == "simulate"
		})
		names := lex.namesWith(c.toks, noun)
		if noun < 0 || len(names) < 2 || !c.plain() {
			out = append(out, c)
			continue
		}
		for i, from := range names {
			to := len(c.toks)
			if i+1 < len(names) {
				to = names[i+1]
			}
			part := c.toks[from:to]
			for len(part) > 0 && (isJoint(part[len(part)-1]) || part[len(part)-1].kind == tPunct) {
				part = part[:len(part)-1]
			}
			t := c.toks[noun]
			one := c
			one.mood, one.variant = moodOrder, i > 0
			one.toks = slices.Concat([]token{wordToken("create", t.start, t.end), wordToken("synthetic", t.start, t.end), wordToken("data", t.start, t.end), wordToken("called", t.start, t.end)}, part)
			out = append(out, one)
		}
	}
	return out
}

// namesWith are the places after the noun where a new name is followed by what
// it is to have.
func (lex *lexicon) namesWith(toks []token, noun int) []int {
	var out []int
	for i := noun + 1; noun >= 0 && i+1 < len(toks); i++ {
		fresh := toks[i].kind == tWord && marked(toks[i]) && !lex.known(toks[i])
		if fresh && slices.Contains([]string{"with", "having", "of", "at", "using", "seed"}, toks[i+1].word) {
			out = append(out, i)
		}
	}
	return out
}
