package planner

import (
	"slices"
	"strings"
)

// maxReply is how many tokens an answer to a question may have.
const maxReply = 8

// fill reads an answer to a question about one argument.
func (s session) fill(a ask, q Question, said string) (any, bool) {
	lex := s.model.lex
	toks := tokenise(said)
	lex.mend(toks, s.known.Datasets)
	toks = lex.merge(toks)
	if len(toks) == 0 || len(toks) > 2*maxReply || len(toks) > maxReply && lex.startsClause(toks, 0) || a.param == "" {
		return nil, false
	}
	if a.param == paramSuspect {
		return true, isYes(toks[0].word)
	}
	if c, ok := chooseFrom(q.Choices, toks); ok {
		return c, true
	}
	if len(q.Choices) == 1 && len(toks) <= 3 && isYes(toks[0].word) {
		return q.Choices[0], true
	}
	return s.fillFrom(a, toks, lex.recognise(toks, s.known))
}

// isYes lists the words that agree to what was asked.
func isYes(w string) bool {
	return slices.Contains([]string{"yes", "y", "yeah", "yep", "sure", "right", "correct", "ok", "okay", "fine"}, w)
}

// fillFrom reads an answer for what its argument takes.
func (s session) fillFrom(a ask, toks []token, items []item) (any, bool) {
	switch a.param {
	case "model":
		if i, ok := first(items, cModel); ok {
			return items[i].mention.text, true
		}
		return nil, false
	case "run":
		if i, ok := first(items, cRun); ok {
			return items[i].mention.text, true
		}
	case "dataset":
		if i, ok := first(items, cDataset); ok {
			return items[i].mention.text, true
		}
	case "epochs":
		for _, it := range items {
			if it.is(cNumber) {
				return int64(it.tok.num), true
			}
		}
		return nil, false
	case "freeze":
		return s.patterns(items)
	case "format":
		return nil, false
	case "init_from", "input":
		for _, c := range []class{cPath, cRun} {
			if i, ok := first(items, c); ok {
				return orElse(nameOf(items[i]), clean(items[i].tok.text)), true
			}
		}
	case "path":
		if i, ok := first(items, cPath); ok {
			return clean(items[i].tok.text), true
		}
		return nil, false
	}
	return bareName(s.model.lex, toks, items)
}

// namesToo reads the name in an answer that says where data lie: "/data/x as x".
func (s session) namesToo(a ask, said string) (any, bool) {
	if a.tool != "dataset_import" || a.param != "path" {
		return nil, false
	}
	v, ok := newName(s.model.lex.recognise(s.model.lex.merge(tokenise(said)), s.known))
	return v.v, ok
}

// patterns reads an answer that gives patterns of parameter names.
func (s session) patterns(items []item) (any, bool) {
	var out []any
	r := s.reader("", memory{}, nil)
	for _, it := range items {
		if p, ok := r.pattern(it); ok {
			out = append(out, p)
		}
	}
	return out, len(out) > 0
}

// bareName reads an answer that is a name and little else.
func bareName(lex *lexicon, toks []token, items []item) (any, bool) {
	if ranked := lex.score(items, nil); len(ranked) > 0 && ranked[0].score >= threshold+2 {
		return nil, false
	}
	name, others := "", 0
	for i, t := range toks {
		switch n := lex.nameAt(toks, i); {
		case n != "" && name == "":
			name = n
		case t.kind == tPunct || isDeterminer(t.word) || isDatasetPreposition(t.word) || isFiller(t.word):
		default:
			others++
		}
	}
	return name, name != "" && others <= 1
}

// chooseFrom picks one of the choices offered: by its name, or by its place.
func chooseFrom(choices []string, toks []token) (string, bool) {
	for _, t := range toks {
		for _, c := range choices {
			if strings.EqualFold(c, t.word) || strings.EqualFold(c, t.text) {
				return c, true
			}
		}
	}
	for i, t := range toks {
		n := slices.Index([]string{"first", "second", "third", "fourth", "fifth"}, t.word)
		if t.kind == tNumber && len(toks) == 1 {
			n = int(t.num) - 1
		}
		if t.word == "last" && i <= 1 {
			n = len(choices) - 1
		}
		if n >= 0 && n < len(choices) {
			return choices[n], true
		}
	}
	return "", false
}

// correct reads "no, on cortex", "the same but with lr 1e-3", "make it 5
// epochs": the last plan with some arguments changed.
func (r *reader) correct() (reading, bool) {
	if len(r.mem.calls) == 0 {
		return reading{}, false
	}
	toks := tokenise(r.text)
	mended := r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
	toks, complains := r.changed(trimThanks(r.lex.merge(toks)))
	change, relative := r.relationOf(toks)
	if !relative && !complains && !r.isCorrection(toks) {
		return reading{}, false
	}
	r.judged, r.makers = map[string]string{}, map[string]string{}
	items := r.lex.recognise(toks, r.known)
	for i, c := range r.mem.calls {
		s := Step{ID: itoa(i + 1), Tool: c.tool, Args: map[string]any{}}
		for k, v := range c.args {
			if k == NeedsKey {
				s.Needs = stringList(v)
				continue
			}
			s.Args[k] = v
		}
		s.Needs = sortIDs(append(s.Needs, refs(s.Args)...))
		r.out.Steps = append(r.out.Steps, s)
		r.made(s)
	}
	all := make([]int, len(r.out.Steps))
	for i := range all {
		all[i] = i
	}
	var changed bool
	if relative {
		changed = r.relate(change)
	} else {
		changed = r.amendMany(items) || r.amend(all, items) || r.onlyNumber(items)
	}
	if len(r.out.Questions) > 0 {
		return r.finish(), true
	}
	if !changed {
		r.out = reading{}
		return reading{}, false
	}
	r.note(mended.notes...)
	r.note("I take this as a change to the plan before.")
	goals := r.replayGoals()
	r.out.goals = goals
	r.out.Reply = r.words()
	return r.out, true
}

// changed drops what only leads to a change of the plan before, and tells
// whether it was a complaint or a wish to have it once more.
func (r *reader) changed(toks []token) (rest []token, said bool) {
	if first := trimGreeting(toks); len(first) < len(toks) && r.isCorrection(r.lex.trimLead(first)) {
		toks = first
	}
	if polite := r.lex.trimLead(toks); len(polite) < len(toks) && !r.isCorrection(toks) && r.isCorrection(polite) {
		toks = polite
	}
	if rest := trimComplaint(toks); len(rest) < len(toks) && len(rest) > 1 && !r.hasStarter(rest) {
		toks, said = rest, true
	}
	if more := r.onceMore(toks); len(more) < len(toks) {
		toks, said = more, true
	}
	return toks, said
}

// correctsNumber recognises "perhaps 20" and "oh, 5 epochs", the interjection
// taken off.
func (r *reader) correctsNumber(toks []token) bool {
	return len(toks) == 1 && !toks[0].weak || len(toks) > 1 && !r.hasStarter(toks)
}

// givesParam recognises "the layout is decathlon" after a plan with that argument.
func (r *reader) givesParam(toks []token) bool {
	return len(toks) > 3 && r.namesParam(toks[1].word) && slices.Contains([]string{"is", "should", "must", "shall", "=", "be"}, toks[2].word) && !r.hasStarter(toks[3:])
}

// namesParam tells whether a word is an argument of the plan before.
func (r *reader) namesParam(w string) bool {
	w = orElse(map[string]string{"structure": "layout", "lr": "learning_rate", "batch": "batch_size"}[w], w)
	return slices.ContainsFunc(r.mem.calls, func(c call) bool {
		_, ok := r.cat.tools[c.tool].params[w]
		return ok
	})
}

// trimGreeting drops a greeting before a wish.
func trimGreeting(toks []token) []token {
	if len(toks) > 1 && slices.Contains([]string{"hi", "hello", "hey", "hallo", "moin"}, toks[0].word) {
		toks = toks[1:]
		for len(toks) > 0 && toks[0].kind == tPunct {
			toks = toks[1:]
		}
	}
	return toks
}

// replayGoals are the numbers that the corrected plan was meant to give.
func (r *reader) replayGoals() []goal {
	before := &reader{lex: r.lex, cat: r.cat, known: r.known, now: r.now, text: r.mem.text}
	out := before.read()
	if len(out.Steps) != len(r.out.Steps) || len(out.later) > 0 {
		return nil
	}
	return out.goals
}

func stringList(v any) []string {
	var out []string
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if s, isText := e.(string); isText {
				out = append(out, s)
			}
		}
	}
	return out
}

// isCorrection recognises the openings of a correction.
func (r *reader) isCorrection(toks []token) bool {
	said := len(toks)
	toks = trimInterjections(toks)
	if len(toks) < said && len(toks) > 0 && toks[0].kind == tNumber {
		return r.correctsNumber(toks)
	}
	if len(toks) < 2 {
		return false
	}
	fresh := func(from int) bool { return len(toks) > from && !r.hasStarter(toks[from:]) }
	switch next := toks[1].word; toks[0].word {
	case "no", "nope", "rather", "actually", "same", "again", "but", "sorry", "instead", "wait", "oops",
		"wrong", "should", "use", "with", "on", "as", "to", "in", "set", "change", "for", "freeze", "keep", "keeping", "init_from":
		return fresh(1)
	case "the", "do":
		return r.givesParam(toks) || len(toks) > 2 && next == "same" || len(toks) > 3 && toks[2].word == "same"
	case "i", "it":
		return (next == "meant" || next == "mean" || next == "should") && fresh(2)
	case "sort", "order", "rank", "sorted", "ordered":
		return slices.ContainsFunc(r.mem.calls, func(c call) bool { return c.tool == "runs_list" })
	case "make":
		return (next == "it" || next == "that") && fresh(2)
	case "repeat", "rerun", "redo":
		return isRefWord(next)
	case "swap", "switch", "replace", "exchange", "try", "now", "what", "how":
		return r.swapsNetwork(toks)
	}
	return false
}

// trimInterjections drops what people say before a wish.
func trimInterjections(toks []token) []token {
	for len(toks) > 0 && (toks[0].kind == tPunct || isInterjection(toks[0].word)) {
		toks = toks[1:]
	}
	return toks
}

// isInterjection lists what people say before a wish: while they think, or out
// of manners.
func isInterjection(w string) bool {
	switch w {
	case "oh", "ah", "hm", "hmm", "er", "uh", "um", "well", "argh", "oops", "ups", "doh", "and", "please", "ok", "also", "perhaps", "maybe", "better", "say":
		return true
	}
	return false
}

// swapsNetwork recognises "swap in dynunet", "what about a swinunetr?" and "now
// with dynunet", after a training.
func (r *reader) swapsNetwork(toks []token) bool {
	trained := slices.ContainsFunc(r.mem.calls, func(c call) bool { return c.tool == "train_launch" })
	named := slices.ContainsFunc(toks, func(t token) bool { return t.kind == tWord && modelAt(r.lex, []token{t}, 0) != "" })
	if !trained || !named || len(toks) < 2 || r.hasStarter(toks[1:]) {
		return false
	}
	switch next := toks[1].word; toks[0].word {
	case "what", "how":
		return next == "about"
	case "now":
		return next == "with" || next == "the" || next == "use" || next == "a"
	}
	return !slices.ContainsFunc(toks, func(t token) bool { return t.word == "train" })
}

// hasStarter tells whether a new request is among the words.
func (r *reader) hasStarter(toks []token) bool {
	for i, t := range toks {
		if i > 0 && isSplitWord(toks[i-1].word) && isSplitNoun(t.word) {
			continue // "the validation split"
		}
		if t.word == "do" && i+1 < len(toks) && toks[i+1].kind == tNumber {
			continue // "actually do 25"
		}
		if r.lex.starters[t.word] && t.word != "use" && t.word != "make" && t.word != "run" && t.word != "train" && t.word != "test" && !isSplitWord(t.word) && (i == 0 || t.word != "set") {
			return true
		}
	}
	return false
}
