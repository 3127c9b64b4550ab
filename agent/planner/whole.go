package planner

import (
	"reflect"
	"slices"
	"strings"
)

// How sure the words of a message as a whole must be of one intent for it to be
// read as that one wish: by what reading it clause by clause came to.
const (
	overSteps     = 0.8  // steps of another tool, or more than one step
	overQuestions = 0.5  // questions only
	overNothing   = 0.2  // nothing at all
	several       = 0.01 // and how likely more than one wish may be, at most
	ahead         = 1.5  // and how far ahead of the next intent it must be
)

// intentSeveral stands for messages with more than one wish among the sentences
// by which words are weighed.
const intentSeveral = "?several"

// readBest reads a message clause by clause. Where its words as a whole leave no
// doubt that one thing is wished, and the clauses came to something else (a
// reason that was taken for a wish, a setting that stood by itself), it is read
// once more as that one wish.
func (s session) readBest(text string, mem memory, fills map[string]any) (reading, *reader) {
	r := s.reader(text, mem, fills)
	parts := r.read()
	wish, ok := r.oneWish(parts.doubt())
	if !ok || r.parted || r.ordersMore(wish) || !parts.strays(wish) {
		return parts, r
	}
	w := s.reader(text, mem, fills)
	if parts.empty && w.guesses() {
		return parts, r
	}
	whole := w.readWhole(wish)
	if !whole.better(parts, wish) {
		return parts, r
	}
	return whole, w
}

// guesses tells whether a message names nothing of this workspace and speaks of
// nothing that was spoken of before: "will it rain?", "draft a letter".
func (r *reader) guesses() bool {
	if len(r.mem.calls)+len(r.mem.runs) > 0 {
		return false
	}
	return !slices.ContainsFunc(r.lex.recognise(r.lex.merge(r.tokens()), r.known), func(it item) bool {
		return it.mention != nil && !it.is(cRef) && !it.is(cSince) || it.is(cPath) || it.is(cNumber) || it.mention == nil && (isRunNoun(it.tok.word) || it.anyWord("dataset", "data", "network", "server", "audit", "volume", "log", "weight"))
	})
}

// plainOrder is the score from which on a clause orders its tool beyond doubt.
const plainOrder = 9

// ordersMore tells whether clauses plainly order a tool and another one beside
// it: "calibrate the latest run and host it as a service".
func (r *reader) ordersMore(wish string) bool {
	return slices.Contains(r.ordered, wish) && slices.ContainsFunc(r.ordered, func(tool string) bool { return tool != wish })
}

// doubt is how sure another reading must be to stand in for this one.
func (a reading) doubt() float64 {
	switch {
	case len(a.Steps) > 0:
		return overSteps
	case len(a.Questions) > 0:
		return overQuestions
	case a.empty:
		return overNothing
	}
	return 1
}

// oneWish is the tool that the words of the whole message speak for, if they are
// sure enough of it.
func (r *reader) oneWish(sure float64) (string, bool) {
	toks := r.tokens()
	if slices.ContainsFunc(toks, inSequence) {
		return "", false
	}
	for i := range toks {
		if i > 0 && isJoint(toks[i]) && ownPart(toks[:i], toks[i+1:]) {
			return "", false
		}
	}
	items := r.lex.recognise(r.lex.merge(toks), r.known)
	beliefs := r.lex.evidence().beliefs(items)
	if len(beliefs) == 0 || beliefs[0].share < sure || !r.cat.knows(beliefs[0].intent) || endsThings(beliefs[0].intent) || !r.hasPlace(beliefs[0].intent, items) {
		return "", false
	}
	if len(beliefs) > 1 && beliefs[0].share < ahead*beliefs[1].share {
		return "", false
	}
	more := slices.ContainsFunc(beliefs, func(b belief) bool { return b.intent == intentSeveral && b.share > several })
	return beliefs[0].intent, !more
}

// inSequence lists the words that put one wish after another, or hang one on a
// condition.
func inSequence(t token) bool {
	switch t.word {
	case "then", "after", "afterwards", "afterward", "before", "once", "when", "if", "unless", "don't", "never", "without", "finally", "lastly", "instead", "instead_of", "besides", "moreover", "additionally":
		return t.kind == tWord
	}
	return false
}

// strays tells whether a reading holds anything but one step of a tool.
func (a reading) strays(tool string) bool {
	if len(a.Questions) > 0 || len(a.Steps) == 0 {
		return true
	}
	if slices.ContainsFunc(a.Steps, func(s Step) bool { return s.Tool != tool }) || len(a.goals) > 1 {
		return true
	}
	return len(a.Steps) > 1
}

// better tells whether a reading as one wish is to be taken instead of one by
// clauses: it has to be that wish, and lose nothing that was named.
func (a reading) better(parts reading, tool string) bool {
	if len(a.Steps) == 0 || slices.ContainsFunc(a.Steps, func(s Step) bool { return s.Tool != tool }) {
		return len(a.Questions) > 0 && len(parts.Questions) > 0 && len(parts.Steps) == 0 && len(a.Questions) <= len(parts.Questions)
	}
	if parts.lists() > 1 {
		return false // "which datasets there are, and also which networks"
	}
	for _, s := range parts.Steps {
		if s.Tool == tool && !slices.ContainsFunc(a.Steps, func(own Step) bool { return covers(own.Args, s.Args) }) {
			return false
		}
	}
	return true
}

// lists counts the different lists that a reading shows.
func (a reading) lists() int {
	shown := map[string]bool{}
	for _, s := range a.Steps {
		switch s.Tool {
		case "dataset_list", "model_list", "job_list", "runs_list", "serve_status":
			shown[s.Tool] = true
		}
	}
	return len(shown)
}

// covers tells whether arguments have every one that another step has; a run
// that was only assumed, or spoken of as "it", need not be there.
func covers(own, other map[string]any) bool {
	for k, v := range other {
		run, _ := v.(string)
		if k == "run" && (run == "latest" || strings.HasPrefix(run, "@")) {
			continue
		}
		if have, ok := own[k]; !ok || !reflect.DeepEqual(have, v) {
			return false
		}
	}
	return true
}

// readWhole reads a message as one wish for a tool.
func (r *reader) readWhole(tool string) reading {
	r.judged, r.makers = map[string]string{}, map[string]string{}
	toks := slices.DeleteFunc(r.lex.trimLead(r.lex.merge(r.tokens())), func(t token) bool {
		return isStop(t) && t.word != ":"
	})
	if len(toks) == 0 {
		return r.finish()
	}
	items := r.lex.recognise(toks, r.known)
	r.point(items)
	r.heard++
	r.why("", tool, "", "", items, []hit{{pattern: "the words of the whole message", from: 0, to: len(items)}})
	r.tool(scored{intent: tool, score: threshold}, items)
	r.tooMany()
	return r.finish()
}

// tokens cuts the message into words, mended.
func (r *reader) tokens() []token {
	toks := r.lex.unslash(tokenise(r.text), r.known.Datasets)
	r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
	return joinTriples(joinNumbers(r.lex.plainly(toks)))
}

// noPlace is what a tool's score loses where a run is named and a dataset beside
// it, for which the tool has no argument.
const noPlace = 5

// fitting ranks intents anew by whether what is named has a place in the tool's
// schema: "continue from brisk-otter-7f3a on cortex" is no job_resume.
func (r *reader) fitting(ranked []scored, items []item) []scored {
	for i := range ranked {
		if !r.hasPlace(ranked[i].intent, items) {
			ranked[i].score -= noPlace
		}
	}
	sortScored(ranked)
	return ranked
}

// hasPlace tells whether a tool can take a dataset, where one is named beside a
// run: only then is the dataset no limit on which run is meant.
func (r *reader) hasPlace(tool string, items []item) bool {
	if _, network := first(items, cModel); network && tool == "dataset_split" && foldNumber(items) {
		return false // one fold is what a training leaves out
	}
	info, ok := r.cat.tools[tool]
	if _, takes := info.params["dataset"]; !ok || takes || len(info.params) == 0 {
		return true
	}
	run := slices.ContainsFunc(items, func(it item) bool { return it.is(cRun) && isRunID(it.mention.text) })
	return !run || !slices.ContainsFunc(items, func(it item) bool {
		return it.is(cDataset) && (len(r.known.Datasets) == 0 || containsFold(r.known.Datasets, it.mention.text))
	})
}
