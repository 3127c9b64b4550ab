package planner

import "strings"

// cursor walks over tokens.
type cursor struct {
	lex  *lexicon
	toks []token
	at   int
}

// word is the word under the cursor.
func (c *cursor) word() string { return at(c.toks, c.at) }

// skip moves past words for which ok holds, and tells whether it moved.
func (c *cursor) skip(ok func(string) bool) bool {
	from := c.at
	for c.word() != "" && ok(c.word()) {
		c.at++
	}
	return c.at > from
}

// number takes a number that something follows.
func (c *cursor) number() (n float64, ok bool) {
	if c.at+1 < len(c.toks) && c.toks[c.at].kind == tNumber {
		c.at++
		return c.toks[c.at-1].num, true
	}
	return 0, false
}

// limits takes a state and a model, in either order.
func (c *cursor) limits() (model, state string) {
	for {
		if s := stateName(c.word()); s != "" && state == "" {
			state = s
		} else if m := modelAt(c.lex, c.toks, c.at); m != "" && model == "" {
			model = m
		} else {
			return model, state
		}
		c.at++
	}
}

// dataset takes the name of a dataset before a noun for runs.
func (c *cursor) dataset(known Names) string {
	if !containsFold(known.Datasets, c.word()) || !isRunNoun(at(c.toks, c.at+1)) {
		return ""
	}
	c.at++
	return at(c.toks, c.at-1)
}

// onDataset limits a selector to the runs on a dataset.
func onDataset(selector, dataset string) string {
	switch {
	case dataset == "":
		return selector
	case strings.Contains(selector, ":"):
		return selector + ",dataset=" + dataset
	default:
		return selector + ":dataset=" + dataset
	}
}

// findRunSelector reads "the latest run", "our best segresnet by clDice", "the
// last 5 runs", "the worst run".
func findRunSelector(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	c := &cursor{lex, toks, i}
	c.skip(func(w string) bool { return isDeterminer(w) || w == "this" })
	count, counted := c.number()
	kind := superlative(c.word())
	if kind == "" || c.onTop() {
		return nil, 0 // "oldest at the top"
	}
	c.at++
	if !counted {
		count, counted = c.number()
	}
	c.skip(func(w string) bool { return w == "performing" || w == "scoring" || w == "trained" })
	if counted && isNonRunNoun(c.word()) {
		return nil, 0
	}
	model, state := c.limits()
	on := c.dataset(known)
	noun := c.word()
	switch {
	case isRunNoun(noun), kind == "latest" && meansRun(noun, at(toks, c.at+1)):
		c.at++
	case model != "", endsBest(noun, c.at > i+1) && (kind != "latest" || c.bare(i)):
	default:
		return nil, 0
	}
	m := &mention{class: cRun, model: model, state: state, on: on, rule: kind + " run"}
	if kind != "latest" {
		m.metric, c.at = metricAfter(lex, toks, c.at)
	}
	if model == "" {
		m.model, c.at = modelAfter(lex, toks, c.at)
	}
	if counted && count != 1 || strings.HasSuffix(noun, "s") && isRunNoun(noun) && kind == "latest" {
		m.class, m.count = cRuns, int(count)
	}
	m.text = onDataset(selector(kind, m.metric, m.model, state), on)
	return m, c.at - i
}

// onTop recognises "at the top" and "on top".
func (c *cursor) onTop() bool {
	if c.word() != "top" {
		return false
	}
	for _, w := range []string{at(c.toks, c.at-1), at(c.toks, c.at-2)} {
		if w == "at" || w == "on" {
			return true
		}
	}
	return false
}

// bare tells whether a lone "latest" stands where a run may: "eval latest, with
// hd95", "export latest as onnx".
func (c *cursor) bare(from int) bool {
	return c.word() != "" && c.at == from+1 || c.at+1 == len(c.toks) && from > 0
}

// meansRun recognises "the most recent thing I trained".
func meansRun(noun, next string) bool {
	return (noun == "thing" || noun == "things") && (next == "i" || next == "we" || next == "that")
}

// endsBest tells whether "best" without a noun is over: at the end, or before
// what it becomes ("export best as onnx").
func endsBest(next string, determined bool) bool {
	switch next {
	case "":
		return determined
	case "as", "to", "into", ",":
		return true
	}
	return false
}

// selector writes a run selector.
func selector(kind, metric, model, state string) string {
	var limits []string
	if model != "" {
		limits = append(limits, "model="+model)
	}
	if state != "" {
		limits = append(limits, "state="+state)
	}
	if kind == "latest" {
		if len(limits) == 0 {
			return "latest"
		}
		return "latest:" + strings.Join(limits, ",")
	}
	return kind + ":" + strings.Join(append([]string{metric}, limits...), ",")
}

// superlative maps a word to the selector it stands for.
func superlative(w string) string {
	switch w {
	case "latest", "last", "newest", "recent":
		return "latest"
	case "best", "top":
		return "best"
	case "worst", "poorest", "weakest":
		return "worst"
	}
	return ""
}

func isNonRunNoun(w string) bool {
	switch w {
	case "lines", "line", "epochs", "epoch", "steps", "days", "weeks", "hours", "minutes", "day", "week", "hour", "volumes", "volume", "month", "months", "messages":
		return true
	}
	return false
}

// modelAt returns the model named at toks[i].
func modelAt(lex *lexicon, toks []token, i int) string {
	w := at(toks, i)
	if m := lex.models[w]; m != "" {
		return m
	}
	return lex.models[strings.TrimSuffix(w, "s")]
}

// metricAfter reads "by clDice", "on dice", "in terms of hd95", "with the best
// dice" after a superlative; the default is dice.
func metricAfter(lex *lexicon, toks []token, j int) (metric string, next int) {
	k := j
	if at(toks, j) == "with" && at(toks, j+1) != "respect" {
		return "dice", j // what it is judged with, not what it is best by
	}
	for k < len(toks) && k < j+6 {
		switch at(toks, k) {
		case "by", "on", "in", "terms", "of", "according", "to", "for", "with", "respect", "its", "the", "test", "val", "validation", "measured", "judged":
			k++
			continue
		}
		break
	}
	if k > j {
		if m := lex.metrics[at(toks, k)]; m != "" {
			return m, k + 1
		}
	}
	return "dice", j
}

// modelAfter reads "of segresnet", "with swinunetr".
func modelAfter(lex *lexicon, toks []token, j int) (model string, next int) {
	if w := at(toks, j); w == "of" || w == "with" || w == "from" || w == "for" {
		if m := modelAt(lex, toks, j+1); m != "" {
			return m, j + 2
		}
	}
	return "", j
}

// findRunSet reads "all runs", "every failed run", "all runs tagged baseline",
// "the baseline runs", "all segresnet runs".
func findRunSet(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	c := &cursor{lex, toks, i}
	quantified := c.skip(isQuantifier)
	c.skip(func(w string) bool {
		return w == "of" && quantified || w == "the" || w == "my" || w == "our" || w == "these" || w == "those"
	})
	quantified = c.skip(isQuantifier) || quantified
	m := &mention{class: cRuns, rule: "set of runs"}
	m.model, m.state = c.limits()
	tag := ""
	if m.on = c.dataset(known); m.on == "" {
		tag = c.tagName()
	}
	if t, n := everythingTagged(lex, toks, c.at); n > 0 && tag == "" { // "everything tagged x", "the runs with the tag x"
		m.text = "all:tag=" + t.text
		return m, c.at + n - i
	}
	limited := m.state+m.model+tag+m.on != ""
	if asksForJobs(toks, i, c.word(), limited) || !isRunSet(c.word(), quantified, limited) || c.word() == "models" && !limited && c.at+1 == len(toks) && listVerb(toks) > 0 {
		return nil, 0
	}
	c.at++
	if t, n := findTagged(lex, toks, c.at, Names{}); n > 0 {
		tag, c.at = t.text, c.at+n
	} else if n, s := stateAfter(toks, c.at); n > 0 && m.state == "" {
		m.state, c.at = s, c.at+n
	}
	if tag != "" {
		m.text = "all:tag=" + tag
	}
	return m, c.at - i
}

// asksForJobs recognises "any failed jobs?" and "show all the jobs", which ask
// for a list of jobs.
func asksForJobs(toks []token, i int, noun string, limited bool) bool {
	if w := at(toks, i); (w == "every" || w == "each") && noun == "job" && listVerb(toks[:i]) == i {
		return true
	}
	return at(toks, i) == "any" && (noun == "jobs" || noun == "job") || noun == "jobs" && !limited && (i == 0 || listVerb(toks[:i]) == i || overviewOf(toks, i))
}

// overviewOf recognises "an overview of" and "the state of" before toks[i].
func overviewOf(toks []token, i int) bool {
	if w := at(toks, i-1); w != "of" && w != "for" && w != "on" {
		return false
	}
	switch at(toks, i-2) {
	case "overview", "list", "state", "states", "status", "table", "summary":
		return true
	}
	return false
}

// tagName takes what limits a set of runs before its noun: "pilot-tagged runs",
// "the baseline runs".
func (c *cursor) tagName() (tag string) {
	if t, n := taggedBefore(c.toks, c.at); n > 0 {
		c.at += n
		return t
	}
	if name := c.lex.nameAt(c.toks, c.at); name != "" && at(c.toks, c.at+1) == "runs" {
		c.at++
		return name
	}
	return ""
}

// taggedBefore reads "pilot-tagged runs", "reviewer=ada tagged runs".
func taggedBefore(toks []token, i int) (tag string, n int) {
	if name, ok := strings.CutSuffix(at(toks, i), "-tagged"); ok && name != "" && isRunNoun(at(toks, i+1)) {
		return name, 1
	}
	if i+2 < len(toks) && at(toks, i+1) == "tagged" && isRunNoun(at(toks, i+2)) {
		switch t := toks[i]; {
		case t.kind == tAssign:
			return t.word + "=" + t.text, 2
		case t.kind == tQuoted || t.kind == tWord && !isDeterminer(t.word) && !isQuantifier(t.word):
			return clean(t.word), 2
		}
	}
	return "", 0
}

// everythingTagged reads "everything tagged baseline".
func everythingTagged(lex *lexicon, toks []token, i int) (*mention, int) {
	switch at(toks, i) {
	case "everything", "all", "anything", "runs":
		if t, n := findTagged(lex, toks, i+1, Names{}); n > 0 {
			return t, n + 1
		}
	}
	return nil, 0
}

func isQuantifier(w string) bool {
	return w == "all" || w == "every" || w == "each" || w == "any"
}

// isRunSet tells whether a noun with what stands before it means several runs.
// "Jobs" by itself, however limited, is what job_list is about.
func isRunSet(noun string, quantified, limited bool) bool {
	switch noun {
	case "runs", "experiments", "trainings", "models":
		return quantified || limited
	case "jobs", "run", "job", "experiment":
		return quantified
	}
	return false
}

// stateAfter reads "that failed", "which are running".
func stateAfter(toks []token, j int) (n int, state string) {
	k := j
	for k < len(toks) && (at(toks, k) == "that" || at(toks, k) == "which" || at(toks, k) == "are" || at(toks, k) == "have" || at(toks, k) == "has" || at(toks, k) == "is" || at(toks, k) == "was" || at(toks, k) == "were" || at(toks, k) == "got") {
		k++
	}
	if s := stateName(at(toks, k)); s != "" && k > j {
		return k + 1 - j, s
	}
	return 0, ""
}

// findModelRun reads "the segresnet run", "my swin one".
func findModelRun(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j := i
	for isDeterminer(at(toks, j)) || at(toks, j) == "that" || at(toks, j) == "this" {
		j++
	}
	model, state := modelAt(lex, toks, j), stateName(at(toks, j))
	if model == "" && state == "" || j == i && state != "" {
		return nil, 0
	}
	j++
	switch at(toks, j) {
	case "run", "one", "job", "experiment":
		return &mention{class: cRun, text: selector("latest", "", model, state), model: model, state: state, rule: "run of a model"}, j + 1 - i
	case "training":
		if j > i+1 && state != "" {
			return &mention{class: cRun, text: selector("latest", "", model, state), model: model, state: state, rule: "run in a state"}, j + 1 - i
		}
	}
	return nil, 0
}

// findRunName reads a run's id or name: brisk-otter-7f3a, run fast-baseline,
// the run called "x".
func findRunName(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	c := &cursor{lex, toks, i}
	c.skip(isDeterminer)
	switch w := c.word(); w {
	case "run", "job", "experiment", "runs":
		return runAfterNoun(c, i, w)
	}
	if c.at != i || toks[i].kind != tWord && toks[i].kind != tQuoted {
		return nil, 0
	}
	w := toks[i].word
	for _, r := range known.Runs {
		if strings.EqualFold(r, w) || isRunID(w) && strings.HasPrefix(strings.ToLower(r), w) {
			return &mention{class: cRun, text: w, rule: "a run of this workspace"}, 1
		}
	}
	if toks[i].kind == tWord && isRunID(w) && !lex.known(toks[i]) && !containsFold(known.Datasets, w) && !datasetPlace(toks, i) && (len(known.Runs) == 0 || strings.Count(w, "-") > 1 || standsAlone(toks, i)) {
		return &mention{class: cRun, text: w, rule: "looks like a run id"}, 1
	}
	return nil, 0
}

// standsAlone tells whether a hyphenated word that is no run known here stands as
// a name does, rather than before a noun or after a word for how something is
// called: "half-size weights", "register it under vessel-seg".
func standsAlone(toks []token, i int) bool {
	before := at(toks, i-1)
	if isDeterminer(before) || before == "under" || before == "as" || before == "into" || before == "in" {
		return false
	}
	next := at(toks, i+1)
	return i+1 >= len(toks) || isJoint(toks[i+1]) || toks[i+1].kind != tWord || isPreposition(next) || next == "is" || next == "into" || next == "and" || next == "please"
}

// runAfterNoun reads a name after "run": "the run called x", "run brisk-otter".
func runAfterNoun(c *cursor, i int, noun string) (*mention, int) {
	if w := at(c.toks, c.at-1); (w == "a" || w == "another" || w == "new") && c.at > i {
		return nil, 0 // a new one
	}
	if next := at(c.toks, c.at+1); (next == "called" || next == "named") && noun == "run" && c.at > i {
		if name := anyNameAt(c.toks, c.at+2); name != "" {
			return &mention{class: cRun, text: name, rule: "run by name"}, c.at + 3 - i
		}
	}
	if name := runNameAt(c.lex, c.toks, c.at+1); name != "" {
		return &mention{class: cRun, text: name, rule: "name after " + noun}, c.at + 2 - i
	}
	return nil, 0
}

// datasetPlace tells whether a hyphenated name stands where only a dataset can
// stand: "train a segresnet on mouse-cortex".
func datasetPlace(toks []token, i int) bool {
	if w := at(toks, i+1); w == "dataset" || w == "data" {
		return true
	}
	w := at(toks, i-1)
	return (w == "on" || w == "using" || w == "dataset") && strings.Count(toks[i].word, "-") < 2
}

// runNameAt returns the name after the word "run".
func runNameAt(lex *lexicon, toks []token, i int) string {
	if i >= len(toks) {
		return ""
	}
	t := toks[i]
	switch {
	case t.kind == tQuoted:
		return clean(t.text)
	case isRunID(t.word):
		return t.word
	case t.kind == tNumber && !t.weak && len(t.text) >= 3 && t.text == t.word:
		return t.text
	}
	if at(toks, i-1) == "runs" || t.kind != tWord {
		return ""
	}
	return lex.nameAt(toks, i)
}
