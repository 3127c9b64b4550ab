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
	n, again := 0, false
	for n < len(toks) {
		t, next := toks[n], at(toks, n+1)
		switch {
		case t.kind == tPunct || isJoint(t) || isInterjection(t.word) || isFiller(t.word) && t.word != "again":
		case t.word == "thanks" || t.word == "thx" || t.word == "thank" || t.word == "great" || t.word == "good" || t.word == "nice":
		case t.word == "once" && next == "more", t.word == "one" && next == "more", t.word == "like" && isRefWord(next), t.word == "do" && isRefWord(next), t.word == "same" && next == "thing":
			again = true
			n++
		case t.word == "again" || t.word == "another" || t.word == "repeat" || t.word == "rerun":
			again = true
		case t.word == "start" || t.word == "launch" || t.word == "run" || t.word == "train" || t.word == "do" || t.word == "make" || t.word == "the" || t.word == "a" || t.word == "second":
		case t.word == "same":
			again = true
		case again && (t.word == "one" || t.word == "run" || t.word == "training" || t.word == "time" || t.word == "it" || t.word == "that"):
		default:
			if again && (isPreposition(t.word) || t.word == "using" || t.word == "without") && n+1 < len(toks) && !r.hasStarter(toks[n:]) {
				return toks[n:]
			}
			return toks
		}
		n++
	}
	return toks
}
