package planner

import (
	"fmt"
	"strings"
)

// paramSuspect is the pseudo argument that a question about a destructive
// typo asks for.
const paramSuspect = "?suspect"

// picked is a run that a step is about.
type picked struct {
	selector string
	lookup   *goal // set when rows must say which run it is
	val      value
	note     string
	guessed  bool // a reference to nothing that was spoken of
	vague    bool // by a pronoun only
}

// pick finds the runs that a clause is about: those named, those referred to,
// those of the plan so far, those spoken of before, or the latest.
func (r *reader) pick(items []item, list bool) []picked {
	var out []picked
	_, named := first(items, cRun)
	_, set := first(items, cRuns)
	several := len(all(items, cRun)) > 1
	for i := range items {
		if named && meanwhile(items, i) || several && items[i].is(cRef) && items[i].mention.plural {
			continue // "all three: a, b and c"
		}
		if items[i].used || set && items[i].is(cRef) && items[i].mention.text == "their" || named && items[i].is(cRef) && (items[i].mention.text == "its" || items[i].mention.text == "their" || items[i].mention.text == "the training" || !list && items[i].mention.text == "it") {
			continue
		}
		switch {
		case items[i].is(cRun):
			out = append(out, r.pickNamed(items, i))
		case items[i].is(cRuns):
			out = append(out, r.pickSet(items, i, list)...)
		case items[i].is(cRef):
			out = append(out, r.pickReference(items, i)...)
		}
	}
	return out
}

// meanwhile tells whether the reference at items[i] only says when: "… of
// brisk-otter during the training".
func meanwhile(items []item, i int) bool {
	return i > 0 && items[i].is(cRef) && items[i-1].anyWord("during", "throughout", "over", "through", "across")
}

// pickNamed turns a run mention into a selector.
func (r *reader) pickNamed(items []item, i int) picked {
	m := items[i].mention
	v := mentioned(items, i)
	items[i].used = true
	if strings.HasPrefix(m.text, "worst:") {
		return picked{lookup: &goal{kind: goalBest, metric: m.metric, model: m.model, low: true, count: 1}, val: v}
	}
	return picked{selector: m.text, val: v}
}

// pickSet turns "all failed runs" or "the last 5 runs" into a selector, where
// a list is wanted and one says it, or into a look-up.
func (r *reader) pickSet(items []item, i int, list bool) []picked {
	m := items[i].mention
	v := mentioned(items, i)
	items[i].used = true
	g := &goal{kind: goalRuns, model: m.model, dataset: m.on, state: m.state, count: m.count, metric: m.metric, low: strings.HasPrefix(m.text, "worst")}
	if d, ok := first(items, cDataset); ok {
		g.dataset = items[d].mention.text
		items[d].used = true
	}
	if tag, isTag := strings.CutPrefix(m.text, "all:tag="); isTag {
		g.tag = tag
	}
	if s, ok := g.selector(); list && ok {
		v.v = s
		return []picked{{selector: s, val: v}}
	}
	return []picked{{lookup: g, val: v}}
}

// selector writes a goal about a set of runs as a selector, if one can say it.
func (g *goal) selector() (string, bool) {
	if g.count > 0 || g.metric != "" {
		return "", false
	}
	var limits []string
	for _, l := range [][2]string{{"tag", g.tag}, {"model", g.model}, {"dataset", g.dataset}, {"state", g.state}} {
		if l[1] != "" {
			limits = append(limits, l[0]+"="+l[1])
		}
	}
	if len(limits) == 0 {
		return "all", true
	}
	return "all:" + strings.Join(limits, ","), true
}

// pickReference resolves "it", "them", "that run".
func (r *reader) pickReference(items []item, i int) []picked {
	m := items[i].mention
	v := mentioned(items, i)
	items[i].used = true
	runs := r.group
	if m.plural && len(r.trained) > len(runs) {
		runs = r.trained
	}
	if m.plural && len(r.acted) > len(runs) && len(r.trained) == 0 {
		runs = r.acted
	}
	if len(runs) == 0 {
		runs = r.mem.runs
		if m.plural {
			runs = r.mem.several()
		} else if len(runs) > 1 {
			runs = runs[:1]
		}
	}
	if strings.HasSuffix(m.text, "evaluation") && len(r.group) == 0 {
		return []picked{{selector: "latest:kind=evaluate", val: v}}
	}
	if best := r.bestAsked(items[i].start); len(runs) == 0 && !m.plural && best != "" {
		v.v = best
		return []picked{{selector: best, val: v, note: fromMemory(best, m.text)}}
	}
	if len(runs) == 0 {
		return []picked{{selector: "latest", val: v, guessed: true, vague: isRefWord(m.text) || m.plural, note: fmt.Sprintf("I take %q as the latest run.", clean(m.text))}}
	}
	var out []picked
	for _, run := range runs {
		v.v = run
		out = append(out, picked{selector: run, val: v, note: fromMemory(run, m.text)})
	}
	return out
}

// bestAsked is the best run that the question before asks for, or "".
func (r *reader) bestAsked(end int) string {
	if n := len(r.out.goals); n > 0 {
		if g := r.out.goals[n-1]; g.kind == goalBest && !g.low && g.count < 2 {
			return onDataset(selector("best", orElse(g.metric, "dice"), g.model, g.state), g.dataset)
		}
	}
	return r.bestSpoken(end)
}

// bestSpoken is the run that a question before the byte at end asks after without
// naming it: "with which settings did we get the best dice?".
func (r *reader) bestSpoken(end int) string {
	if r.asked != moodQuestion || end <= 0 {
		return ""
	}
	before := r.lex.recognise(r.lex.merge(tokenise(r.slice(0, end))), r.known)
	i, ok := first(before, cMetric)
	if !ok || before[i].mention.text == "loss" || hasNamedRun(before) {
		return ""
	}
	metric, low := before[i].mention.text, false
	for _, t := range tokenise(r.slice(0, before[i].start)) {
		switch t.word {
		case "best":
			return "best:" + metric
		case "highest":
			return map[bool]string{false: "best:" + metric}[lowerIsBetter(metric)]
		case "lowest", "smallest":
			low = true
		}
	}
	if low && lowerIsBetter(metric) {
		return "best:" + metric
	}
	return ""
}

// fromMemory states what a reference was taken to mean, unless it is a step of
// this plan.
func fromMemory(run, words string) string {
	if strings.HasPrefix(run, "@") {
		return ""
	}
	return fmt.Sprintf("I take %q as %s.", clean(words), clean(run))
}

// fallback is the run that a clause without any is about.
func (r *reader) fallback(items []item, tool string) []picked {
	var out []picked
	for _, run := range r.group {
		out = append(out, picked{selector: run, val: value{v: run, rule: "the run of the step before"}})
	}
	if len(out) > 0 {
		return out
	}
	if m, ok := first(items, cModel); ok {
		v := mentioned(items, m)
		v.v = "latest:model=" + items[m].mention.text
		items[m].used = true
		return []picked{{selector: "latest:model=" + items[m].mention.text, val: v}}
	}
	if d, ok := first(items, cDataset); ok && tool != "evaluate_run" {
		v := mentioned(items, d)
		v.v = "latest:dataset=" + items[d].mention.text
		items[d].used = true
		return []picked{{selector: "latest:dataset=" + items[d].mention.text, val: v}}
	}
	if len(r.mem.runs) == 1 && !r.fresh(items) {
		run := r.mem.runs[0]
		return []picked{{selector: run, val: value{v: run, rule: "the run spoken of before"}, note: fmt.Sprintf("I take the run spoken of before, %s.", clean(run))}}
	}
	return nil
}

// fresh tells whether a clause speaks of evaluation in general, so that no run
// of the past is meant.
func (r *reader) fresh(items []item) bool {
	_, ok := first(items, cQuoted)
	return ok
}

// needsMention tells which tools never act on a run that nobody named or spoke
// of: all that do more than read.
func needsMention(tool string) bool {
	switch tool {
	case "run_delete", "job_cancel", "job_resume", "evaluate_run", "model_export", "predict_volume", "run_tag":
		return true
	}
	return false
}

// pickDataset finds the dataset that a clause is about.
func (r *reader) pickDataset(items []item, tool string) (value, string, bool) {
	if i, ok := first(items, cDataset); ok {
		v := mentioned(items, i)
		items[i].used = true
		return v, "", true
	}
	if fill, ok := r.fills["dataset"].(string); ok {
		return value{v: fill, rule: "your answer"}, "", true
	}
	known := r.dataset
	if i, ok := first(items, cDataRef); ok {
		items[i].used = true
		if d := orElse(known, r.mem.dataset); d != "" {
			return value{v: d, from: i, to: i + 1, rule: "reference"}, "", true
		}
	}
	for i := range items {
		if items[i].is(cRef) && !items[i].used && known+r.mem.dataset != "" && (tool != "evaluate_run" || i > 0 && items[i-1].anyWord("on")) {
			items[i].used = true
			return value{v: orElse(known, r.mem.dataset), from: i, to: i + 1, rule: "reference"}, "", true
		}
	}
	if known != "" {
		return value{v: known, rule: "the dataset of the step before"}, "", true
	}
	if tool == "evaluate_run" {
		return value{}, "", false
	}
	if r.mem.dataset != "" {
		return value{v: r.mem.dataset, rule: "the dataset spoken of before"}, fmt.Sprintf("I take the dataset spoken of before, %s.", clean(r.mem.dataset)), true
	}
	if len(r.known.Datasets) == 1 {
		only := r.known.Datasets[0]
		return value{v: only, rule: "the only dataset"}, fmt.Sprintf("I take %s, the only dataset here.", clean(only)), true
	}
	return value{}, "", false
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
