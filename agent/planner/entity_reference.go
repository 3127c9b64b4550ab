package planner

import "slices"

// findReference reads "it", "them", "that run", "the training", "all three".
func findReference(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	m := &mention{class: cRef, text: at(toks, i), rule: "reference"}
	switch at(toks, i) {
	case "it", "its":
		return m, 1
	case "itself":
		if i == 0 || at(toks, i-1) == "today" || at(toks, i-1) == "now" || at(toks, i-1) == "tomorrow" {
			return nil, 0
		}
		return m, 1
	case "them", "they", "their":
		m.plural = true
		return m, 1
	case "both", "all", "each", "these", "those":
		if m.text == "all" && at(toks, i-1) == "at" {
			return nil, 0 // "at all"
		}
		m.plural = true
		return referenceAll(toks, i, m)
	case "the", "that", "this", "same":
		return referenceNoun(lex, toks, i, m)
	}
	return nil, 0
}

// referenceAll reads what follows "both", "all", "each", "these": "all of
// them", "all three", "these two runs", "each run".
func referenceAll(toks []token, i int, m *mention) (*mention, int) {
	n, of := 1, false
	if at(toks, i+1) == "of" {
		n, of = 2, true
		if w := at(toks, i+2); w == "them" || w == "these" || w == "those" {
			n, of = 3, false
		}
	}
	if i+n < len(toks) && toks[i+n].kind == tNumber {
		if toks[i+n].unit != "" {
			return nil, 0 // "each 80 voxels wide"
		}
		n++
		if noun := at(toks, i+n); countsOther(noun) {
			return nil, 0
		}
	}
	w, noun := at(toks, i), at(toks, i+n)
	switch {
	case isRunNoun(noun) && w != "all" && w != "each":
		return m, n + 1
	case n == 1 && eachRun(toks, i):
		return m, 2
	case n > 1 && !of, w == "both", i+1 == len(toks):
		return m, n
	case w == "these" || w == "those":
		if isJoint(toks[i+1]) {
			return m, n
		}
	}
	return nil, 0
}

// eachRun recognises "each run" and "each job" at toks[i] as the runs spoken of,
// rather than as a list of jobs ("show each job that failed").
func eachRun(toks []token, i int) bool {
	noun, next := at(toks, i+1), at(toks, i+2)
	if at(toks, i) != "each" || noun != "run" && noun != "job" || at(toks, i-1) == "per" {
		return false
	}
	return noun == "run" || next != "that" && next != "which" && listVerb(toks[:i]) != i
}

// countsOther tells whether a number before this word counts something other
// than runs: "all 5 folds".
func countsOther(noun string) bool {
	return noun != "" && noun != "," && noun != "and" && !isRunNoun(noun) && !isPreposition(noun)
}

// referenceNoun reads what follows "the", "that" or "this".
func referenceNoun(lex *lexicon, toks []token, i int, one *mention) (*mention, int) {
	n := 1
	switch at(toks, i+1) {
	case "same", "new", "current", "trained", "resulting", "first":
		n = 2
	}
	switch noun := at(toks, i+n); noun {
	case "training", "evaluation":
		if isSplitNoun(at(toks, i+n+1)) {
			return nil, 0
		}
	}
	switch noun := at(toks, i+n); noun {
	case "run", "job", "model", "one", "checkpoint", "experiment", "training", "evaluation":
		if oneOfTwo(toks[i+n:]) || lex.nameFollows(toks, i+n+1) || ofAnother(toks, i+n+1) || isStore(at(toks, i+n+1)) {
			return nil, 0
		}
		if k, state := stateAfter(toks, i+n+1); k > 0 && noun != "one" {
			s := selector("latest", "", "", state)
			return &mention{class: cRun, text: s, state: state, rule: "run in a state"}, n + 1 + k
		}
		one.text += " " + noun
		return one, n + 1
	case "runs", "jobs", "models", "two", "three":
		if w := at(toks, i); w != "the" || noun == "two" || noun == "three" {
			one.plural = true
			one.text += " " + noun
			if isRunNoun(at(toks, i+n+1)) {
				n++
			}
			return one, n + 1
		}
	}
	if w := at(toks, i); (w == "that" || w == "this") && (i+1 == len(toks) || isJoint(toks[i+1]) || at(toks, i+1) == "as" || at(toks, i+1) == "on") {
		return one, 1
	}
	return nil, 0
}

// oneOfTwo recognises "the one … the other", which names nothing by itself.
func oneOfTwo(toks []token) bool {
	return toks[0].word == "one" && slices.ContainsFunc(toks, func(t token) bool { return t.word == "other" })
}

// isStore lists the nouns before which "model" is no model: the model registry.
func isStore(w string) bool {
	switch w {
	case "registry", "card", "catalogue", "catalog", "zoo", "server", "name", "names", "curve", "curves", "loss", "losses", "time", "data", "set", "log", "logs", "configuration", "config", "progress":
		return true
	}
	return false
}

// ofAnother tells whether "the evaluation" goes on with what it is of: "… of
// brisk-otter", "… of the best run".
func ofAnother(toks []token, i int) bool {
	w := at(toks, i)
	if w != "of" && w != "for" || i+1 >= len(toks) {
		return false
	}
	next := at(toks, i+1)
	return isRunID(next) || isDeterminer(next) && superlative(at(toks, i+2)) != "" || superlative(next) != ""
}

// nameFollows tells whether "the run" goes on with its name.
func (lex *lexicon) nameFollows(toks []token, i int) bool {
	if i >= len(toks) {
		return false
	}
	return isRunID(toks[i].word) || toks[i].kind == tQuoted || at(toks, i) == "called" || at(toks, i) == "named" || lex.nameAt(toks, i) != "" && at(toks, i-1) == "run"
}
