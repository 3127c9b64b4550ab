package planner

import "slices"

// joinOne joins a request for "one" with the clause that says of what, as in "The
// journal asks for a model card. Write one for brisk-otter".
func joinOne(cs []clause) []clause {
	for i := 0; i+1 < len(cs); i++ {
		next := cs[i+1].toks
		if len(next) < 3 || next[1].word != "one" || !cs[i].plain() || !cs[i+1].plain() || isRunNoun(next[2].word) {
			continue
		}
		switch next[0].stem {
		case "write", "make", "create", "build", "produce", "give", "do", "generate", "prepare", "draft", "get":
			cs[i].toks, cs[i].aside = append(slices.Clone(cs[i].toks), next...), false
			cs = slices.Delete(cs, i+1, i+2)
		}
	}
	return cs
}

// joinTopic puts what is named first into the request that takes it up: "the jobs
// that failed, I need to see them".
func joinTopic(cs []clause) []clause {
	for i := 0; i+1 < len(cs); i++ {
		next := cs[i+1].toks
		if !cs[i].plain() || !cs[i+1].plain() || cs[i].mood != moodFragment || len(cs[i].toks) < 2 || len(next) < 2 || len(next) > 4 || next[1].word != "them" && next[1].word != "those" {
			continue
		}
		switch next[0].stem {
		case "show", "list", "see", "display", "print":
			cs[i].toks, cs[i].mood, cs[i].aside = slices.Concat(next[:1], cs[i].toks), moodOrder, false
			cs = slices.Delete(cs, i+1, i+2)
		}
	}
	return cs
}

// laterRun is the run that a later clause of the sentence names, and whether
// there is one: "how far is it? I mean brisk-otter".
func (r *reader) laterRun() (item, bool) { return r.later(cRun) }

// later is the first thing of a class that a later clause names.
func (r *reader) later(c class) (item, bool) {
	for _, next := range r.rest {
		items := r.lex.recognise(next.toks, r.known)
		if i, ok := first(items, c); ok && !next.negated {
			return items[i], true
		}
	}
	return item{}, false
}

// leads tells whether a clause names nothing that its tool could be about and
// asks for nothing, while a later one names it: "our partners use PyTorch, save
// them the weights of brisk-otter", "there is new data. It lies under /mnt/x". It
// only says why.
func (r *reader) leads(tool string, items []item) bool {
	if r.asking || len(r.group) > 0 || slices.ContainsFunc(items, func(it item) bool {
		return it.is(cRun) || it.is(cRuns) || it.is(cRef) || it.is(cModel) || it.is(cDataset) || it.is(cPath)
	}) {
		return false
	}
	for p, c := range map[string]class{"run": cRun, "path": cPath} {
		if slices.Contains(r.cat.tools[tool].required, p) {
			if _, ok := r.later(c); ok {
				return true
			}
		}
	}
	return false
}
