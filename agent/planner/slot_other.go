package planner

import (
	"math"
	"path"
	"slices"
	"strings"
)

// tagPair reads what a tag says: "stage=pilot", "as baseline", "that the
// reviewer is ada", or a bare word at the end.
func tagPair(items []item) (key, val value, ok bool) {
	if key, val, ok = keyAndValue(items); ok {
		return key, val, true
	}
	for i := range items {
		it := items[i]
		switch {
		case it.is(cAssign) && !it.used:
			return value{v: clean(it.tok.word), from: i, to: i + 1, rule: "key=value"}, value{v: clean(it.tok.text), from: i, to: i + 1, rule: "key=value"}, true
		case it.is(cTag):
			return splitTag(it.mention.text, i)
		case it.anyWord("is", ":"):
			key, val, ok = tagSentence(items, i)
		case it.anyWord("as", "with", "tag", "label", "="):
			key, val, ok = tagAfter(items, i)
		}
		if ok {
			return key, val, true
		}
	}
	n := len(items)
	if n < 2 || !hasRun(items[:n-1]) || items[n-1].mention != nil && !items[n-1].is(cState) || items[n-1].anyWord("tag", "run", "it", "please", "now") {
		return value{}, value{}, false
	}
	if last := items[n-1]; last.tok.kind == tWord || last.tok.kind == tQuoted {
		return splitTag(tagText(last), n-1)
	}
	return value{}, value{}, false
}

// keyAndValue reads a tag whose two parts are both named: "a tag, key is paper
// and value is fig3", "set the tag paper to fig3", "tag stage with value pilot",
// "set the status of brisk-otter to reviewed".
func keyAndValue(items []item) (key, val value, ok bool) {
	k, v := partAfter(items, "key"), partAfter(items, "value")
	if eq := slices.IndexFunc(items, func(it item) bool { return it.anyWord("=") }); eq > 0 && k < 0 {
		k = eq - 1 // "outcome = diverged"
	}
	lead := slices.IndexFunc(items, func(it item) bool { return it.anyWord("tag", "set", "change", "switch", "turn") })
	if k < 0 && lead >= 0 {
		k = skipWhile(items, lead+1, func(it item) bool {
			return isDeterminer(it.word()) || it.is(cRun) || it.is(cRef) || it.anyWord("tag", "called", "named", "key", "value", ":", "'s")
		})
	}
	if k < 0 || k >= len(items) || !mayBeTag(items[k]) {
		return value{}, value{}, false
	}
	if v < 0 {
		v = valueOf(items, k, lead >= 0 && items[lead].anyWord("tag"))
	}
	if v < 0 || v >= len(items) || v == k || !mayBeTag(items[v]) {
		return value{}, value{}, false
	}
	return value{v: tagText(items[k]), from: k, to: k + 1, rule: "key and value"}, value{v: tagText(items[v]), from: v, to: v + 1, rule: "key and value"}, true
}

// valueOf finds what the key at items[k] is set to, or -1.
func valueOf(items []item, k int, tag bool) int {
	v := skipWhile(items, k+1, func(it item) bool { return it.anyWord("tag") })
	if v+1 < len(items) && items[v].anyWord("of", "for", "on") && (items[v+1].is(cRun) || items[v+1].is(cRef)) {
		v += 2
	}
	if v >= len(items) || !items[v].anyWord("to", "=", ":", "as") && (!tag || !items[v].anyWord("is", "should", "shall", "must")) {
		return -1
	}
	return skipWhile(items, v+1, func(it item) bool { return isDeterminer(it.word()) || it.anyWord("be", "now", "value", ":") })
}

// skipWhile is the first place from i on where ok does not hold.
func skipWhile(items []item, i int, ok func(item) bool) int {
	for i < len(items) && ok(items[i]) {
		i++
	}
	return i
}

// partAfter finds what "key" or "value" is said to be, or -1.
func partAfter(items []item, part string) int {
	for i := range items {
		if !items[i].anyWord(part) {
			continue
		}
		j := i + 1
		for j < len(items) && (items[j].anyWord("is", "=", ":", "shall", "should", "be", "of") || isDeterminer(items[j].word())) {
			j++
		}
		if j < len(items) && mayBeTag(items[j]) {
			return j
		}
	}
	return -1
}

// mayBeTag tells whether an item may be the key or the value of a tag.
func mayBeTag(it item) bool {
	if it.is(cRun) || it.is(cRef) || it.is(cRuns) || it.is(cAssign) || it.tok.kind == tPunct || it.mention == nil && (isPreposition(it.word()) || it.anyWord("and", "value", "key")) {
		return false
	}
	return nameOf(it) != ""
}

// tagText is what an item says as a part of a tag: a state is only a word there.
func tagText(it item) string {
	if it.is(cState) {
		return asWritten(it.tok)
	}
	return nameOf(it)
}

// tagSentence reads "the reviewer is ada" around the "is" at items[i].
func tagSentence(items []item, i int) (key, val value, ok bool) {
	if key, val, ok = tagOfRun(items, i); ok {
		return key, val, true
	}
	if i == 0 || i+1 >= len(items) || items[i-1].mention != nil || items[i-1].tok.kind != tWord || items[i-1].anyWord("that", "it") {
		return value{}, value{}, false
	}
	name := nameOf(items[i+1])
	return value{v: clean(items[i-1].tok.word), from: i - 1, to: i, rule: "key is value"}, value{v: name, from: i + 1, to: i + 2, rule: "key is value"}, name != ""
}

// tagOfRun reads "the reviewer of brisk-otter is now ada" and "brisk-otter is the
// baseline" around the "is" at items[i].
func tagOfRun(items []item, i int) (key, val value, ok bool) {
	if i == 0 || !items[i].anyWord("is") || !items[i-1].is(cRun) && !items[i-1].is(cRef) {
		return value{}, value{}, false
	}
	j := i + 1
	for j < len(items) && (items[j].anyWord("now", "from", "on", "our", "set", "to", "again") || isDeterminer(items[j].word())) {
		j++
	}
	if j >= len(items) {
		return value{}, value{}, false
	}
	name := nameOf(items[j])
	if i > 2 && items[i-2].anyWord("of", "for") && items[i-3].mention == nil && items[i-3].tok.kind == tWord && name != "" {
		return value{v: clean(items[i-3].tok.word), from: i - 3, to: i - 2, rule: "key of run is value"}, value{v: name, from: j, to: j + 1, rule: "key of run is value"}, true
	}
	if name == "" || items[j].mention != nil && (!items[j].is(cDataset) || !strings.HasPrefix(items[j].mention.rule, "name ")) {
		return value{}, value{}, false
	}
	return splitTag(name, j)
}

// tagAfter reads the tag after "as", "with" or "tag" at items[i]; after "tag"
// only a quoted one, because the run follows there.
func tagAfter(items []item, i int) (key, val value, ok bool) {
	j := i + 1
	for j < len(items) && items[j].anyWord("a", "an", "the", "our", "my", "tag", "label", "key") {
		j++
	}
	onto := j+1 < len(items) && items[j+1].anyWord("to", "on", "onto") && items[j].mention == nil
	if j >= len(items) || items[j].is(cAssign) || !items[i].anyWord("as", "with", "=") && !items[j].is(cQuoted) && !onto {
		return value{}, value{}, false
	}
	name := nameOf(items[j])
	if name == "" {
		return value{}, value{}, false
	}
	return splitTag(name, j)
}

func hasRun(items []item) bool {
	for _, it := range items {
		if it.is(cRun) || it.is(cRef) || it.is(cRuns) {
			return true
		}
	}
	return false
}

// splitTag turns "stage=pilot" or "baseline" into key and value.
func splitTag(text string, i int) (key, val value, ok bool) {
	k, v, pair := strings.Cut(text, "=")
	if !pair {
		v = "true"
	}
	k = strings.Join(strings.FieldsFunc(k, func(r rune) bool { return r == ' ' || r == ',' }), "-")
	return value{v: clean(k), from: i, to: i + 1, rule: "tag"}, value{v: clean(v), from: i, to: i + 1, rule: "tag"}, k != ""
}

// nameOf returns an item as a name.
func nameOf(it item) string {
	if it.mention != nil {
		return clean(it.mention.text)
	}
	switch it.tok.kind {
	case tWord:
		return asWritten(it.tok)
	case tQuoted:
		return clean(it.tok.text)
	case tNumber:
		return clean(strings.ToLower(it.tok.text))
	case tTriple, tAssign, tPath, tSQL, tPunct:
	}
	return ""
}

// errorRate reads an error rate that is allowed: as it is, or as the coverage
// that it leaves.
func errorRate(items []item) (value, bool) {
	words := []string{"coverage", "confidence", "guarantee"}
	if v, ok := number(items, slot{param: "coverage", whole: false, leads: words, units: words}); ok {
		if share, isShare := v.v.(float64); isShare && share > 0 && share < 1 {
			v.v, v.list, v.rule = math.Round((1-share)*1e9)/1e9, nil, "one minus the coverage"
			return v, true
		}
	}
	leads := []string{"alpha", "risk", "level", "error", "rate", "miscoverage"}
	v, ok := number(items, slot{param: "alpha", whole: false, leads: leads, units: leads})
	v.list = nil
	return v, ok
}

// spokenName reads a name that is said to be one: "called X", "as X", "under
// X", "as a version of X".
func spokenName(items []item) (value, bool) {
	if i, ok := first(items, cName); ok {
		return mentioned(items, i), true
	}
	for i := range items {
		if !items[i].anyWord("as", "under", "version", "model") {
			continue
		}
		j, kind := i+1, false
		for j < len(items) && (isDeterminer(items[j].word()) || items[j].is(cRef) || items[j].anyWord("new", "next", "version", "of", "for", "model", "name", ":")) {
			kind = kind || items[j].anyWord("a", "an")
			kind = kind && !items[j].anyWord("of", "name")
			j++
		}
		if j >= len(items) || kind || items[j].used || items[j].is(cPath) || items[j].is(cNumber) || items[j].tok.kind == tPunct {
			continue
		}
		if !items[i].anyWord("as", "under") && (j == i+1 && items[i].anyWord("version") || !namesStored(items[j])) {
			continue
		}
		if name := nameOf(items[j]); name != "" {
			return value{v: name, from: i + 1, to: j + 1, rule: "name after " + items[i].word()}, true
		}
	}
	return value{}, false
}

// namesStored tells whether an item after "model" or "version of" is the name of
// a registered model.
func namesStored(it item) bool {
	if it.mention != nil {
		return it.is(cRun) || it.is(cDataset)
	}
	return !it.anyWord("registry", "card", "is", "and", "with", "on", "in", "to", "by", "at", "from")
}

// newName reads the name of something to be made: "called X", "X as NAME",
// "a dataset NAME".
func newName(items []item) (value, bool) {
	if i, ok := first(items, cName); ok {
		return mentioned(items, i), true
	}
	for i := range items {
		if items[i].anyWord("as", "under") && i+1 < len(items) {
			if name := nameOf(items[i+1]); name != "" && !items[i+1].anyWord("a", "the", "an") {
				return value{v: name, from: i + 1, to: i + 2, rule: "name after as"}, true
			}
		}
	}
	if i, ok := first(items, cDataset); ok {
		return mentioned(items, i), true
	}
	if i, ok := first(items, cQuoted); ok {
		return value{v: clean(items[i].tok.text), from: i, to: i + 1, rule: "quoted name"}, true
	}
	return value{}, false
}

// nameFromPath makes a dataset's name of a folder's.
func nameFromPath(p string) string {
	base := strings.ToLower(path.Base(strings.TrimRight(p, "/")))
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, base)
	return strings.Trim(name, "-")
}

// testFraction reads "30 % for testing", "hold out 20%".
func testFraction(items []item) (value, bool) {
	for i := range items {
		if !items[i].anyWord("nothing", "no", "none", "without", "zero") || items[i].is(cNumber) {
			continue
		}
		if j := slices.IndexFunc(items[i:min(len(items), i+5)], func(it item) bool {
			return it.anyWord("test", "testing", "held-out", "holdout") || it.is(cSplit) && it.mention.text == "test"
		}); j > 0 {
			return value{v: int64(0), from: i, to: i + j + 1, rule: "nothing is kept for testing"}, true
		}
	}
	if v, ok := number(items, slot{param: "test_fraction", whole: false, leads: []string{"test_fraction", "fraction", "test", "test-fraction", "holdout", "held-out"}, units: []string{"test", "testing"}}); ok {
		return v, true
	}
	for i := range items {
		first, second, ok := strings.Cut(items[i].tok.text, "/")
		a, _, isA := parseNumber(first)
		b, _, isB := parseNumber(second)
		if ok && isA && isB && a+b == 100 && items[i].is(cNumber) && !items[i].used {
			return value{v: b / 100, from: i, to: i + 1, rule: "the second share is for testing"}, true
		}
	}
	for i := range items {
		if n := items[i].tok.num; items[i].is(cNumber) && !items[i].used && n > 0 && n < 1 {
			return value{v: n, from: i, to: i + 1, rule: "a share of the volumes"}, true
		}
	}
	return value{}, false
}

// orderBy reads "sorted by dice" and "newest first".
func orderBy(items []item) (by value, descending value, ok bool) {
	worst := worstFirst(items)
	for i := range items {
		switch {
		case !ok && byAge(items[i:]):
			by, ok = value{v: "created", from: i, to: i + 2, rule: "order"}, true
		case items[i].anyWord("sort", "order", "rank", "ordered", "sorted", "by", "according"):
			if v, found := orderAfter(items, i); found {
				by, ok = v, true
			}
		case items[i].is(cMetric) && i+1 < len(items) && items[i+1].anyWord("first"):
			by, ok = value{v: nameOf(items[i]), from: i, to: i + 2, rule: "order"}, true
			worst = i > 0 && items[i-1].anyWord("worst", "poorest")
		case items[i].is(cMetric) && i > 0 && items[i-1].anyWord("best", "highest", "lowest", "worst") && !ok:
			by, ok = value{v: nameOf(items[i]), from: i - 1, to: i + 1, rule: "the best first"}, true
			worst = items[i-1].anyWord("worst")
		case items[i].is(cRuns) && items[i].mention.metric != "":
			by, ok = value{v: items[i].mention.metric, from: i, to: i + 1, rule: "the best first"}, true
			if k, named := first(items, cMetric); named {
				by.v = items[k].mention.text
			}
		}
	}
	if k := slices.IndexFunc(items, func(it item) bool { return it.anyWord("alphabetical", "alphabetically") }); k >= 0 {
		by = value{v: "name", from: k, to: k + 1, rule: "order"}
	} else if !ok {
		return by, descending, false
	}
	name, _ := by.v.(string)
	if worst {
		descending = value{v: lowerIsBetter(name), from: by.from, to: by.to, rule: "the worst first"}
	}
	if v, said := directionSaid(items); said {
		descending = v
	}
	return by, descending, true
}

// byAge recognises "oldest first", "newest at the top".
func byAge(items []item) bool {
	return items[0].anyWord("oldest", "newest", "latest") && len(items) > 1 && items[1].anyWord("first", "top", "at", "on")
}

// worstFirst reads "worst one first", "the worst on top".
func worstFirst(items []item) bool {
	i := slices.IndexFunc(items, func(it item) bool { return it.anyWord("worst", "poorest") })
	return i >= 0 && slices.ContainsFunc(items[i:min(i+4, len(items))], func(it item) bool { return it.anyWord("first", "top") })
}

// directionSaid reads whether the largest or the smallest come first.
func directionSaid(items []item) (v value, ok bool) {
	for i := range items {
		up := items[i].anyWord("ascending", "oldest", "lowest", "smallest", "fewest")
		if up || items[i].anyWord("descending", "newest", "highest", "largest", "reverse", "reversed") {
			v, ok = value{v: !up, from: i, to: i + 1, rule: "order"}, true
		}
	}
	return v, ok
}

// orderAfter reads what "sorted by" at items[i] goes on with.
func orderAfter(items []item, i int) (value, bool) {
	j := i + 1
	for j < len(items) && (items[j].anyWord("by", "on", "of", "the", "best", "to", "alphabetically", "in") || items[j].is(cRef) || items[j].is(cSplit)) {
		j++
	}
	switch {
	case j >= len(items):
		return value{}, false
	case items[j].is(cMetric):
		return value{v: nameOf(items[j]), from: i, to: j + 1, rule: "order"}, true
	case orderColumn(items[j]) == "":
		return value{}, false
	}
	return value{v: orderColumn(items[j]), from: i, to: j + 1, rule: "order"}, true
}

// orderColumn is the column of a list of runs that a word names, or "".
func orderColumn(it item) string {
	switch it.tok.stem {
	case "name", "model", "dataset", "state", "step":
		if it.mention == nil {
			return it.tok.stem
		}
	case "created", "date", "time", "age", "creation", "launch", "start":
		return "created"
	case "network", "architecture":
		return "model"
	case "status":
		return "state"
	}
	return ""
}

// lowerIsBetter tells the direction of a metric.
func lowerIsBetter(metric string) bool {
	switch metric {
	case "hd95", "hd", "assd", "masd", "loss", "seconds", "brier", "nll", "ece", "mce":
		return true
	}
	return strings.HasSuffix(metric, "_error")
}
