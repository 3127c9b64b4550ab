package planner

import "slices"

// listed gives each thing that one verb lists a clause of its own: "list the
// datasets and the runs", "which datasets and runs do I have?".
func (lex *lexicon) listed(cs []clause) []clause {
	var out []clause
	for _, c := range cs {
		parts := [][]token(nil)
		if !c.negated && !c.advice && !c.condition && !c.conditional {
			parts = lex.listedThings(c.toks)
		}
		if len(parts) < 2 {
			out = append(out, c)
			continue
		}
		for _, p := range parts {
			out = append(out, clause{toks: p})
		}
	}
	return out
}

// listedThings cuts the words of such a clause, each part with the verb before
// it; questions also keep what follows the last thing.
func (lex *lexicon) listedThings(toks []token) [][]token {
	lead := listVerb(toks)
	if lead == 0 {
		return nil
	}
	var things [][]token
	from := lead
	for i := lead; i <= len(toks); i++ {
		if i < len(toks) && !isJoint(toks[i]) {
			continue
		}
		if i > from {
			things = append(things, toks[from:i])
		}
		from = i + 1
	}
	if len(things) < 2 || slices.ContainsFunc(things, func(t []token) bool { return listNoun(t) < 0 }) {
		return nil
	}
	var tail []token
	last := things[len(things)-1]
	if shared := slices.ContainsFunc(last, func(t token) bool { return t.word == "of" || t.word == "for" || t.word == "from" }) && !slices.ContainsFunc(slices.Concat(things[:len(things)-1]...), func(t token) bool { return t.word == "of" || isRunID(t.word) }); shared || toks[0].word == "what" || toks[0].word == "which" {
		tail = last[listNoun(last)+1:]
		things[len(things)-1] = last[:listNoun(last)+1]
	}
	var out [][]token
	for _, t := range things {
		out = append(out, slices.Concat(toks[:lead], t, tail))
	}
	return out
}

// listVerb is how many words a request for a list begins with, or 0.
func listVerb(toks []token) int {
	n := 1
	if len(toks) == 0 {
		return 0
	}
	switch toks[0].word {
	case "list", "show", "display", "print", "give", "view", "see", "get":
		for n < len(toks) && (toks[n].word == "me" || toks[n].word == "us") {
			n++
		}
		return n
	case "what", "which":
		return n
	}
	return 0
}

// listNoun is the place of the first noun that a tool lists, or -1.
func listNoun(toks []token) int {
	return slices.IndexFunc(toks, func(t token) bool {
		if t.kind != tWord {
			return false
		}
		switch t.word {
		case "dataset", "datasets", "runs", "jobs", "models", "networks", "architectures", "experiments", "trainings", "logs", "log", "loss", "curve", "config", "configuration", "settings", "status", "progress":
			return true
		}
		return false
	})
}
