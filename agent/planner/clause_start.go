package planner

// startsClause tells whether a verb or a question begins at toks[i], fillers
// aside.
func (lex *lexicon) startsClause(toks []token, i int) bool {
	from := i
	for i < len(toks) && (isJoint(toks[i]) || toks[i].kind == tWord && isFiller(toks[i].word)) {
		i++
	}
	if i >= len(toks) {
		return false
	}
	if isTemporal(toks[i].word) && temporalLength(toks[i:]) > 0 {
		return true
	}
	if toks[i].kind != tWord {
		return false
	}
	if i > from && toks[i-1].word == "let" && lex.starters[at(toks, i+1)] {
		return true // "let it segment …"
	}
	if w := toks[i].word; w == "if" || w == "unless" {
		return from == 0 || !asksWhether(toks[from-1])
	}
	return lex.starters[toks[i].word] && lex.isVerb(toks, from, i)
}

// isVerb decides whether the starter at toks[i] is a verb here, and no noun.
func (lex *lexicon) isVerb(toks []token, from, i int) bool {
	w := toks[i].word
	next := token{}
	if i+1 < len(toks) {
		next = toks[i+1]
	}
	switch w {
	case "train", "test", "run", "score", "label", "plot", "set", "list", "tag", "split", "drop", "end":
		namesRun := w == "run" && isRunID(next.word) && (i+2 >= len(toks) || isJoint(toks[i+2]) || toks[i+2].kind == tPunct)
		return !namesRun && lex.takesObject(toks, from-2, next) // "…, run brisk-otter" names a run
	}
	return true
}

// takesObject decides whether a word that may be a noun is a verb here: what
// follows has to look like its object.
func (lex *lexicon) takesObject(toks []token, before int, next token) bool {
	if next.kind == tNumber || next.kind == tQuoted || next.kind == tPath || isDeterminer(next.word) || lex.models[next.word] != "" || isRunID(next.word) {
		return true
	}
	switch next.word {
	case "it", "them", "that", "this", "these", "those", "all", "both", "each", "every", "another", "with", "for", "what", "which", "whatever", "how":
		return true
	case "on", "evaluation", "training", "job", "jobs", "logs":
		return before < 0 || !isSplitWord(toks[before].word)
	case "latest", "last", "best", "worst", "runs":
		return true
	}
	return next.word != "" && next.kind == tWord && !lex.known(next)
}

// isVerbForm recognises "training", "evaluating", "deleting" after a
// preposition.
func isVerbForm(t token) bool {
	if t.kind != tWord {
		return false
	}
	switch t.stem {
	case "train", "evaluate", "delete", "remove", "cancel", "resume", "compare", "import", "split", "validate", "create", "make", "tag", "stop", "generate", "run", "launch":
		return t.word != t.stem && t.word != "runs"
	}
	return false
}
