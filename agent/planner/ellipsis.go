package planner

import (
	"slices"
	"strings"
)

// maxFragment is how many tokens a follow-up without a verb may have.
const maxFragment = 10

// elliptical reads a follow-up that leaves out what was just said: "and
// calm-heron?", "only those on cortex", "and the worst?". What it names takes
// the place of what was named before, and the sentence before is read again.
func (r *reader) elliptical() (reading, bool) {
	texts := r.mem.texts
	if len(texts) == 0 {
		return reading{}, false
	}
	if out, ok := r.otherList(); ok {
		return out, true
	}
	items, opened, ok := r.fragmentOf(r.text)
	if !ok {
		return reading{}, false
	}
	if alone := r.lex.score(items, nil); len(alone) > 0 {
		if limit := map[bool]float64{true: 9, false: threshold}[opened]; alone[0].score >= limit {
			return reading{}, false
		}
	}
	base, ok := r.baseItems(texts)
	if !ok {
		return reading{}, false
	}
	before := r.lex.score(base, nil)
	if len(before) == 0 {
		return reading{}, false
	}
	merged, changed := substitute(base, items, before[0].intent == "compare_runs" && addsTo(r.text))
	if !changed && !asksWhich(items) || before[0].score < threshold || isChat(before[0].intent) {
		return reading{}, false
	}
	r.judged, r.makers = map[string]string{}, map[string]string{}
	r.note("I take this as a follow-up to what you said before.")
	ranked := r.lex.score(merged, nil)
	if before[0].intent == intentCount && asksWhich(items) {
		ranked = []scored{{intent: "runs_list", score: threshold}}
	}
	at := max(0, slices.IndexFunc(ranked, func(s scored) bool { return s.intent == before[0].intent }))
	r.heard++
	top := ranked[at]
	if len(r.mem.calls) == 1 && r.mem.calls[0].tool == "metric_history" && strings.HasPrefix(top.intent, "?") {
		top = scored{intent: "metric_history", score: threshold} // a curve was shown: another is
	}
	r.plan(merged, top, ranked, r.text)
	if len(r.out.Steps) == 0 && len(r.out.Questions) == 0 && len(r.out.goals) == 0 {
		r.out = reading{}
		return reading{}, false
	}
	return r.finish(), true
}

// baseItems is the last request with a verb of its own, with the follow-ups
// after it put in.
func (r *reader) baseItems(texts []string) ([]item, bool) {
	var later [][]item
	for i := len(texts) - 1; i >= 0 && len(later) < maxLook; i-- {
		if items, _, ok := r.fragmentOf(texts[i]); ok && i > 0 {
			later = append(later, items)
			continue
		}
		toks := tokenise(texts[i])
		r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
		clauses := r.lex.listed(r.lex.clauses(r.lex.merge(toks)))
		if len(clauses) != 1 || clauses[0].negated || clauses[0].advice {
			return nil, false
		}
		base := r.lex.recognise(clauses[0].toks, r.known)
		for j := range base {
			base[j].start, base[j].end = 0, 0 // words of another text
		}
		for _, items := range slices.Backward(later) {
			base, _ = substitute(base, items, false)
		}
		return base, true
	}
	return nil, false
}

// fragmentOf reads a text as a follow-up without a verb: what it names, and
// whether it opens like one.
func (r *reader) fragmentOf(text string) (items []item, opened, ok bool) {
	toks := tokenise(text)
	r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
	toks = r.lex.merge(toks)
	toks, opened = trimFollowUp(toks)
	if len(toks) == 0 || len(toks) > maxFragment || r.hasStarter(toks) || len(toks) > 1 && toks[0].word == "train" && (isDeterminer(toks[1].word) || r.lex.models[toks[1].word] != "") {
		return nil, false, false
	}
	if n := len(toks); n > 1 && toks[n-1].kind == tNumber && superlative(toks[n-2].word) != "" {
		toks = append(slices.Clip(toks), wordToken("runs", toks[n-1].start, toks[n-1].end))
	}
	items = r.lex.recognise(toks, r.known)
	named := asksWhich(items) || regroups(items) || slices.ContainsFunc(items, func(it item) bool {
		return it.mention != nil && !it.is(cRef) || isDegree(it.word()) || it.is(cPath) || it.anyWord("learning_rate", "lr") || volumeName.MatchString(it.word()) && !r.lex.known(it.tok)
	})
	return items, opened, named
}

// asksWhich recognises "which ones?" after a count.
func asksWhich(items []item) bool {
	return len(items) > 0 && len(items) <= 3 && items[0].anyWord("which", "what") && !slices.ContainsFunc(items[1:], func(it item) bool {
		return !it.is(cRef) && !it.anyWord("one", "ones", "runs", "of", "exactly", "are", "they", "?")
	})
}

// addsTo tells whether a follow-up adds to what was named rather than taking
// its place.
func addsTo(text string) bool {
	return slices.ContainsFunc(tokenise(text), func(t token) bool {
		return t.word == "also" || t.word == "too" || t.word == "add" || t.word == "plus" || t.word == "include"
	})
}

// otherList reads "and models?" after a question for another list.
func (r *reader) otherList() (reading, bool) {
	toks, opened := trimFollowUp(r.lex.merge(tokenise(r.text)))
	if !opened || len(toks) == 0 || len(toks) > 2 || listNoun(toks[len(toks)-1:]) < 0 || len(toks) == 2 && !isDeterminer(toks[0].word) {
		return reading{}, false
	}
	items := r.lex.recognise(append([]token{wordToken("list", toks[0].start, toks[0].start)}, toks...), r.known)
	ranked := r.lex.score(items, nil)
	if len(ranked) == 0 || ranked[0].score < threshold {
		return reading{}, false
	}
	r.judged, r.makers = map[string]string{}, map[string]string{}
	r.heard++
	r.plan(items, ranked[0], ranked, r.text)
	return r.finish(), len(r.out.Steps) > 0
}

// trimFollowUp drops the words around a follow-up that only say that it is one.
func trimFollowUp(toks []token) (rest []token, opened bool) {
	for len(toks) > 0 {
		t := toks[0]
		switch {
		case t.kind == tPunct:
		case (t.word == "what" || t.word == "how") && len(toks) > 1 && toks[1].word == "about":
			toks, opened = toks[1:], true
		case repeats(toks):
			opened = true
			if isRefWord(toks[1].word) {
				toks = toks[1:]
			}
		case opened && (t.word == "thing" || t.word == "again"):
		case opensFollowUp(t.word):
			opened = true
		case t.word == "same":
			opened = true
		case t.word == "the" && len(toks) > 1 && toks[1].word == "same":
			toks, opened = toks[1:], true
		default:
			return trimTail(toks), opened
		}
		toks = toks[1:]
	}
	return nil, opened
}

// repeats recognises "do the same …" and "repeat that for …".
func repeats(toks []token) bool {
	if w := toks[0].word; len(toks) < 3 || w != "do" && w != "repeat" && w != "redo" {
		return false
	}
	next, after := toks[1].word, toks[2].word
	return isRefWord(next) && isPreposition(after) || next == "same" || next == "the" && after == "same"
}

// trimTail drops "too", "as well", "please" and marks at the end.
func trimTail(toks []token) []token {
	for n := len(toks); n > 0; n = len(toks) {
		switch t := toks[n-1]; {
		case t.kind == tPunct, t.word == "too", t.word == "please", t.word == "pls", t.word == "well", t.word == "instead", t.word == "then", t.word == "now", t.word == "though", t.word == "also", t.word == "again":
		case t.word == "as" && n < cap(toks):
		default:
			return toks
		}
		toks = toks[:n-1]
	}
	return toks
}

func opensFollowUp(w string) bool {
	switch w {
	case "and", "or", "also", "but", "no", "nope", "sorry", "oh", "ah", "ok", "okay", "only", "just", "rather", "i", "meant", "mean", "wait", "again", "hm", "hmm", "now", "then", "instead", "about", "actually":
		return true
	}
	return false
}

// isDegree lists the words that say which end of an order is meant.
func isDegree(w string) bool {
	switch w {
	case "best", "worst", "highest", "lowest", "fastest", "slowest", "longest", "shortest", "top", "hardest", "easiest", "largest", "smallest":
		return true
	}
	return false
}

// substitute puts what a follow-up names where the sentence before named
// something of that kind, and at its end where it did not.
func substitute(base, added []item, adds bool) ([]item, bool) {
	out := make([]item, len(base), len(base)+len(added))
	for i, it := range base {
		it.used = false
		if it.mention != nil {
			m := *it.mention
			it.mention = &m
		}
		out[i] = it
	}
	changed := false
	fresh := map[int]bool{} // what the follow-up put in
	for k, it := range added {
		switch {
		case it.is(cRef):
		case k > 0 && added[k-1].anyWord("not", "instead_of", "except"):
		case adds && it.is(cRun):
			out, changed = append(out, it), true
		case takesPlace(out, it):
			changed = true
		case it.mention == nil && regroups(added[:k+1]):
			out, changed = regroup(out, added, k), true
		case it.mention == nil && isDegree(it.word()):
			out, changed = replaceDegree(out, it), true
		case it.mention != nil || it.is(cPath) || it.is(cTriple):
			out, changed = placeOne(out, added, k, fresh), true
		}
	}
	return out, changed
}

// takesPlace puts another volume or another curve in the place of the one that
// was named before.
func takesPlace(out []item, it item) bool {
	var same func(o item) bool
	switch {
	case volumeName.MatchString(it.tok.word) && (it.mention == nil || it.is(cDataset)):
		it.mention = nil
		same = func(o item) bool { return o.mention == nil && volumeName.MatchString(o.word()) }
	case it.anyWord("learning_rate", "lr"):
		same = func(o item) bool { return o.is(cMetric) || o.anyWord("loss") }
	default:
		return false
	}
	i := slices.IndexFunc(out, same)
	if i >= 0 {
		out[i] = it
	}
	return i >= 0
}

// replaceDegree swaps "best" for "worst".
func replaceDegree(out []item, it item) []item {
	if i := slices.IndexFunc(out, func(o item) bool { return isDegree(o.word()) }); i >= 0 {
		out[i].tok, out[i].start, out[i].end = it.tok, it.start, it.end
		return out
	}
	return append(out, it)
}

// placeOne puts added[k] into a sentence.
func placeOne(out, added []item, k int, fresh map[int]bool) []item {
	it := added[k]
	same := func(o item) bool {
		if o.mention == nil || it.mention == nil {
			return o.mention == nil && it.mention == nil && o.tok.kind == it.tok.kind
		}
		return kin(o.mention.class) == kin(it.mention.class)
	}
	for i := range out {
		if !same(out[i]) || fresh[i] {
			continue
		}
		fresh[i] = true
		if out[i].is(cRuns) && it.is(cRuns) {
			it.mention = widen(out[i].mention, it.mention)
		}
		out[i] = it
		return out
	}
	fresh[len(out)] = true
	if it.mention != nil && limitRuns(out, it.mention) {
		return out
	}
	if it.is(cRun) && it.mention.metric != "" {
		word := item{tok: wordToken(superlativeWord(it.mention.text), it.tok.start, it.tok.end), start: it.start, end: it.end}
		if slices.ContainsFunc(out, func(o item) bool { return isDegree(o.word()) }) {
			return replaceDegree(out, word)
		}
	}
	if k > 0 && added[k-1].mention == nil && isDatasetPreposition(added[k-1].word()) {
		out = append(out, added[k-1])
	}
	return append(out, it)
}

// kin groups the classes that stand for one another in a follow-up.
func kin(c class) class {
	switch c {
	case cRun, cBest, cRuns, cRef:
		return cRun
	case cDataset, cDataRef:
		return cDataset
	default:
		return c
	}
}

// widen keeps the limits of a set of runs that a new set does not change.
func widen(before, now *mention) *mention {
	m := *now
	m.model, m.state, m.text = orElse(m.model, before.model), orElse(m.state, before.state), orElse(m.text, before.text)
	if m.count == 0 {
		m.count = before.count
	}
	return &m
}

// limitRuns gives a model or a state to the runs that a sentence is about.
func limitRuns(out []item, m *mention) bool {
	for i := range out {
		b := out[i].mention
		if b == nil || b.class != cRun && b.class != cRuns {
			continue
		}
		switch {
		case m.class == cModel && b.model != "":
			b.text = strings.Replace(b.text, "model="+b.model, "model="+m.text, 1)
			b.model = m.text
			return true
		case m.class == cState && b.class == cRuns:
			b.state = m.text
			return true
		case m.class == cState && b.state != "":
			b.text = strings.Replace(b.text, "state="+b.state, "state="+m.text, 1)
			b.state = m.text
			return true
		}
	}
	return false
}

// superlativeWord is the word that a selector such as worst:dice begins with.
func superlativeWord(selector string) string {
	head, _, _ := strings.Cut(selector, ":")
	return head
}
