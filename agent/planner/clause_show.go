package planner

import "slices"

// showsThem joins a list that is only named with the wish to see it: "all failed
// runs, please show them" is "show all failed runs". It is nil for all else.
func showsThem(named, wish clause) []token {
	n := len(wish.toks)
	if n < 2 || n > 5 || !named.plain() || !wish.plain() || len(named.toks) < 2 {
		return nil
	}
	last := wish.toks[n-1].word
	sees := slices.ContainsFunc(wish.toks[:n-1], func(t token) bool {
		switch t.word {
		case "show", "list", "see", "display", "print":
			return true
		}
		return false
	})
	if !sees || last != "them" && last != "those" && last != "these" {
		return nil
	}
	switch first := named.toks[0].word; {
	case isDeterminer(first), isQuantifier(first), isListNoun(first):
	default:
		return nil
	}
	if at := slices.IndexFunc(named.toks, func(t token) bool { return isListNoun(t.word) }); at < 0 || at > 4 {
		return nil
	}
	show := wordToken("show", named.toks[0].start, named.toks[0].start)
	return slices.Concat([]token{show}, named.toks)
}

// isListNoun lists what there are lists of.
func isListNoun(w string) bool {
	switch w {
	case "runs", "jobs", "trainings", "experiments", "datasets", "networks", "models":
		return true
	}
	return false
}

// groupFirst is what an answer is grouped by, where that stands before the
// question: "per dataset, how many runs?".
func groupFirst(first, question clause) []token {
	group := afterTellMe(first.toks)
	if len(group) < 2 || len(group) > 4 || !first.plain() || !question.plain() || !groupsBy(group) {
		return nil
	}
	return group
}

// afterTellMe drops "tell me" and the like before what the answer is grouped by:
// "tell me, for each network, how long …".
func afterTellMe(toks []token) []token {
	if len(toks) > 3 && (toks[0].word == "tell" || toks[0].word == "show" || toks[0].word == "give" || toks[0].word == "say") && (toks[1].word == "me" || toks[1].word == "us") {
		return skipJoints(toks[2:])
	}
	return toks
}

// ownPart tells whether a joint leads to another thing to be shown of a run:
// "the settings of brisk-otter and its loss curve".
func ownPart(before, rest []token) bool {
	if len(rest) < 2 || rest[0].word != "its" || !slices.ContainsFunc(before, func(t token) bool { return isRunID(t.word) || isRunNoun(t.word) }) {
		return false
	}
	shown := func(t token) bool {
		switch t.word {
		case "settings", "config", "configuration", "curve", "curves", "log", "logs", "progress", "status", "hyperparameters", "details":
			return true
		}
		return false
	}
	return slices.ContainsFunc(before, shown) && slices.ContainsFunc(rest[1:min(len(rest), 4)], shown)
}
