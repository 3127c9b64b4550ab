package planner

import "slices"

// present puts the verbs of a wish that is said in the past, "it would be great
// if you trained … and told me …", into the present.
func present(toks []token) []token {
	at := slices.IndexFunc(toks, func(t token) bool { return t.word == "if" })
	if at < 1 || at+2 >= len(toks) || toks[at+1].word != "you" && toks[at+1].word != "we" && toks[at+1].word != "somebody" && toks[at+1].word != "someone" {
		return toks
	}
	if !slices.ContainsFunc(toks[:at], func(t token) bool { return t.word == "would" || t.word == "be" || t.word == "grateful" }) {
		return toks
	}
	out := slices.Clone(toks)
	for i := at + 2; i < len(out) && !isStop(out[i]); i++ {
		if i > at+2 && !isJoint(out[i-1]) && out[i-1].word != "then" {
			continue
		}
		if w := presentOf(out[i]); w != "" {
			out[i].word, out[i].stem = w, stem(w)
		}
	}
	return out
}

// presentOf is the present of a verb in the past, or "".
func presentOf(t token) string {
	if t.kind != tWord {
		return ""
	}
	switch t.word {
	case "told":
		return "tell"
	case "made":
		return "make"
	case "gave":
		return "give"
	case "wrote":
		return "write"
	case "ran":
		return "run"
	case "sent":
		return "send"
	case "brought":
		return "bring"
	case "took":
		return "take"
	case "showed", "trained", "evaluated", "compared", "exported", "imported", "listed", "stopped", "started", "launched", "resumed", "checked", "created", "generated", "registered", "predicted", "segmented", "tagged", "fitted", "split":
		return t.stem
	}
	return ""
}
