package planner

import "slices"

// plainly takes out of a message what only makes it polite or short: "show me,
// if you don't mind, …", "evaluate it n write a report".
func (lex *lexicon) plainly(toks []token) []token {
	return lex.joined(withoutManners(theOneCalled(binned(toks))))
}

// binned reads "bin brisk-otter-7f3a" and "nuke it" as a deletion, which they are
// in so many words.
func binned(toks []token) []token {
	for i := 0; i+1 < len(toks); i++ {
		if (toks[i].word == "bin" || toks[i].word == "nuke") && isRunID(toks[i+1].word) {
			toks = slices.Clone(toks)
			toks[i] = wordToken("delete", toks[i].start, toks[i].end)
		}
	}
	return toks
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
	if len(toks) > 5 && toks[0].word == "be" && toks[1].word == "so" && toks[3].word == "as" && toks[4].word == "to" {
		return withoutManners(toks[5:]) // "be so good as to"
	}
	for i := range toks {
		if toks[i].word != "if" || toks[i].kind != tWord || i > 0 && toks[i-1].kind != tPunct {
			continue
		}
		from, end := mannersAt(toks, i)
		if end == 0 {
			continue
		}
		return withoutManners(slices.Concat(toks[:from], toks[end:]))
	}
	return toks
}

// mannersAt is the range of words around the "if" at toks[i] that may go, commas
// included; end is 0 if they may not.
func mannersAt(toks []token, i int) (from, end int) {
	n := 1
	for i+n < len(toks) && n < 11 && toks[i+n].kind != tPunct {
		n++
	}
	end = i + n
	if end < len(toks) && toks[end].kind != tPunct || !mannerly(toks[i+1:end]) {
		return 0, 0
	}
	if from = i; i > 0 && isJoint(toks[i-1]) {
		from--
	} else if end < len(toks) && isJoint(toks[end]) {
		end++
	}
	if from > 0 && end < len(toks) && isJoint(toks[end]) {
		end++
	}
	return from, end
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
