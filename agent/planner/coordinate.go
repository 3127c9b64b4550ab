package planner

import "slices"

// apart is the score that different tools must have on both sides of an "and" for
// the clause to be cut there.
const apart = 8

// maxShown is how many words a clause may have that is looked at for this: who
// asks for two lists at once is brief.
const maxShown = 24

// coordinated cuts a clause that asks to be shown two kinds of things at the
// "and" between them: "show me the mouse_v2 details and also the list of
// networks".
func (r *reader) coordinated(cs []clause) []clause {
	for i := 0; i < len(cs); i++ {
		if !cs[i].plain() || cs[i].aside {
			continue
		}
		if a, b, ok := r.twoThings(cs[i].toks); ok {
			second := cs[i]
			cs[i].toks, second.toks = a, b
			cs = slices.Insert(cs, i+1, second)
			r.parted = true
		}
	}
	return cs
}

// twoThings finds the joint of a clause whose sides speak for different tools
// that only show something; the second side gets the verb of the first.
func (r *reader) twoThings(toks []token) (a, b []token, ok bool) {
	if len(toks) > maxShown {
		return nil, nil, false
	}
	verb := showing(toks)
	for i := verb + 1; i+1 < len(toks); i++ {
		if !isJoint(toks[i]) && toks[i].word != "plus" {
			continue
		}
		rest := skipJoints(toks[i:])
		if len(rest) == 0 {
			return nil, nil, false
		}
		left := r.shown(toks[:i])
		for _, right := range [][]token{slices.Concat(toks[:verb], rest), rest} {
			if tool := r.shown(right); left != "" && tool != "" && tool != left {
				return toks[:i], right, true
			}
		}
	}
	return nil, nil, false
}

// showing is how many words at the start of a clause only ask to be shown what
// follows.
func showing(toks []token) int {
	n := 0
	for n < len(toks) && toks[n].kind == tWord {
		switch toks[n].word {
		case "show", "list", "give", "tell", "see", "display", "get", "print", "want", "need", "me", "us", "to", "i", "please":
			n++
			continue
		}
		break
	}
	return n
}

// shown is the tool that only shows something for which words speak, or "".
func (r *reader) shown(toks []token) string {
	ranked := r.lex.score(r.lex.recognise(toks, r.known), nil)
	if len(ranked) == 0 || ranked[0].score < apart {
		return ""
	}
	switch ranked[0].intent {
	case intentModels:
		return "model_list"
	case "dataset_list", "dataset_show", "job_list", "job_status", "job_logs", "runs_list", "run_show", "metric_history", "model_list", "serve_status", "lineage_show":
		return ranked[0].intent
	}
	return ""
}
