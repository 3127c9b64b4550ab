package planner

import "slices"

// plainly takes out of a message what only makes it polite or short: "show me,
// if you don't mind, …", "evaluate it n write a report".
func (lex *lexicon) plainly(toks []token) []token {
	return lex.joined(withoutManners(theOneCalled(toks)))
}

// theOneCalled leaves the name of "the one called brisk-otter" alone.
func theOneCalled(toks []token) []token {
	for i := 0; i+3 < len(toks); i++ {
		if toks[i].word == "the" && toks[i+1].word == "one" && (toks[i+2].word == "named" || toks[i+2].word == "called") {
			return slices.Concat(toks[:i], toks[i+3:])
		}
	}
	return toks
}

// withoutManners drops "if it is not too much trouble" and the like, where commas
// or the sentence's ends set it apart.
func withoutManners(toks []token) []token {
	for i := range toks {
		if toks[i].word != "if" || toks[i].kind != tWord || i > 0 && toks[i-1].kind != tPunct {
			continue
		}
		n := 1
		for i+n < len(toks) && n < 11 && toks[i+n].kind != tPunct {
			n++
		}
		if i+n < len(toks) && toks[i+n].kind != tPunct || !mannerly(toks[i+1:i+n]) {
			continue
		}
		end := i + n
		from := i
		if i > 0 && isJoint(toks[i-1]) {
			from--
		} else if end < len(toks) && isJoint(toks[end]) {
			end++
		}
		if from > 0 && end < len(toks) && isJoint(toks[end]) {
			end++
		}
		return withoutManners(slices.Concat(toks[:from], toks[end:]))
	}
	return toks
}

// mannerly tells whether the words after "if" only ask for leave: "you don't
// mind", "that is no bother", "at all possible", "I may ask".
func mannerly(toks []token) bool {
	kind := false
	for _, t := range toks {
		switch t.word {
		case "trouble", "mind", "bother", "inconvenience", "imposition", "convenient", "possible", "please", "kind", "feasible", "willing":
			kind = true
		case "ask", "may", "would", "so":
			kind = kind || len(toks) <= 3
		case "it", "is", "that", "this", "not", "too", "much", "you", "don't", "no", "at", "all", "i", "for", "be", "isn't", "it's", "a", "great", "big", "to", "an", "very",
			"could", "might", "were", "are", "any", "me", "somehow", "really", "of", "doesn't", "does", "wouldn't", "won't", "pose", "cause":
		default:
			return false
		}
	}
	return kind
}

// joined reads "n" and "+" between two wishes as "and".
func (lex *lexicon) joined(toks []token) []token {
	for i := 1; i+2 < len(toks); i++ {
		if w := toks[i].word; (w == "n" || w == "+" || w == "'n'" || w == "n'") && lex.starters[toks[i+1].word] && toks[i-1].kind != tNumber && toks[i+2].kind != tNumber {
			toks = slices.Clone(toks)
			toks[i] = wordToken("and", toks[i].start, toks[i].end)
		}
	}
	return toks
}
