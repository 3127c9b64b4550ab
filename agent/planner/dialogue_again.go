package planner

import "slices"

// answeredWith takes in what an answer to a question says beyond what was
// asked: "call it blob, 5 volumes".
func (r *reader) answeredWith(text string) {
	if len(r.out.Steps) == 0 || len(r.out.Questions) > 0 {
		return
	}
	toks := tokenise(text)
	r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
	items := r.lex.recognise(r.lex.merge(toks), r.known)
	if !slices.ContainsFunc(items, func(it item) bool { return it.is(cNumber) || it.is(cTriple) || it.is(cAssign) || it.is(cModel) }) || len(items) < 3 {
		return
	}
	all := make([]int, len(r.out.Steps))
	for i := range all {
		all[i] = i
	}
	r.amend(all, items)
}

// onceMore drops the words that ask for the plan before once more, so that only
// what is different is left: "once more, but with …", "start another one with
// …", "thx! and one more like that on …". Where nothing different follows, no
// word is dropped.
func (r *reader) onceMore(toks []token) []token {
	again := false
	for n := 0; n < len(toks); n++ {
		k, more := asksAgain(toks[n:], again)
		if again = again || more; k > 0 {
			n += k - 1
			continue
		}
		if w := toks[n].word; again && (isPreposition(w) || w == "using" || w == "without") && n+1 < len(toks) && !r.hasStarter(toks[n:]) {
			return toks[n:]
		}
		return toks
	}
	return toks
}

// asksAgain is how many words at the start only lead to a wish to have something
// once more, and whether they ask for that themselves.
func asksAgain(toks []token, again bool) (n int, more bool) {
	t, next := toks[0], at(toks, 1)
	switch t.word {
	case "once", "one":
		if next == "more" {
			return 2, true
		}
	case "like", "do":
		if isRefWord(next) {
			return 2, true
		}
	case "same":
		if next == "thing" {
			return 2, true
		}
		return 1, true
	case "again", "another", "repeat", "rerun":
		return 1, true
	case "thanks", "thx", "thank", "great", "good", "nice", "start", "launch", "run", "train", "make", "the", "a", "second":
		return 1, false
	}
	if t.kind == tPunct || isJoint(t) || isInterjection(t.word) || isFiller(t.word) || t.word == "do" {
		return 1, false
	}
	if again && slices.Contains([]string{"one", "training", "time", "it", "that"}, t.word) {
		return 1, false
	}
	return 0, false
}
