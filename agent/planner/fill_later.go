package planner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// optionalDataset takes the dataset that is named, or that "it" means.
func (r *reader) optionalDataset(d *draft, items []item) {
	if i, ok := first(items, cDataset); ok {
		r.set(d, "dataset", mentioned(items, i), items)
		return
	}
	if i, ok := first(items, cDataRef); ok && orElse(r.dataset, r.mem.dataset) != "" {
		r.set(d, "dataset", value{v: orElse(r.dataset, r.mem.dataset), from: i, to: i + 1, rule: "reference"}, items)
	}
}

// fillPromote reads the model, its version and the alias that it gets.
func fillPromote(r *reader, d *draft, items []item, _ toolInfo) bool {
	if at := aliasAt(items); at >= 0 {
		r.set(d, "alias", value{v: nameOf(items[at]), from: at, to: at + 1, rule: "alias"}, items)
	}
	if v, ok := r.numeric(items, "version"); ok {
		v.list = nil
		r.set(d, "version", v, items)
	}
	for i := range items {
		if items[i].used || items[i].is(cNumber) {
			continue
		}
		if n, ok := versionWord(items[i].word()); ok && d.args["version"] == nil {
			r.set(d, "version", value{v: n, from: i, to: i + 1, rule: "version"}, items)
			continue
		}
		if r.namesModel(items[i]) && !has(d.args, "name") {
			r.set(d, "name", value{v: nameOf(items[i]), from: i, to: i + 1, rule: "name of the model"}, items)
		}
	}
	return true
}

// aliasAt finds the alias that a version gets: one that is usual, or what
// follows "to" or "as". It is -1 if there is none.
func aliasAt(items []item) int {
	at := -1
	for i := range items {
		switch {
		case isAlias(items[i].word()) || i > 0 && items[i-1].anyWord("alias"):
			at = i
		case at < 0 && i > 1 && items[i-1].anyWord("to", "as") && nameOf(items[i]) != "" && !isDeterminer(items[i].word()) && !items[i].is(cNumber):
			at = i
		}
	}
	return at
}

// namesModel tells whether an item may be the name of a registered model.
func (r *reader) namesModel(it item) bool {
	if it.mention == nil {
		return it.is(cQuoted) || r.lex.nameAt([]token{it.tok}, 0) != ""
	}
	return it.is(cRun) || it.is(cDataset) || it.is(cName)
}

// isAlias lists what versions of models are usually promoted to.
func isAlias(w string) bool {
	switch w {
	case "champion", "challenger", "staging", "production", "prod", "candidate", "archived", "canary":
		return true
	}
	return false
}

// versionWord reads "v3".
func versionWord(w string) (int64, bool) {
	digits, ok := strings.CutPrefix(w, "v")
	n, unit, isNumber := parseNumber(digits)
	return int64(n), ok && isNumber && unit == "" && strings.Trim(digits, "0123456789") == ""
}

// fillDrift reads which dataset is compared with which: what is said to have
// drifted is the current one, what it drifted from the reference.
func fillDrift(r *reader, d *draft, items []item, info toolInfo) bool {
	found := all(items, cDataset)
	if len(found) > 2 {
		found = found[:2]
	}
	against := slices.IndexFunc(found, func(i int) bool {
		return i > 0 && items[i-1].anyWord("from", "against", "versus", "vs", "than", "with") || i > 1 && items[i-1].anyWord("to") && items[i-2].anyWord("compared", "compare", "relative")
	})
	if k := slices.IndexFunc(found, func(i int) bool { return namedReference(items, i) }); k >= 0 {
		against = k
	}
	for k, i := range found {
		param := "current"
		if k == against || against < 0 && k == 0 && len(found) == 2 {
			param = "reference"
		}
		r.set(d, param, mentioned(items, i), items)
	}
	if v, ok := enumValue(items, "method", info.params["method"].choices()); ok {
		r.set(d, "method", v, items)
	}
	return r.required(d, info)
}

// namedReference tells whether the dataset at items[i] is said to be the
// reference: "minivess as the reference", "the reference is minivess".
func namedReference(items []item, i int) bool {
	means := func(it item) bool { return it.anyWord("reference", "baseline", "yardstick", "benchmark", "standard") }
	for j := i + 1; j < len(items) && j <= i+4; j++ {
		if means(items[j]) {
			return true
		}
		if !items[j].anyWord("as", "for", "is", "be", "being", "dataset", "data", "our") && !isDeterminer(items[j].word()) {
			break
		}
	}
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if means(items[j]) {
			return true
		}
		if !items[j].anyWord("is", "be", "being", "dataset", ":", "=", "set", "should") && !isDeterminer(items[j].word()) {
			break
		}
	}
	return false
}

// fillRunList fills the argument runs: those named, referred to or described.
func (r *reader) fillRunList(d *draft, items []item) bool {
	picks := certain(r.pick(items, true))
	if len(picks) == 0 && len(r.acted) > 1 && len(r.trained) == 0 {
		for _, run := range r.acted {
			picks = append(picks, picked{selector: run, val: value{v: run, rule: "the runs of this plan"}})
		}
	}
	_, ofModel := first(items, cModel)
	_, ofData := first(items, cDataset)
	if many := r.mem.several(); len(picks) == 0 && (len(r.group) > 0 || ofModel || ofData || len(many) < 2) {
		picks = r.fallback(items, d.tool)
	}
	if len(picks) == 0 {
		for _, run := range orGroup(r.trained, r.mem.several()) {
			picks = append(picks, picked{selector: run, val: value{v: run, rule: "the runs spoken of"}})
		}
	}
	var list []any
	for _, p := range picks {
		r.note(p.note)
		if p.lookup != nil {
			r.lookup(d, p, true)
			continue
		}
		if !slices.Contains(list, any(p.selector)) {
			list = append(list, p.selector)
			r.set(d, "runs", value{v: list, from: p.val.from, to: p.val.to, rule: p.val.rule}, items)
		}
	}
	r.measuredFirst(d, list)
	return len(list) > 0
}

// volumeName is the shape of names that volumes have: letters, then digits.
var volumeName = regexp.MustCompile(`^[a-z]{1,12}[-_]?[0-9]{1,6}$`) //nolint:gochecknoglobals // a compiled pattern

// volumeValue reads the name of a volume: after the word for one, or one of
// that shape that is no dataset of this workspace.
func (r *reader) volumeValue(items []item) (value, bool) {
	for i := range items {
		if items[i].used {
			continue
		}
		name := nameOf(items[i])
		after := i > 0 && items[i-1].anyWord("volume", "case", "image", "scan", "stack")
		known := containsFold(r.known.Datasets, name)
		free := items[i].is(cDataset) || items[i].mention == nil && items[i].tok.kind == tWord && r.lex.nameAt([]token{items[i].tok}, 0) != ""
		if items[i].is(cPath) {
			return value{v: clean(items[i].tok.text), from: i, to: i + 1, rule: "path"}, true
		}
		if free && !known && (after || volumeName.MatchString(name)) {
			return value{v: name, from: i, to: i + 1, rule: "name of a volume"}, true
		}
	}
	return value{}, false
}

// enumValue reads one of an argument's choices: said as it is written, with
// spaces or hyphens for its underscores, or in other words.
func enumValue(items []item, param string, choices []string) (value, bool) {
	if v, ok := enumWord(items, choices); ok {
		return v, true
	}
	bare := strings.NewReplacer("-", "", "_", "")
	for _, c := range choices {
		parts := strings.Split(c, "_")
		for i := range items {
			if w := items[i].word(); w != "" && bare.Replace(w) == bare.Replace(c) {
				return value{v: c, from: i, to: i + 1, rule: "one of the choices"}, true
			}
			if i+len(parts) <= len(items) && saysParts(items[i:], parts) {
				return value{v: c, from: i, to: i + len(parts), rule: "one of the choices"}, true
			}
		}
	}
	if v, ok := chosen(items, param); ok {
		if name, _ := v.v.(string); len(choices) == 0 || slices.Contains(choices, name) {
			return v, true
		}
	}
	return value{}, false
}

// saysParts tells whether items begin with these words or their stems.
func saysParts(items []item, parts []string) bool {
	for i, p := range parts {
		if items[i].used || !items[i].anyWord(p, stem(p)) || p == "weighted" && items[i].tok.word != p {
			return false
		}
	}
	return true
}

// measuredFirst lets a report wait for the evaluation of its runs, and plans one
// for those that this plan trains.
func (r *reader) measuredFirst(d *draft, list []any) {
	if d.tool != "report_write" && d.tool != "model_card" {
		return
	}
	for _, v := range list {
		run := fmt.Sprint(v)
		if d.tool == "report_write" && slices.Contains(r.trained, run) && r.judged[run] == "" && r.cat.has("evaluate_run") {
			r.emitEvaluation(run, nil, "")
		}
		if id := r.judged[run]; id != "" {
			d.needs = append(d.needs, id) // what is reported is measured first
		}
	}
}
