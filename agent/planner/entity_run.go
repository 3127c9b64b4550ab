package planner

import "strings"

// findRunSelector reads "the latest run", "our best segresnet by clDice", "the
// last 5 runs", "the worst run".
func findRunSelector(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j := i
	for isDeterminer(at(toks, j)) || at(toks, j) == "this" {
		j++
	}
	count, counted := 0.0, false
	if j < len(toks) && toks[j].kind == tNumber && j+1 < len(toks) {
		count, counted = toks[j].num, true
		j++
	}
	kind := superlative(at(toks, j))
	if kind == "" {
		return nil, 0
	}
	j++
	if !counted && j < len(toks) && toks[j].kind == tNumber {
		count, counted = toks[j].num, true
		j++
	}
	if at(toks, j) == "performing" || at(toks, j) == "scoring" || at(toks, j) == "trained" {
		j++
	}
	if counted && isNonRunNoun(at(toks, j)) {
		return nil, 0
	}
	model, state := "", ""
	for {
		if s := stateName(at(toks, j)); s != "" && state == "" {
			state = s
			j++
			continue
		}
		if m := modelAt(lex, toks, j); m != "" && model == "" {
			model = m
			j++
			continue
		}
		break
	}
	noun := at(toks, j)
	plural := strings.HasSuffix(noun, "s")
	switch {
	case isRunNoun(noun) || noun == "checkpoint" || noun == "result":
		j++
	case model != "" || noun == "" && j > i+1 && kind != "latest":
	default:
		return nil, 0
	}
	m := &mention{class: cRun, model: model, state: state, rule: kind + " run"}
	if kind != "latest" {
		m.metric, j = metricAfter(lex, toks, j)
	}
	if model == "" {
		m.model, j = modelAfter(lex, toks, j)
	}
	if counted && count != 1 || plural && kind == "latest" {
		m.class, m.count = cRuns, int(count)
	}
	m.text = selector(kind, m.metric, m.model, state)
	return m, j - i
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
func findRunSet(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j, quantified := i, false
	for {
		switch at(toks, j) {
		case "all", "every", "each", "any", "both":
			quantified = true
			j++
			continue
		case "of", "the", "my", "our", "these", "those":
			if j > i || at(toks, j) != "of" {
				j++
				continue
			}
		}
		break
	}
	m := &mention{class: cRuns, rule: "set of runs"}
	tag := ""
	for k := 0; k < 2; k++ {
		if s := stateName(at(toks, j)); s != "" {
			m.state = s
			j++
		} else if mod := modelAt(lex, toks, j); mod != "" {
			m.model = mod
			j++
		} else if name := lex.nameAt(toks, j); name != "" && at(toks, j+1) == "runs" {
			tag = name
			j++
		}
	}
	noun := at(toks, j)
	limited := m.state != "" || m.model != "" || tag != ""
	plural := noun == "runs" || noun == "jobs" || noun == "experiments" || noun == "trainings" || noun == "models"
	singular := quantified && (noun == "run" || noun == "job" || noun == "experiment")
	if !plural && !singular || !quantified && !limited {
		return nil, 0
	}
	if !quantified && noun == "jobs" && tag == "" {
		return nil, 0
	}
	j++
	if t, n := findTagged(lex, toks, j, Names{}); n > 0 {
		tag, j = t.text, j+n
	} else if n, s := stateAfter(toks, j); n > 0 && m.state == "" {
		m.state, j = s, j+n
	}
	if tag != "" {
		m.text = "all:tag=" + tag
	}
	return m, j - i
}

// stateAfter reads "that failed", "which are running".
func stateAfter(toks []token, j int) (n int, state string) {
	k := j
	for k < len(toks) && (at(toks, k) == "that" || at(toks, k) == "which" || at(toks, k) == "are" || at(toks, k) == "have" || at(toks, k) == "is") {
		k++
	}
	if s := stateName(at(toks, k)); s != "" && k > j {
		return k + 1 - j, s
	}
	return 0, ""
}

// findReference reads "it", "them", "that run", "the training", "all three".
func findReference(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	one := &mention{class: cRef, text: at(toks, i), rule: "reference"}
	many := &mention{class: cRef, text: at(toks, i), plural: true, rule: "reference"}
	switch w := at(toks, i); w {
	case "it", "itself":
		return one, 1
	case "them", "they":
		return many, 1
	case "its", "their":
		one.plural = w == "their"
		return one, 1
	case "both", "all", "each", "these", "those":
		n := 1
		if at(toks, i+1) == "of" {
			n = 2
			if at(toks, i+2) == "them" || at(toks, i+2) == "these" || at(toks, i+2) == "those" {
				n = 3
			}
		}
		if i+n < len(toks) && toks[i+n].kind == tNumber {
			n++
			if noun := at(toks, i+n); noun != "" && !isRunNoun(noun) && !isJoint(toks[i+n]) && !isPreposition(noun) {
				return nil, 0
			}
		}
		if isRunNoun(at(toks, i+n)) && w != "all" && w != "each" {
			return many, n + 1
		}
		if w == "each" && (at(toks, i+n) == "run" || at(toks, i+n) == "job") && n == 1 && at(toks, i-1) != "per" {
			return many, 2
		}
		if n > 1 && at(toks, i+n-1) != "of" || w == "both" || i+1 == len(toks) || (w == "these" || w == "those") && isJoint(toks[i+1]) {
			return many, n
		}
	case "the", "that", "this", "same":
		return referenceNoun(lex, toks, i, one)
	}
	return nil, 0
}

// referenceNoun reads what follows "the", "that" or "this".
func referenceNoun(lex *lexicon, toks []token, i int, one *mention) (*mention, int) {
	n := 1
	switch at(toks, i+1) {
	case "same", "new", "current", "trained", "resulting", "first":
		n = 2
	}
	switch noun := at(toks, i+n); noun {
	case "run", "job", "model", "one", "checkpoint", "experiment", "training", "evaluation":
		if lex.nameFollows(toks, i+n+1) {
			return nil, 0
		}
		one.text += " " + noun
		return one, n + 1
	case "runs", "jobs", "models", "two", "three":
		if w := at(toks, i); w != "the" || noun == "two" || noun == "three" {
			one.plural = true
			one.text += " " + noun
			if isRunNoun(at(toks, i+n+1)) {
				n++
			}
			return one, n + 1
		}
	}
	if w := at(toks, i); (w == "that" || w == "this") && (i+1 == len(toks) || isJoint(toks[i+1]) || at(toks, i+1) == "as" || at(toks, i+1) == "on") {
		return one, 1
	}
	return nil, 0
}

// nameFollows tells whether "the run" goes on with its name.
func (lex *lexicon) nameFollows(toks []token, i int) bool {
	if i >= len(toks) {
		return false
	}
	return isRunID(toks[i].word) || toks[i].kind == tQuoted || at(toks, i) == "called" || at(toks, i) == "named" || lex.nameAt(toks, i) != "" && at(toks, i-1) == "run"
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
	j := i
	for isDeterminer(at(toks, j)) {
		j++
	}
	if w := at(toks, j); w == "run" || w == "job" || w == "experiment" || w == "runs" {
		k := j + 1
		if x := at(toks, k); x == "called" || x == "named" {
			if name := anyNameAt(toks, k+1); name != "" && at(toks, j) == "run" && j > i {
				return &mention{class: cRun, text: name, rule: "run by name"}, k + 2 - i
			}
		}
		if name := runNameAt(lex, toks, k); name != "" {
			return &mention{class: cRun, text: name, rule: "name after " + w}, k + 1 - i
		}
		return nil, 0
	}
	if j != i || toks[i].kind != tWord && toks[i].kind != tQuoted {
		return nil, 0
	}
	w := toks[i].word
	for _, r := range known.Runs {
		if strings.EqualFold(r, w) || isRunID(w) && strings.HasPrefix(strings.ToLower(r), w) {
			return &mention{class: cRun, text: w, rule: "a run of this workspace"}, 1
		}
	}
	if toks[i].kind == tWord && isRunID(w) && !lex.known(toks[i]) && !containsFold(known.Datasets, w) && !datasetPlace(toks, i) {
		return &mention{class: cRun, text: w, rule: "looks like a run id"}, 1
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

// findSince reads "since yesterday", "from today", "in the last 3 days", "this
// week".
func findSince(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j := i
	for j < len(toks) && (at(toks, j) == "since" || at(toks, j) == "from" || at(toks, j) == "in" || at(toks, j) == "within" || at(toks, j) == "the" || at(toks, j) == "over") {
		j++
	}
	m := &mention{class: cSince, rule: "time"}
	switch w := at(toks, j); w {
	case "today", "yesterday":
		m.text = w
		return m, j + 1 - i
	case "this":
		if at(toks, j+1) == "week" || at(toks, j+1) == "month" {
			m.text = map[string]string{"week": "7d", "month": "30d"}[at(toks, j+1)]
			m.note = "I take this " + at(toks, j+1) + " as the last " + strings.TrimSuffix(m.text, "d") + " days."
			return m, j + 2 - i
		}
	case "last", "past":
		return sinceSpan(toks, i, j, m)
	}
	if at(toks, i) == "since" && j < len(toks) && looksLikeDate(toks[j].word) {
		m.text = toks[j].word
		return m, j + 1 - i
	}
	return nil, 0
}

// sinceSpan reads "last week", "past 3 days", "last 24 hours".
func sinceSpan(toks []token, i, j int, m *mention) (*mention, int) {
	n, k := 1.0, j+1
	if k < len(toks) && toks[k].kind == tNumber {
		n = toks[k].num
		k++
	}
	unit := map[string]float64{"hour": 1, "day": 24, "night": 24, "week": 168, "month": 720}[strings.TrimSuffix(at(toks, k), "s")]
	if unit == 0 || n <= 0 || n > 1e5 {
		return nil, 0
	}
	hours := int64(n * unit)
	m.text = plainNumber(float64(hours)) + "h"
	if hours%24 == 0 {
		m.text = plainNumber(float64(hours/24)) + "d"
	}
	return m, k + 1 - i
}

// looksLikeDate recognises 2026-10-01.
func looksLikeDate(w string) bool {
	return len(w) == 10 && w[4] == '-' && w[7] == '-' && strings.Trim(w, "0123456789-") == ""
}
