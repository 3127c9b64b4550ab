package planner

import (
	"slices"
	"strings"
)

// quantity is what a question for numbers measures.
type quantity string

// The quantities.
const (
	ofNothing quantity = ""
	ofScore   quantity = "score"    // metrics of evaluations
	ofSeconds quantity = "seconds"  // time at work
	ofStep    quantity = "step"     // steps done
	ofEpoch   quantity = "epoch"    // epochs done
	ofTries   quantity = "attempts" // how often a run was started
	ofBytes   quantity = "bytes"    // size of files
	ofSetting quantity = "setting"  // values of settings
	ofCount   quantity = "count"    // how many there are
)

// inquiry is a question for numbers, taken apart: what is measured, what is
// made of the values, which values count, and into which groups they go. Which
// runs are meant stands in the goal that it belongs to.
type inquiry struct {
	of      quantity
	names   []string // the metrics or settings that are measured
	stats   []string // avg, median, stddev, variance, sum, min, max; none for the values themselves
	counts  bool     // how many values there are is asked for
	share   bool     // which share of the values meets the bounds
	judged  bool     // evaluations, not trainings, are counted
	gap     bool     // how far two runs are apart, volume by volume
	cases   bool     // volumes, not runs, are spoken of
	runs    int      // how many runs are named
	rivals  bool     // runs are set against each other
	several bool     // runs in general are spoken of
	tried   bool     // which values of a setting were used
	volumes []string // the volumes that are named
	models  []string // the networks, where several are named
	limits  []limit  // what values must meet
	groups  []string // columns of runs, "volume", "day", or settings
	order   string   // asc or desc, if said
}

// limit is what a value must meet: "dice below 0.7", "batch size at least 4",
// "trained with sgd".
type limit struct {
	of    quantity
	name  string // the metric or setting
	op    string // =, <, <=, >, >=
	value any    // a number or a text
}

// particular tells whether a question is put together of more than the
// planner's ready answers hold.
func (q inquiry) particular() bool {
	switch {
	case q.gap, q.share, q.of == ofBytes:
		return true
	case q.runs > 1 && q.rivals:
		return false
	}
	switch q.of {
	case ofScore:
		if q.particularScores() {
			return true
		}
	case ofSeconds, ofStep, ofEpoch, ofTries:
		return q.aggregated() || len(q.groups) > 0 && len(q.stats) > 0 || q.several && q.ranged()
	case ofSetting:
		return q.particularSettings()
	case ofNothing, ofCount, ofBytes:
	}
	if q.counts {
		return len(q.groups) > 0 || len(q.limits) > 0
	}
	return q.several && (q.limited() && !q.cases || q.ranged())
}

// particularSettings tells whether settings of more than one run are asked for.
func (q inquiry) particularSettings() bool {
	if q.several && (q.limited() || len(q.stats) > 0) {
		return true
	}
	return q.runs == 0 && (q.tried && len(q.limits) == 0 || len(q.groups) > 0)
}

// particularScores tells whether scores of single volumes, of several runs or
// metrics, or of groups are asked for.
func (q inquiry) particularScores() bool {
	switch {
	case len(q.volumes) > 0:
		return true
	case q.cases && (len(q.limits) > 0 || q.counts && q.runs > 0):
		return true
	case len(q.groups) > 0 && (len(q.stats) > 0 || !slices.Equal(q.groups, []string{"volume"})):
		return true
	case q.aggregated():
		return len(q.names) > 1 || len(q.models) > 1 || q.limited() || q.runs != 1
	}
	return q.counts && len(q.limits) > 0 || q.several && q.limited()
}

// aggregated tells whether one number is made of the values, other than the
// best or worst of them.
func (q inquiry) aggregated() bool {
	return slices.ContainsFunc(q.stats, func(s string) bool { return s != "max" && s != "min" })
}

// overall tells whether nothing narrows down what values count.
func (q inquiry) overall() bool {
	return q.runs == 0 && len(q.groups)+len(q.volumes)+len(q.limits)+len(q.models) == 0
}

// ranged tells whether runs are limited by how long they took or how far they
// got.
func (q inquiry) ranged() bool {
	return slices.ContainsFunc(q.limits, func(l limit) bool { return l.of == ofSeconds || l.of == ofStep || l.of == ofEpoch })
}

// limited tells whether a setting must have a value.
func (q inquiry) limited() bool {
	return slices.ContainsFunc(q.limits, func(l limit) bool { return l.of == ofSetting })
}

// inquire takes a question apart; false means that one of the ready answers
// serves it.
func (lex *lexicon) inquire(items []item) (inquiry, bool) {
	p := parse{items: items, taken: make([]bool, len(items)), q: inquiry{several: ofSeveral(items)}}
	p.grouped()
	p.bounded()
	p.chosen()
	p.measured()
	p.counted()
	p.made()
	p.which()
	p.ordered()
	if q := &p.q; q.of == ofNothing && q.limited() && !q.counts && !q.share && len(q.stats) == 0 {
		q.of = ofSetting // the values are shown beside the runs
		for _, l := range q.limits {
			if l.of == ofSetting {
				q.names = appendNew(q.names, l.name)
			}
		}
	}
	return p.q, p.q.particular()
}

// inquireOf makes a goal of an inquiry, limited to the runs that are meant.
func (r *reader) inquireOf(g *goal, q inquiry, items []item) {
	g.kind, g.inquiry = goalTable, &q
	askState(g, items)
	if len(q.models) > 1 {
		g.model = ""
	}
	if q.share && len(q.names) == 0 && g.state != "" {
		q.limits = append(q.limits, limit{ofNothing, "state", "=", g.state})
		g.state = ""
	}
	if slices.Contains(q.groups, "state") {
		g.state = ""
	}
	if slices.Contains(q.volumes, g.dataset) {
		g.dataset = ""
	}
	r.runsAsked(g, items)
	if q.aggregated() && q.of == ofScore && g.model+g.dataset+g.tag == "" && g.count == 0 && q.overall() {
		q.groups = []string{"model"} // a mean over everything says little
	}
}

// runsAsked takes the runs that an inquiry names or refers to.
func (r *reader) runsAsked(g *goal, items []item) {
	marks := make([]bool, len(items))
	for i := range items {
		marks[i] = items[i].used
		if (items[i].is(cRun) || items[i].is(cRuns)) && generic(items, i) {
			g.model = orElse(g.model, items[i].mention.model)
			items[i].used = true
		}
	}
	_, named := first(items, cRun)
	known := len(r.group)+len(r.trained)+len(r.mem.runs) > 0 || g.model+g.dataset == "" && len(g.inquiry.groups) == 0
	if _, refers := first(items, cRef); named || refers && known {
		g.runs = r.runsMeant(items)
	}
	for i := range items {
		items[i].used = marks[i]
	}
}

// generic tells whether a mention of a run means any of its kind: "a segresnet
// training", "every swinunetr run".
func generic(items []item, i int) bool {
	if items[i].is(cRuns) {
		return true
	}
	switch items[i].tok.word {
	case "a", "an", "any", "every", "each", "per":
		return true
	}
	return i > 0 && items[i-1].anyWord("per", "a", "an", "any", "every", "each")
}

// asks tells whether a clause asks for something rather than has something
// done: a question or a word for showing comes before any other verb, or it is
// the name of a number.
func (lex *lexicon) asks(items []item, q inquiry) bool {
	if !q.measures() {
		return q.of == ofSetting && len(q.groups) > 0 && !slices.ContainsFunc(items, func(it item) bool { return it.is(cNumber) })
	}
	for i, it := range items {
		w := it.word()
		switch {
		case w == "":
		case isAsking(w):
			return true
		case i == 0 && (w == "run" || w == "test" || w == "score" || w == "label" || w == "split" || w == "set"):
			return false
		case lex.starters[w] && !isAuxiliary(w) && w != "compare" && (i == 0 || !items[i-1].anyWord("per", "by", "each", "every", "of", "the", "a")):
			return false
		}
	}
	return true
}

// ofSeveral tells whether a clause speaks of runs in general, not of one to be
// made.
func ofSeveral(items []item) bool {
	return slices.ContainsFunc(items, func(it item) bool {
		return it.is(cRuns) || it.mention == nil && (it.tok.word == "runs" || it.tok.word == "trainings" || it.tok.word == "experiments" || it.tok.word == "models" || it.tok.word == "often" || it.tok.word == "used" || it.tok.word == "tried" || it.tok.word == "times")
	})
}

// measures tells whether anything is measured, counted, compared or listed that
// nobody says when something is to be done.
func (q inquiry) measures() bool {
	switch {
	case q.share, q.gap, q.counts, q.several, q.tried, q.of == ofScore, q.of == ofBytes:
		return true
	case q.aggregated() && q.of != ofSetting && q.of != ofNothing:
		return true
	}
	return q.runs > 1 && q.rivals || len(q.groups) > 0 && len(q.stats) > 0
}

// plainList tells whether nothing is measured or made of values.
func (q inquiry) plainList() bool {
	return q.runs == 0 && !q.counts && !q.share && !q.aggregated() && q.of == ofNothing && len(q.limits) == 0
}

// listsRuns tells whether runs in general, limited by something, are what a
// clause is about.
func listsRuns(items []item) bool {
	if slices.ContainsFunc(items, func(it item) bool { return it.tok.word == "job" || it.tok.word == "jobs" }) {
		return false // which are listed by a tool of their own
	}
	_, limited := first(items, cTag)
	for _, c := range []class{cModel, cDataset, cSince, cState} {
		_, ok := first(items, c)
		limited = limited || ok
	}
	at := slices.IndexFunc(items, func(it item) bool {
		plural := it.mention == nil && (it.tok.word == "runs" || it.tok.word == "trainings" || it.tok.word == "experiments")
		return limited && plural || it.is(cRuns) && it.mention.count == 0 && (limited || it.mention.text+it.mention.model+it.mention.state+it.mention.on != "")
	})
	return at >= 0 && (at < 3 || slices.ContainsFunc(items[:at], func(it item) bool { return isAsking(it.word()) || it.anyWord("look", "want", "need", "interest") }))
}

// isAsking lists the words that ask for a number or a list.
func isAsking(w string) bool {
	if strings.HasPrefix(w, "how_") {
		return true
	}
	switch w {
	case "which", "what", "how", "who", "whose", "where", "when", "did", "do", "does", "has", "have", "show", "list", "give", "tell",
		"say", "report", "print", "display", "count", "tally", "find", "fetch", "get", "see", "know", "calculate", "compute", "sum", "average", "mean", "median", "total",
		"number", "fraction", "share", "percentage", "proportion", "any", "is", "are", "stddev", "highest", "lowest", "dice":
		return true
	}
	return false
}
