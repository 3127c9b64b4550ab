package planner

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// fillRun fills the argument run: one run, several (a step for each), or a
// look-up that must come first.
func (r *reader) fillRun(d *draft, items []item) bool {
	picks := r.pick(items, false)
	if d.tool == "job_cancel" {
		picks = liveRuns(items, picks)
	}
	if needsMention(d.tool) {
		picks = slices.DeleteFunc(picks, func(p picked) bool { return p.guessed && (d.tool == "run_delete" || p.vague) })
	}
	if r.noSuchDelete(d, items, picks) {
		return false
	}
	picks = r.onlyNamed(d, items, picks)
	if fill, ok := r.fills["run"].(string); ok && len(picks) == 0 {
		picks = []picked{{selector: fill, val: value{v: fill, rule: "your answer"}}}
	}
	if len(picks) == 0 && d.tool != "run_delete" {
		picks = r.fallback(items, d.tool)
	}
	if later, ok := r.laterRun(); ok && len(picks) == 0 {
		picks = []picked{{selector: later.mention.text, val: value{v: later.mention.text, rule: "the run that is named later"}}}
	}
	if len(picks) == 0 {
		if needsMention(d.tool) {
			r.question(d.tool, "run", Question{Text: whichRun(d.tool), Choices: r.known.Runs})
			return false
		}
		r.note("You named no run; I take the latest.")
		picks = []picked{{selector: "latest", val: value{v: "latest", rule: "nothing was said"}}}
	}
	r.limitByDataset(d, items, picks)
	var v value
	for i, p := range picks {
		r.note(p.note)
		if p.lookup != nil {
			r.lookup(d, p, false)
			continue
		}
		if v.v == nil {
			v = p.val
			v.v = p.selector
		} else if picks[i].selector != v.v {
			if v.list == nil {
				v.list = []any{v.v}
			}
			if !slices.Contains(v.list, any(p.selector)) {
				v.list = append(v.list, p.selector)
			}
		}
	}
	if v.v == nil {
		return false
	}
	r.set(d, "run", v, items)
	return true
}

// whichRun asks for the run that a tool is to act on.
func whichRun(tool string) string {
	does := map[string]string{
		"run_delete": "delete", "job_cancel": "cancel", "job_resume": "go on with", "evaluate_run": "evaluate", "model_export": "export",
		"predict_volume": "predict with", "run_tag": "tag",
	}[tool]
	if does == "" {
		return "Which run do you mean?"
	}
	return "Which run shall I " + does + "?"
}

// limitByDataset turns "the latest run on toy" into a selector, for tools that
// take no dataset themselves.
func (r *reader) limitByDataset(d *draft, items []item, picks []picked) {
	i, ok := first(items, cDataset)
	if _, takes := r.cat.tools[d.tool].params["dataset"]; !ok || takes {
		return
	}
	for k := range picks {
		head, conditions, _ := strings.Cut(picks[k].selector, ":")
		if picks[k].lookup != nil || head != "latest" && head != "best" {
			continue
		}
		items[i].used = true
		limit := "dataset=" + items[i].mention.text
		if conditions != "" {
			limit = conditions + "," + limit
		}
		picks[k].selector = head + ":" + limit
	}
}

// liveRuns reads "cancel everything": whatever runs or waits, of any kind.
func liveRuns(items []item, picks []picked) []picked {
	for i := range picks {
		if g := picks[i].lookup; g != nil && g.kind == goalRuns {
			g.anyKind, g.live = true, g.state == ""
		}
	}
	for i := range items {
		if len(picks) == 0 && items[i].anyWord("everything", "all", "anything") {
			state := ""
			if n, s := stateAfterItems(items[i+1:]); n > 0 {
				state = s
			}
			picks = append(picks, picked{lookup: &goal{kind: goalRuns, anyKind: true, live: state == "", state: state}, val: value{from: i, to: i + 1, rule: "whatever runs or waits"}})
		}
	}
	return picks
}

// stateAfterItems reads "that is running" after "everything".
func stateAfterItems(items []item) (n int, state string) {
	for i := range items {
		if items[i].is(cState) {
			return i + 1, items[i].mention.text
		}
		if s := stateName(items[i].word()); s != "" {
			return i + 1, s
		}
		if !items[i].anyWord("that", "which", "is", "are", "still", "currently", "now") {
			break
		}
	}
	return 0, ""
}

// lookup plans a step for later: rows must first say which runs it is about.
func (r *reader) lookup(d *draft, p picked, list bool) {
	g := *p.lookup
	g.silent = true
	if r.cat.tools[d.tool].unbuilt {
		return
	}
	if !r.cat.has("runs_sql") {
		r.question(d.tool, "run", Question{Text: "Which run do you mean?", Choices: r.known.Runs})
		return
	}
	r.out.later = append(r.out.later, deferred{tool: d.tool, args: d.args, list: list, goal: len(r.out.goals)})
	r.out.goals = append(r.out.goals, g)
	what := "which runs these are"
	if g.count == 1 {
		what = "which run that is"
	}
	r.note(fmt.Sprintf("I look up %s first, then plan %s.", what, d.tool))
}

// fillEvaluate reads run, dataset, split and metrics.
func fillEvaluate(r *reader, d *draft, items []item, _ toolInfo) bool {
	if found := all(items, cSplit); len(found) > 0 {
		v := mentioned(items, found[0])
		for _, i := range found {
			items[i].used = true
			if !slices.Contains(v.list, any(items[i].mention.text)) {
				v.list = append(v.list, items[i].mention.text)
			}
		}
		r.set(d, "split", v, items)
	}
	r.measures(d, items)
	if v, ok := ignoredLabel(items); ok {
		r.set(d, "ignore_label", v, items)
	} else if v, ok = ignoredLabel(r.lex.recognise(r.lex.merge(r.tokens()), r.known)); ok { // "label 2 is unsure, so ignore it"
		r.set(d, "ignore_label", value{v: v.v, rule: v.rule}, nil)
	}
	r.datasetMeant(d, items)
	defer r.evaluatesAsked(d)
	if i, ok := first(items, cDataset); ok {
		if name := items[i].mention.text; name != r.dataset || len(r.group) == 0 {
			v := mentioned(items, i)
			v.list = r.moreDatasets(d.tool, items, v)
			r.set(d, "dataset", v, items)
		}
		items[i].used = true
	}
	return r.fillRun(d, items)
}

// measures reads which metrics are wanted, in the order in which they are named.
// A kind of metric that only leads to their names is none itself: "the topology
// error: betti0_error".
func (r *reader) measures(d *draft, items []item) {
	var metrics []any
	found := all(items, cMetric)
	for n, i := range found {
		kind := items[i].tok.word == "topology" || items[i].tok.word == "connectivity"
		if m := items[i].mention.text; m != "loss" && !slices.Contains(metrics, any(m)) && (!kind || n+1 == len(found)) {
			metrics = append(metrics, m)
			r.set(d, "metrics", value{v: metrics, from: i, to: i + 1, rule: "metric"}, items)
		}
	}
}

// ignoredLabel reads the label whose voxels are not judged: "ignore label 3",
// "voxels labelled two do not count", "everything but class 2".
func ignoredLabel(items []item) (value, bool) {
	excludes := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("ignore", "ignored", "ignoring", "except", "without", "leave", "left", "exclude", "excluded", "excluding", "skip", "skipped", "ignore_label", "omit", "omitted", "disregard", "disregarded", "discard", "mask", "masked", "neglect", "neglected", "drop", "apart", "but")
	})
	for i := range items {
		judged := items[i].anyWord("judge", "judged", "count", "counted", "counts", "score", "scored", "evaluate", "evaluated", "consider", "considered", "measure", "measured", "include", "included", "matter", "assess", "assessed", "used")
		excludes = excludes || judged && slices.ContainsFunc(items[max(0, i-3):i], func(it item) bool {
			return it.anyWord("not", "don't", "doesn't", "never", "no", "shouldn't", "isn't", "aren't")
		})
	}
	if !excludes {
		return value{}, false
	}
	v, ok := number(items, slot{param: "ignore_label", whole: true, leads: []string{"label", "labels", "labelled", "labeled", "class", "ignore_label", "value", "index"}, units: nil})
	v.list = nil
	return v, ok
}

// datasetMeant reads "evaluate it on that" and "evaluate it there", where a
// dataset was just spoken of.
func (r *reader) datasetMeant(d *draft, items []item) {
	for i := range items {
		if items[i].anyWord("there") && r.dataset != "" && (i+1 == len(items) || items[i+1].mention == nil && !items[i+1].anyWord("is", "are")) {
			r.set(d, "dataset", value{v: r.dataset, from: i, to: i + 1, rule: "reference"}, items)
			return
		}
	}
	for i := 1; i < len(items); i++ {
		if items[i].is(cRef) && !items[i].used && items[i-1].anyWord("on") && r.dataset != "" && !slices.Contains(r.group, r.dataset) && slices.ContainsFunc(items[:i], func(it item) bool { return it.is(cRef) || it.is(cRun) }) {
			r.set(d, "dataset", value{v: r.dataset, from: i, to: i + 1, rule: "reference"}, items)
		}
	}
}

// fillCompare reads the runs to compare. Runs that this plan trains are
// evaluated first, because only evaluated runs can be compared.
func fillCompare(r *reader, d *draft, items []item, _ toolInfo) bool {
	if i, ok := first(items, cMetric); ok {
		r.set(d, "metric", mentioned(items, i), items)
	}
	if i, ok := first(items, cSplit); ok {
		r.set(d, "split", mentioned(items, i), items)
	}
	r.byThat(d, items)
	r.splitThere(d, items)
	picks := certain(r.pick(items, true))
	for _, i := range all(items, cModel) {
		s := "latest:model=" + items[i].mention.text
		picks = append(picks, picked{selector: s, val: value{v: s, from: i, to: i + 1, rule: "the latest of a model"}})
		items[i].used = true
	}
	if len(picks) == 0 {
		for _, run := range orGroup(orGroup(r.trained, r.several()), r.mem.several()) {
			picks = append(picks, picked{selector: run, val: value{v: run, rule: "the runs spoken of"}})
		}
	}
	if len(picks) == 1 && picks[0].lookup == nil && !strings.HasPrefix(picks[0].selector, "all") && len(r.trained) > 1 {
		picks = nil
		for _, run := range r.trained {
			picks = append(picks, picked{selector: run, val: value{v: run, rule: "the runs of this plan"}})
		}
	}
	var list []any
	for _, p := range picks {
		r.note(p.note)
		if p.lookup != nil {
			r.lookup(d, p, true)
			return false
		}
		if !slices.Contains(list, any(p.selector)) {
			list = append(list, p.selector)
			r.set(d, "runs", value{v: list, from: p.val.from, to: p.val.to, rule: p.val.rule}, items)
		}
	}
	if len(list) == 0 || len(list) == 1 && !strings.HasPrefix(fmt.Sprint(list[0]), "all") {
		r.question(d.tool, "runs", Question{Text: "Which runs shall I compare?", Choices: r.known.Runs})
		return false
	}
	r.evaluateFirst(d, list)
	return true
}

func orGroup(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// evaluateFirst adds evaluations for runs of this plan that have none.
func (r *reader) evaluateFirst(d *draft, runs []any) {
	if !r.cat.has("evaluate_run") {
		return
	}
	for _, v := range runs {
		run, _ := v.(string)
		if !strings.HasPrefix(run, "@") && r.judged[run] == "" {
			continue
		}
		if r.judged[run] == "" {
			r.emitEvaluation(run, d.args["split"], "")
			r.note("Only evaluated runs can be compared, so I evaluate each first.")
		}
		d.needs = append(d.needs, r.judged[run])
	}
}

// emitEvaluation plans the evaluation of a run of this plan.
func (r *reader) emitEvaluation(run string, split any, metric string) {
	group := r.group
	args := map[string]any{"run": run}
	if split != nil {
		args["split"] = split
	}
	if metric != "" && metric != "loss" {
		args["metrics"] = []any{metric}
	}
	r.emit(&draft{tool: "evaluate_run", args: args, why: []Reason{{
		Tool: "evaluate_run", Argument: "run", Value: run, Rule: "scores are wanted and there are none yet",
	}}})
	r.group = group
}

// fillHistory reads run and metric; the loss is what is plotted by default.
func fillHistory(r *reader, d *draft, items []item, _ toolInfo) bool {
	metric := value{v: "loss", rule: "nothing was said"}
	if i, ok := first(items, cMetric); ok {
		metric = mentioned(items, i)
		if s, limited := first(items, cSplit); limited {
			metric.v = items[s].mention.text + "/" + items[i].mention.text
			items[s].used = true
		}
	}
	for i := range items {
		if name := r.splitMetric(items[i]); name != "" {
			metric = value{v: name, from: i, to: i + 1, rule: "split/metric"}
		}
		if items[i].anyWord("learning_rate", "lr") {
			metric = value{v: "learning_rate", from: i, to: i + 1, rule: "metric"}
		}
	}
	if n := len(r.out.Steps); metric.to == 0 && n > 0 && r.out.Steps[n-1].Tool == d.tool {
		metric.v, metric.to = r.out.Steps[n-1].Args["metric"], 1 // "… and show me its curve"
	}
	if n := len(r.out.goals); metric.to == 0 && n > 0 && r.asked == moodQuestion && r.out.goals[n-1].metric != "" {
		g := r.out.goals[n-1]
		metric = value{v: strings.TrimPrefix(g.split+"/"+g.metric, "/"), to: 1, rule: "what was asked"}
	}
	if metric.to == 0 {
		r.note("You named no metric; I take the loss.")
	}
	r.set(d, "metric", metric, items)
	return r.fillRun(d, items)
}

// splitMetric reads a metric that is written with its split: "val/dice".
func (r *reader) splitMetric(it item) string {
	split, name, ok := strings.Cut(strings.ToLower(strings.Trim(it.tok.text, ",.;?!'\"")), "/")
	if !ok || splitName(split) == "" {
		return ""
	}
	if name != "loss" {
		name = r.lex.metrics[name]
	}
	if name == "" {
		return ""
	}
	return splitName(split) + "/" + name
}

// fillRuns reads the filters of a list of runs.
func fillRuns(r *reader, d *draft, items []item, info toolInfo) bool {
	by, descending, ordered := orderBy(items)
	for i := range items {
		m := items[i].mention
		if m == nil || !items[i].is(cRuns) && !items[i].is(cRun) {
			continue
		}
		for _, f := range [][2]string{{"model", m.model}, {"state", m.state}, {"dataset", m.on}} {
			if f[1] != "" {
				r.set(d, f[0], value{v: f[1], from: i, to: i + 1, rule: m.rule}, items)
			}
		}
		if tag, ok := strings.CutPrefix(m.text, "all:tag="); ok {
			r.set(d, "tag", value{v: tag, from: i, to: i + 1, rule: "tag"}, items)
		}
		if m.count > 0 {
			r.set(d, "limit", value{v: int64(m.count), from: i, to: i + 1, rule: m.rule}, items)
		} else if items[i].is(cRun) && (m.text == "latest" || m.metric != "") {
			r.set(d, "limit", value{v: int64(1), from: i, to: i + 1, rule: m.rule}, items)
		}
	}
	for _, p := range []struct {
		param string
		class class
	}{{"model", cModel}, {"dataset", cDataset}, {"tag", cTag}, {"since", cSince}} {
		if i, ok := first(items, p.class); ok {
			r.note(items[i].mention.note)
			v := mentioned(items, i)
			v.v = sinceWord(r, fmt.Sprint(v.v))
			r.set(d, p.param, v, items)
		}
	}
	if d.args["state"] == nil {
		fillJobs(r, d, items, info)
	}
	v, ok := r.numeric(items, "limit")
	if !ok && d.args["limit"] == nil {
		v, ok = atMost(items)
	}
	if ok {
		v.list = nil
		r.set(d, "limit", v, items)
	}
	if ordered {
		r.set(d, "order_by", by, items)
		r.setIf(d, "descending", descending, descending.v != nil, items)
	}
	return true
}

// atMost reads "at most 50", "one hundred at most", "no more than ten" as how
// many rows are wanted.
func atMost(items []item) (value, bool) {
	for i := range items {
		if !items[i].is(cNumber) || items[i].used || items[i].tok.num < 1 || items[i].tok.num != math.Trunc(items[i].tok.num) {
			continue
		}
		if i > 1 && items[i-1].anyWord("to") && items[i-2].anyWord("up") {
			return value{v: numeric(items[i].tok.num, true), from: i - 2, to: i + 1, rule: "at most"}, true
		}
		for _, near := range [][2]int{{i - 2, i}, {i + 1, i + 4}} {
			for j := max(near[0], 0); j < min(near[1], len(items)); j++ {
				if items[j].anyWord("most", "than", "max", "maximum", "maximally", "limit") {
					return value{v: numeric(items[i].tok.num, true), from: min(i, j), to: max(i, j) + 1, rule: "at most"}, true
				}
			}
		}
	}
	return value{}, false
}

// fillSQL passes a statement on.
func fillSQL(r *reader, d *draft, items []item, _ toolInfo) bool {
	i, ok := first(items, cSQL)
	if !ok {
		return false
	}
	r.out.goals = append(r.out.goals, goal{kind: goalSQL, sql: items[i].tok.text, step: true})
	r.set(d, "query", value{v: items[i].tok.text, from: i, to: i + 1, rule: "the statement"}, items)
	return true
}

// fillTag reads run, key and value.
func fillTag(r *reader, d *draft, items []item, _ toolInfo) bool {
	key, val, ok := tagPair(items)
	if fill, answered := r.fills["key"].(string); answered && !ok {
		key, val, ok = splitTag(fill, 0)
		key.from, key.to, val.from, val.to = 0, 0, 0, 0
	}
	if !ok {
		r.question(d.tool, "key", Question{Text: "What shall the tag say?"})
		return false
	}
	r.set(d, "key", key, items)
	r.set(d, "value", val, items)
	return r.fillRun(d, items)
}
