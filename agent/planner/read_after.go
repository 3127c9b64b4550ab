package planner

import (
	"slices"
	"strings"
)

// lastTool is the tool of the step before, or "".
func (r *reader) lastTool() string {
	if len(r.last) == 0 {
		return ""
	}
	return r.out.Steps[r.last[0]].Tool
}

// bounds reads how long the training before shall last: "stop it after 2000
// steps", "end at epoch 30", "it should see the data 50 times".
func (r *reader) bounds(items []item) bool {
	if r.lastTool() == "sweep_launch" && len(items) > 1 && items[0].anyWord("rank", "sort", "order", "judge", "select") && !hasNamedRun(items) {
		return r.amend(r.last, items)
	}
	if r.lastTool() == "train_launch" && hasNamedRun(items) && r.startsFrom(items) {
		return r.amend(r.last, items)
	}
	if r.lastTool() != "train_launch" || len(items) == 0 || hasNamedRun(items) {
		return false
	}
	if _, ok := passes(items); ok {
		return r.amend(r.last, items)
	}
	if _, ok := noGain(items); ok {
		return r.amend(r.last, items)
	}
	if r.startsFrom(items) {
		return r.amend(r.last, items)
	}
	lead := items[0].anyWord("stop", "end", "halt", "quit", "cap", "limit", "abort", "cut", "terminate", "give", "keep")
	unit := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("step", "iteration", "epoch", "update", "validation", "patience", "check")
	})
	counts := slices.ContainsFunc(items, func(it item) bool { return it.is(cNumber) })
	return lead && unit && counts && r.amend(r.last, items)
}

// startsFrom tells whether a clause says what weights the training before begins
// with, which file describes it, or that its sizes are planned.
func (r *reader) startsFrom(items []item) bool {
	_, model := first(items, cModel)
	_, data := first(items, cDataset)
	if model || data || slices.ContainsFunc(items[:1], func(it item) bool {
		return it.anyWord("export", "save", "write", "store", "dump", "predict", "segment", "evaluate", "resume", "delete", "compare", "show", "convert", "import", "serve", "what", "which", "where", "how")
	}) {
		return false
	}
	if slices.ContainsFunc(items, func(it item) bool { return it.is(cPath) && isExperiment(it.tok.text) }) {
		return true
	}
	for _, find := range []func([]item) (value, bool){planSwitched, plansMemory, plansSizes} {
		if _, ok := find(items); ok {
			return true
		}
	}
	weights := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("weight", "checkpoint", "pretrained", "init_from", "initialise", "initialize", "bundle")
	})
	return weights && (startFile(items, true) >= 0 || startRun(items, false) >= 0)
}

// noGain reads "give up if nothing improves for 6 validations" and "stop after 5
// epochs without improvement" as a patience.
func noGain(items []item) (value, bool) {
	gain := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("improve", "improvement", "better", "bring", "gain", "plateau", "stall", "progress")
	})
	none := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("no", "not", "nothing", "without", "don't", "doesn't", "stop", "plateau", "stall", "never")
	})
	if !gain || !none {
		return value{}, false
	}
	units := []string{"validation", "epoch", "check", "evaluation", "round", "time"}
	return number(items, slot{param: "patience", whole: true, leads: nil, units: units})
}

// passes finds the number in "see the data 50 times" and "go over it 20 times".
func passes(items []item) (value, bool) {
	sees := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("see", "go", "pass", "loop", "iterate", "through", "over")
	})
	for i := 0; i+1 < len(items); i++ {
		if sees && items[i].is(cNumber) && items[i+1].anyWord("time", "times") {
			return value{v: int64(items[i].tok.num), from: i, to: i + 2, rule: "as many times over the data"}, items[i].tok.num >= 1 && !items[i].used
		}
	}
	return value{}, false
}

func hasNamedRun(items []item) bool {
	return slices.ContainsFunc(items, func(it item) bool { return it.is(cRun) || it.is(cRuns) })
}

// chooses reads a few words that only choose how the step before is done: "ks
// test", "majority vote please", "random search".
func (r *reader) chooses(items []item) bool {
	if len(r.last) != 1 || len(items) > 4 || slices.ContainsFunc(items, func(it item) bool { return it.mention != nil || it.is(cPath) }) {
		return false
	}
	s := &r.out.Steps[r.last[0]]
	for _, p := range []string{"method", "strategy"} {
		arg, ok := r.cat.tools[s.Tool].params[p]
		if !ok || has(s.Args, p) {
			continue
		}
		if v, found := enumValue(items, p, arg.choices()); found {
			d := &draft{tool: s.Tool, args: s.Args}
			r.set(d, p, v, items)
			return true
		}
	}
	return false
}

// renames reads what the data imported before are to be called and how they are
// laid out: "register it under leuven", "it has the decathlon structure".
func (r *reader) renames(items []item) bool {
	if r.lastTool() != "dataset_import" || len(items) > 9 || hasNamedRun(items) {
		return false
	}
	if slices.ContainsFunc(items, func(it item) bool { return it.is(cPath) }) {
		return false
	}
	s := &r.out.Steps[r.last[0]]
	d := &draft{tool: s.Tool, args: s.Args}
	for i := range items {
		if isLayoutNoun(items[i]) {
			for _, it := range items {
				if v, ok := layoutOf(it); ok {
					r.set(d, "layout", value{v: v, from: i, to: i + 1, rule: "layout"}, items)
					return true
				}
			}
		}
	}
	if !items[0].anyWord("register", "add", "import", "call", "name", "bring", "bring_in", "pull", "take", "load", "put", "catalogue", "enter", "list", "save", "store") || !slices.ContainsFunc(items, func(it item) bool { return it.is(cRef) }) {
		return false
	}
	for i := 1; i < len(items); i++ {
		name := nameOf(items[i])
		if (items[i-1].anyWord("under", "as") || items[i].is(cName)) && name != "" && (items[i].mention == nil || items[i].is(cDataset) || items[i].is(cName)) {
			r.forget(s.Args["name"])
			r.set(d, "name", value{v: name, from: i, to: i + 1, rule: "name after as"}, items)
			r.made(*s)
			return true
		}
	}
	return false
}

// forget drops a dataset's name that was only assumed.
func (r *reader) forget(name any) {
	if s, ok := name.(string); ok {
		delete(r.makers, s)
	}
}

// isLayoutNoun tells whether an item is a word for how a folder is laid out.
func isLayoutNoun(it item) bool {
	return it.anyWord("layout", "structure", "format", "organisation", "convention", "style", "structured", "organised")
}

// layoutOf is the layout that an item names.
func layoutOf(it item) (string, bool) {
	switch strings.ToLower(nameOf(it)) {
	case "minivess":
		return "minivess", true
	case "decathlon", "msd":
		return "decathlon", true
	case "pairs", "pair", "paired":
		return "pairs", true
	}
	return "", false
}

// urges tells whether a clause only says to begin with what was just asked for:
// "…, 35 epochs, start", "go".
func (r *reader) urges(items []item) bool {
	if len(r.last) == 0 || len(items) > 5 || !items[0].anyWord("start", "go", "begin", "launch", "run", "train", "fit", "do") {
		return false
	}
	if items[0].anyWord("train", "fit") && r.lastTool() != "train_launch" {
		return false
	}
	return !slices.ContainsFunc(items[1:], func(it item) bool {
		return !it.is(cRef) && !it.anyWord("now", "please", "pls", "it", "them", "!", "the", "training", "trainings", "run", "runs", "job", "jobs", "all", "away", "ahead", "off", "this", "that", "asap", "today", "tonight", "overnight", ",")
	})
}

// background tells whether a clause only says why something is asked: "I forgot
// what I imported last month", when a request follows it.
func (r *reader) background(c clause) bool {
	if !r.followed || len(c.toks) < 3 {
		return false
	}
	if asksToKnow(c.toks) {
		return true
	}
	switch c.toks[0].stem {
	case "forgot", "forget", "forgotten", "lost", "wonder", "remember", "unsure":
		return true
	}
	return false
}

// asksToKnow recognises "do you know how to …", which what follows answers.
func asksToKnow(toks []token) bool {
	for i := 0; i+1 < len(toks) && i < 4; i++ {
		if toks[i].word == "know" && (toks[i+1].word == "how" || toks[i+1].word == "whether") {
			return true
		}
	}
	return false
}
