package planner

import (
	"slices"
	"strings"
)

// parse is an inquiry in the making. Taken items have had their say.
type parse struct {
	items []item
	taken []bool
	q     inquiry
}

// take marks items as read.
func (p *parse) take(from, to int) {
	for i := max(from, 0); i < to && i < len(p.items); i++ {
		p.taken[i] = true
	}
}

// has tells whether one of the words stands anywhere.
func (p *parse) has(words ...string) bool {
	return slices.ContainsFunc(p.items, func(it item) bool { return it.anyWord(words...) })
}

// word is the plain word at i, or "" outside.
func (p *parse) word(i int) string {
	if i < 0 || i >= len(p.items) {
		return ""
	}
	return p.items[i].word()
}

// groupColumn is the column that a noun for a kind of group names, or the
// setting.
func groupColumn(it item) string {
	if it.is(cMetric) && it.mention.text == "loss" {
		return "loss"
	}
	if it.is(cVolume) || it.mention != nil && !it.is(cRuns) {
		return ""
	}
	switch it.tok.stem {
	case "model", "network", "net", "architecture", "backbone":
		return "model"
	case "dataset", "cohort":
		return "dataset"
	case "state", "status", "outcome":
		return "state"
	case "device", "hardware", "gpu", "accelerator":
		return "device"
	case "machine", "host", "computer":
		return "host"
	case "volume", "case", "image", "scan", "stack", "patient":
		return "volume"
	case "day", "date", "week", "month":
		return it.tok.stem
	case "run", "training", "train", "experiment", "job":
		return "run_id"
	case "kind", "split", "loss":
		return it.tok.stem
	}
	return settingName(it)
}

// grouped reads "per model", "by dataset", "for each loss function", "model by
// model", "in every state", "of each run".
func (p *parse) grouped() {
	for i, it := range p.items {
		column := groupColumn(it)
		switch {
		case it.mention != nil && (it.tok.word == "each" || it.tok.word == "every") && (it.is(cRuns) || it.is(cRef) && it.end-it.start > len("every")):
			p.group("run_id")
		case column != "" && i+2 < len(p.items) && p.items[i+1].anyWord("by", "for") && column == groupColumn(p.items[i+2]):
			p.group(column)
			p.take(i, i+3)
		case it.anyWord("per", "each", "every"), it.anyWord("by") && !p.sorts(i), it.anyWord("across") && p.across(i):
			p.groupsAfter(i)
		}
	}
}

// groupsAfter reads the nouns after "per" or "each" at i.
func (p *parse) groupsAfter(i int) {
	for j := i + 1; j < len(p.items) && j <= i+6; j++ {
		it := p.items[j]
		if c := groupColumn(it); c != "" {
			p.group(c)
			p.take(i, j+1)
			if next := p.word(j + 1); next != "and" && next != "," && next != "function" {
				return
			}
			continue
		}
		if it.mention != nil && !it.is(cSplit) || !it.anyWord("the", "of", "single", "individual", "different", "type", "kind", "and", ",", "function", "one", "my", "our", "all", "training", "test", "validation", "used", "value", "calendar", "each", "combination", "pair", "pairing", "combo") {
			return
		}
	}
}

// across tells whether "across" at i names groups, rather than what is averaged
// over.
func (p *parse) across(i int) bool {
	for j := i + 1; j < len(p.items) && j <= i+3; j++ {
		if c := groupColumn(p.items[j]); c != "" {
			return (c == "model" || c == "dataset") && !p.has("stddev", "spread", "variation", "vary", "variance")
		}
	}
	return false
}

// which reads what the best or most frequent of is asked for as groups: "which
// model has the highest average dice", "which optimizer did we use most".
func (p *parse) which() {
	q := &p.q
	often := p.has("often", "frequent", "frequently", "common", "popular", "most", "fewest", "many") && len(q.stats) == 0 && q.of != ofScore && len(q.limits) == 0
	if !q.aggregated() && !often {
		return
	}
	for i := 0; i+1 < len(p.items); i++ {
		c := groupColumn(p.items[i+1])
		if !p.asksWhich(i, c) || c == "run_id" && (often || q.of != ofScore) || often && (c == "volume" || p.has("how_many")) {
			continue
		}
		if often {
			q.counts, q.of = true, ofCount
		}
		p.group(c)
		if p.has("lowest", "least", "fewest", "smallest", "shortest", "fastest", "quickest", "rarest") {
			q.order = "asc"
		}
		if p.has("highest", "most", "largest", "longest", "slowest", "biggest") {
			q.order = "desc"
		}
		q.dropExtremes()
	}
}

// asksWhich tells whether the item at i asks which of the groups of a column it
// is: "which model", "the hardest volumes".
func (p *parse) asksWhich(i int, column string) bool {
	q := &p.q
	worst := p.items[i].anyWord("worst", "hardest")
	if column != "volume" || !worst && !p.items[i].anyWord("best", "easiest") {
		return column != "" && p.items[i].anyWord("which", "what", "whose")
	}
	if q.of == ofScore {
		q.order = map[bool]string{true: "asc", false: "desc"}[worst != lowerIsBetter(q.names[0])]
	}
	return true
}

// sorts tells whether "by" at i says in which order.
func (p *parse) sorts(i int) bool {
	return i > 0 && p.items[i-1].anyWord("sort", "sorted", "order", "ordered", "rank", "ranked")
}

// group adds a column to group by.
func (p *parse) group(column string) {
	if !slices.Contains(p.q.groups, column) {
		p.q.groups = append(p.q.groups, column)
	}
}

// comparator reads words that compare with a number after them, from items[i]
// on: the operator, and where the number would stand.
func (p *parse) comparator(i int) (op string, next int) {
	not := p.word(i) == "not" || p.word(i) == "no"
	if not {
		i++
	}
	it := p.items[min(i, len(p.items)-1)]
	switch {
	case i >= len(p.items):
		return "", 0
	case it.anyWord("least", "minimum"), it.tok.word == ">=" || it.tok.word == "≥":
		op = ">="
	case it.anyWord("most", "maximum"), it.tok.word == "<=" || it.tok.word == "≤":
		op = "<="
	case it.anyWord("above", "over", "exceed", "exceeding", "more", "greater", "higher", "larger", "bigger", "beyond", "beat", "longer", "past", "better"), it.tok.word == ">":
		op = ">"
	case it.anyWord("below", "under", "less", "lower", "smaller", "fewer", "beneath", "shorter", "worse"), it.tok.word == "<":
		op = "<"
	case it.tok.word == "up" && p.word(i+1) == "to":
		op, i = "<=", i+1
	default:
		return "", 0
	}
	if not {
		op = map[string]string{">": "<=", "<": ">=", ">=": "<", "<=": ">"}[op]
	}
	for i++; i < len(p.items) && (p.items[i].anyWord("than", "of", "a", "an", "the", "or", "equal", "to", "by", "score", "value", "mean", "average", "test") && p.items[i].mention == nil || p.items[i].is(cMetric) && !p.taken[i]); i++ {
	}
	return op, i
}

// bounded reads "dice below 0.7", "at least 4", "between 0.6 and 0.8", "longer
// than 2 hours", "8 or more".
func (p *parse) bounded() {
	for i := range p.items {
		if p.taken[i] || p.word(i) == "at" {
			continue
		}
		if p.items[i].anyWord("between") && p.number(i+1) && i+3 < len(p.items) && p.items[i+2].anyWord("and", "to", "-") && p.number(i+3) {
			p.bound(">=", i, i+1)
			p.bound("<=", i, i+3)
			continue
		}
		if p.number(i) && p.word(i+1) == "or" {
			if op := map[bool]string{true: ">=", false: "<="}[p.items[min(i+2, len(p.items)-1)].anyWord("more", "higher", "above", "better", "larger", "greater", "over")]; i+2 < len(p.items) && p.items[i+2].anyWord("more", "higher", "above", "better", "larger", "greater", "over", "less", "lower", "below", "fewer", "smaller", "worse", "under") {
				p.bound(op, i, i)
				p.take(i+1, i+3)
			}
			continue
		}
		if op, k := p.comparator(i); op != "" && p.number(k) {
			at := i
			if p.word(i) == "not" || p.word(i) == "no" {
				at++
			}
			better := p.items[at].anyWord("better", "beat")
			if (better || p.items[at].anyWord("worse")) && lowerIsBetter(p.nearest(i, k)) {
				op = map[string]string{">": "<", "<": ">", ">=": "<=", "<=": ">="}[op]
			}
			p.bound(op, i, k)
			p.take(i, k)
		}
	}
}

// number tells whether a number that nobody has read stands at i.
func (p *parse) number(i int) bool {
	return i >= 0 && i < len(p.items) && p.items[i].is(cNumber) && !p.taken[i]
}

// nearest is the metric that a comparison at items[i] with the number at k is
// about: the one before it, or the one right after the number.
func (p *parse) nearest(i, k int) string {
	for j := i + 1; j < k; j++ { // "below a Dice of 0.75"
		if p.items[j].is(cMetric) && !p.taken[j] {
			return p.items[j].mention.text
		}
	}
	for j := i - 1; j >= 0; j-- {
		if p.items[j].is(cMetric) && !p.taken[j] {
			return p.items[j].mention.text
		}
	}
	for j := k + 1; j < len(p.items) && j <= k+4; j++ {
		if p.items[j].is(cMetric) && !p.taken[j] {
			return p.items[j].mention.text
		}
	}
	return ""
}

// bound adds a limit: what it is about is said by the unit after the number, or
// by the setting or metric nearest to it.
func (p *parse) bound(op string, i, k int) {
	v := p.items[k].tok.num
	p.taken[k] = true
	unit := p.items[min(k+1, len(p.items)-1)]
	if seconds := secondsIn(unit); k+1 < len(p.items) && seconds > 0 {
		p.q.limits = append(p.q.limits, limit{ofSeconds, "", op, v * seconds})
		p.taken[k+1] = true
		return
	}
	if bytes := bytesIn(unit); k+1 < len(p.items) && bytes > 0 {
		p.q.limits = append(p.q.limits, limit{ofBytes, "", op, v * bytes})
		p.q.of = ofBytes
		return
	}
	if k+1 < len(p.items) {
		for of, unitWords := range map[quantity][]string{ofEpoch: {"epoch"}, ofStep: {"step", "iteration"}} {
			if unit.anyWord(unitWords...) {
				p.q.limits = append(p.q.limits, limit{of, "", op, v})
				p.taken[k+1] = true
				return
			}
		}
	}
	for j := i - 1; j >= 0 && j >= i-6; j-- {
		if p.items[j].is(cMetric) && !p.taken[j] {
			break
		}
		if name := settingName(p.items[j]); name != "" && name != "epochs" && !p.taken[j] {
			p.q.limits = append(p.q.limits, limit{ofSetting, name, op, v})
			return
		}
	}
	if k+1 < len(p.items) && settingName(unit) != "" && !unit.is(cMetric) {
		p.q.limits = append(p.q.limits, limit{ofSetting, settingName(unit), op, v})
		return
	}
	if m := p.nearest(i, k); m != "" {
		p.q.limits = append(p.q.limits, limit{ofScore, m, op, v})
		return
	}
	p.q.limits = append(p.q.limits, limit{ofNothing, "", op, v}) // of what is measured
}

// secondsIn is how many seconds a unit of time has; 0 if it is none.
func secondsIn(it item) float64 {
	switch {
	case it.anyWord("second", "sec", "s"):
		return 1
	case it.anyWord("minute", "min", "mins"):
		return 60
	case it.anyWord("hour", "hr", "hrs", "h"):
		return 3600
	case it.anyWord("day"):
		return 86400
	}
	return 0
}

// asLoss is how many items say that the metric at i is the loss of a training:
// "cldice loss", "cldice used as the loss"; 0 if they do not.
func (p *parse) asLoss(i int) int {
	if !p.items[i].is(cMetric) || p.items[i].mention.text == "loss" {
		return 0
	}
	as := false
	for j := i + 1; j < len(p.items) && j <= i+4; j++ {
		loss := p.items[j].anyWord("loss") || p.items[j].is(cMetric) && p.items[j].mention.text == "loss"
		if loss && (as || j == i+1) {
			return j - i + 1
		}
		as = as || p.items[j].anyWord("as")
	}
	return 0
}

// bytesIn is how many bytes a unit of storage has; 0 if it is none.
func bytesIn(it item) float64 {
	switch {
	case it.anyWord("gb", "gigabyte", "gib"):
		return 1e9
	case it.anyWord("mb", "megabyte", "mib"):
		return 1e6
	}
	return 0
}

// chosen reads settings that must have one value: "with sgd", "batch size 4",
// "cldice loss".
func (p *parse) chosen() {
	for i, it := range p.items {
		if p.taken[i] || it.tok.kind == tQuoted {
			continue
		}
		if name := settingName(it); name != "" {
			j := i + 1
			for j < len(p.items) && p.items[j].anyWord("of", "is", "=", "equal", "to", "set", "at", "exactly") {
				j++
			}
			if p.number(j) && !p.items[j].tok.weak && (name != "epochs" || j > i+1) {
				p.q.limits = append(p.q.limits, limit{ofSetting, name, "=", p.items[j].tok.num})
				p.take(i, j+1)
			}
			continue
		}
		if n := p.asLoss(i); n > 0 {
			p.q.limits = append(p.q.limits, limit{ofSetting, "loss", "=", it.mention.text})
			p.take(i, i+n)
			continue
		}
		if w := it.word(); (w == "dice_ce" || strings.HasSuffix(w, "_cldice") || w == "dice_ce_boundary" || w == "ce") && it.mention == nil {
			p.q.limits = append(p.q.limits, limit{ofSetting, "loss", "=", w})
			p.take(i, i+1)
			continue
		}
		for _, c := range choices() {
			if (c.param == "optimizer" || c.param == "precision") && it.anyWord(c.words...) {
				p.q.limits = append(p.q.limits, limit{ofSetting, c.param, "=", c.value})
				p.take(i, i+1)
			}
		}
	}
}
