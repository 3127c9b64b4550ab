package planner

import "strings"

// merge replaces the fixed phrases of the lexicon by their single word.
func (lex *lexicon) merge(toks []token) []token {
	out := make([]token, 0, len(toks))
	for i := 0; i < len(toks); {
		p, n := lex.phraseAt(toks[i:])
		if n == 0 {
			out = append(out, toks[i])
			i++
			continue
		}
		w := wordToken(p.as, toks[i].start, toks[i+n-1].end)
		w.plural = strings.HasSuffix(toks[i+n-1].word, "s")
		out = append(out, w)
		i += n
	}
	return out
}

// phraseAt returns the longest phrase at the start of toks.
func (lex *lexicon) phraseAt(toks []token) (best phrase, length int) {
	if toks[0].kind != tWord && toks[0].kind != tNumber {
		return phrase{}, 0
	}
	first := toks[0].word
	for _, p := range lex.phrases[first] {
		n := 0
		for w := range strings.FieldsSeq(p.words) {
			if n >= len(toks) || toks[n].kind == tQuoted || toks[n].word != w {
				n = 0
				break
			}
			n++
		}
		if n > length {
			best, length = p, n
		}
	}
	return best, length
}
