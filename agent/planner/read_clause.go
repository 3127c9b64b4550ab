package planner

import (
	"fmt"
	"slices"
	"strings"
)

// clause plans one clause.
func (r *reader) clause(c clause) {
	if len(c.toks) == 0 {
		return // the clause before has taken its words
	}
	said := r.span(c.toks)
	r.heard++
	if r.mayLeaveOut(c) || r.mayStop(c) || r.unplanned(c, said) {
		return
	}
	items := r.lex.recognise(c.toks, r.known)
	r.point(items)
	alone := items
	r.prior = nil
	if r.waits = c.waits; c.follows {
		r.prior = slices.Clone(r.last)
	}
	if c.aside {
		if !r.ahead(c, alone, r.lex.score(alone, nil)) {
			r.told(alone, c.toks)
		}
		return
	}
	if c.repeats && r.likewise(alone, true) {
		return
	}
	items = r.with(items)
	if r.covered(c, alone) || r.lateName(items) || r.placed(items) {
		return
	}
	ranked := r.fitting(r.lex.score(items, nil), items)
	if r.settled(c, alone, items, ranked) {
		return
	}
	r.wish(c, alone, items, ranked, said)
}

// settled tells whether a clause is dealt with without a step of its own.
func (r *reader) settled(c clause, alone, items []item, ranked []scored) bool {
	return r.ahead(c, items, ranked) || r.vague(c, alone, ranked) || r.bounds(items) || r.chooses(items) || r.renames(items) || r.background(c) || r.urges(alone)
}

// wish plans what a clause asks for.
func (r *reader) wish(c clause, alone, items []item, ranked []scored, said string) {
	if len(ranked) == 0 || ranked[0].score < threshold || ranked[0].intent == intentNothing || r.elsewhere(alone) {
		if !c.leads || !r.followed {
			r.fragment(alone, said) // before a colon it only says what the rest is about
		}
		r.spoken(alone)
		return
	}
	if ranked[0].intent == "runs_list" && listsJobs(c.toks, items) {
		ranked[0].intent = "job_list"
	}
	r.open = nil
	r.asking = len(c.toks) > 0 && r.lex.starters[c.toks[0].word]
	if ranked[0].intent == "run_tag" && r.tagsLaunch(alone) || !c.variant && r.continues(ranked[0].intent, alone) && r.amend(r.last, alone) {
		return
	}
	if c.variant {
		r.carry = r.carried
	}
	if c.mood == moodOrder && ranked[0].score >= plainOrder {
		r.ordered = append(r.ordered, ranked[0].intent)
	}
	done := len(r.out.Steps) + len(r.out.goals) + len(r.out.later)
	r.plan(items, ranked[0], ranked, said, c.toks...)
	r.after = nil
	if len(r.out.Steps)+len(r.out.goals)+len(r.out.later) == done {
		r.spoken(alone)
	}
}

// listsJobs tells whether what is to be listed are jobs, limited by nothing that
// a list of jobs is not limited by.
func listsJobs(toks []token, items []item) bool {
	says := func(words ...string) bool {
		return slices.ContainsFunc(toks, func(t token) bool { return slices.Contains(words, t.word) })
	}
	limited := slices.ContainsFunc(items, func(it item) bool {
		return it.is(cModel) || it.is(cDataset) || it.is(cTag) || it.is(cSince) || it.is(cMetric) || it.is(cNumber)
	})
	return says("job", "jobs") && !says("run", "runs", "training", "trainings", "experiments", "models") && !limited
}

// unplanned handles clauses that say what not to do, ask for advice, or hang on
// a condition.
func (r *reader) unplanned(c clause, said string) bool {
	nothing := len(c.toks) == 2 && c.toks[1].word == "nothing" || len(c.toks) == 3 && c.toks[1].word == "nothing" && c.toks[2].word == "else"
	switch {
	case nothing && slices.Contains(destructive(), c.toks[0].stem):
		r.note("As you said, nothing is to be done: " + clean(said) + ".")
		return true
	case c.negated && r.keeps(c):
		return true
	case c.negated:
		items := r.lex.recognise(c.toks, r.known)
		if i, ok := first(items, cRun); ok && len(r.group) == 0 {
			r.group = []string{items[i].mention.text} // "don't stop x, only show it"
		}
		if len(c.toks) > 0 {
			r.note(fmt.Sprintf("As you said, I do not %s.", clean(said)))
		}
		return true
	case c.advice:
		r.note(fmt.Sprintf("Whether to %s is yours to decide; say so and I plan it.", clean(said)))
		return true
	case c.condition:
		r.given, r.condition = said, c.toks
		return true
	case c.conditional:
		return r.hangsOn(c, said)
	}
	return false
}

// fragment handles words that ask for nothing by themselves: they may amend
// the step before ("use batch size 2"), or define a bare term.
func (r *reader) fragment(items []item, said string) {
	if r.likewise(items, false) || len(r.last) > 0 && r.amend(r.last, items) {
		return
	}
	if i, ok := first(items, cDataset); ok && len(items) <= 3 {
		r.dataset = items[i].mention.text
		return
	}
	if e, ok := r.define(items); ok && len(items) <= 2 && !items[0].is(cNumber) && len(r.out.Steps) == 0 {
		r.chat = strings.TrimSpace(r.chat + " " + e.text)
		return
	}
	if m, ok := first(items, cModel); ok && r.cat.has("train_launch") && (len(r.out.Steps) == 0 || r.onMade(items)) {
		_, onData := first(items, cDataset)
		if onData = onData || r.onMade(items); onData {
			r.note(fmt.Sprintf("I read this as: train %s.", items[m].mention.text))
			r.tool(scored{intent: "train_launch", score: threshold}, items)
			return
		}
	}
	if hasContent(r.lex, items) {
		r.skipped = append(r.skipped, clean(said))
	}
}
