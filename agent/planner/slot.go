package planner

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// slot says how the value of a numeric argument is written: "3 epochs" (a
// unit behind) or "learning rate 3e-4" (a lead before), and from where to where
// values make sense: both bounds are 0 where any does.
type slot struct {
	param     string
	whole     bool // whole numbers only
	leads     []string
	units     []string
	low, high float64
}

// takes tells whether a number may be a value of the slot.
func (s slot) takes(n float64) bool {
	return (!s.whole || n == math.Trunc(n)) && (s.low == s.high || n >= s.low && n <= s.high)
}

// slots lists the numeric arguments of all tools. An argument that is not
// listed is found by its own name.
func slots() []slot {
	const most = 1e9
	return []slot{
		{"epochs", true, []string{"epoch", "ep"}, []string{"epoch", "ep", "pass", "passes"}, 1, most},
		{"max_steps", true, []string{"max_steps", "step", "iteration"}, []string{"step", "iteration", "iter", "update", "max_steps"}, 0, most},
		{"learning_rate", false, []string{"learning_rate", "lr", "rate", "lrs"}, []string{"learning_rate", "lr", "lrs"}, 1e-9, 1},
		{"batch_size", true, []string{"batch_size", "batch", "bs", "batches", "minibatch", "minibatches", "batchsize"}, []string{"batch_size", "batchsize"}, 1, 1 << 16},
		{"patience", true, []string{"patience", "early_stop"}, []string{"patience", "validation", "check"}, 0, most},
		{"seed", true, []string{"seed"}, nil, 0, most},
		{"fold", true, []string{"fold"}, nil, 0, 1000},
		{"folds", true, []string{"fold", "into"}, []string{"fold", "way", "part"}, 0, 0},
		{"volumes", true, []string{"volume"}, []string{"volume", "image", "scan", "case", "sample", "tree", "stack", "vol"}, 0, 0},
		{"limit", true, []string{"limit", "top", "first"}, []string{"run", "experiment", "one", "training", "result"}, 0, 0},
		{"tail", true, []string{"tail"}, []string{"line", "row"}, 1, most},
		{"trials", true, []string{"trial"}, []string{"trial", "combination", "configuration", "training", "attempt", "try"}, 0, 0},
		{"alpha", false, []string{"alpha"}, nil, 0, 0},
		{"port", true, []string{"port"}, nil, 0, 0},
		{"version", true, []string{"version"}, nil, 0, 0},
	}
}

// override is a setting of an experiment that is no argument of its own.
type override struct {
	key          string
	leads, units []string
}

func overrides() []override {
	return []override{
		{"train.weight_decay", []string{"weight_decay"}, []string{"weight_decay"}},
		{"model.dropout", []string{"dropout"}, nil},
		{"train.warmup_steps", []string{"warmup"}, []string{"warmup"}},
		{"threads", nil, []string{"thread"}},
	}
}

// value is something found for an argument, with the words it came from.
type value struct {
	v        any
	list     []any // more than one value: the step is done for each
	from, to int   // items
	claimed  []int // pairs of further items
	at       []int // where each of the list was said
	rule     string
}

// number finds the value of a numeric slot, and every further value that the
// clause gives it.
func number(items []item, s slot) (value, bool) {
	var out value
	for i := 0; i < len(items); i++ {
		v, ok := numberAt(items, i, s)
		if !ok || out.rule != "" && v.from < out.end() {
			continue // what was a unit is no lead
		}
		if out.rule == "" {
			out = v
		} else {
			out = out.beside(v)
		}
		i = max(i, v.to-1)
	}
	return out, out.rule != ""
}

// end is the place after the last item that gave a value.
func (v value) end() int {
	if n := len(v.claimed); n > 0 {
		return v.claimed[n-1]
	}
	return v.to
}

// beside adds the values of another place where the same setting is named.
func (v value) beside(other value) value {
	add := other.list
	if add == nil {
		add = []any{other.v}
	}
	where := other.at
	if len(where) != len(add) {
		where = []int{other.from}
	}
	if v.list == nil {
		v.list, v.at = []any{v.v}, []int{v.from}
	}
	for i, a := range add {
		if !slices.Contains(v.list, a) {
			v.list, v.at = append(v.list, a), append(v.at, where[min(i, len(where)-1)])
		}
	}
	if len(v.list) == 1 {
		v.list = nil
	}
	v.claimed = append(v.claimed, other.from, other.to)
	return v
}

// numberAt finds the value of a slot at items[i], and those that follow it in a
// list.
func numberAt(items []item, i int, s slot) (value, bool) {
	if items[i].used || !items[i].is(cNumber) || !s.takes(items[i].tok.num) {
		return value{}, false
	}
	if end, ok := unitAfter(items, i, s.units); ok && !leadsOn(items, i, end) {
		if manyOf(items[end-1]) && (s.param == "learning_rate" || s.param == "batch_size") {
			return value{}, false // "three learning rates": how many there are
		}
		return value{v: numeric(items[i].tok.num, s.whole), from: i, to: end, rule: "number before its unit"}, true
	}
	if end, ok := nameAfter(items, i, s); ok {
		return value{v: numeric(items[i].tok.num, s.whole), from: i, to: end, rule: "number before its name"}, true
	}
	if start, ok := leadBefore(items, i, s.leads); ok {
		return numberList(items, start, i, s), true
	}
	return value{}, false
}

// manyOf tells whether an item is the name of a setting in the plural.
func manyOf(it item) bool {
	return it.tok.plural || it.tok.kind == tWord && strings.HasSuffix(it.tok.word, "s") && it.tok.word != "bs"
}

// nameAfter reads "8 as the batch size" and "3e-4 for the learning rate" from
// the number on.
func nameAfter(items []item, i int, s slot) (end int, ok bool) {
	if i+2 >= len(items) || !items[i+1].anyWord("as", "for") {
		return 0, false
	}
	for j := i + 2; j < len(items) && j < i+6; j++ {
		if items[j].anyWord(s.leads...) && (j+1 >= len(items) || !items[j+1].is(cNumber)) {
			return j + 1, true
		}
		if !items[j].anyWord("the", "my", "our", "its", "a", "as", "random", "highest") {
			return 0, false
		}
	}
	return 0, false
}

// leadsOn tells whether the unit after items[i] is the name of the next number
// instead: "bs 2 lr 1e-3".
func leadsOn(items []item, i, end int) bool {
	if i == 0 || end >= len(items) || !items[end].is(cNumber) {
		return false
	}
	return slices.ContainsFunc(slots(), func(s slot) bool { return items[i-1].anyWord(s.leads...) })
}

// unitAfter tells whether one of the units follows items[i], adjectives
// between them allowed.
func unitAfter(items []item, i int, units []string) (end int, ok bool) {
	for j := i + 1; j < len(items) && j <= i+3; j++ {
		if items[j].anyWord(units...) {
			return j + 1, true
		}
		if !items[j].anyWord("synth", "more", "consecutive", "successive", "subsequent", "straight", "following", "additional", "training", "full", "synthetic", "small", "new", "total", "artificial", "random", "extra",
			"different", "of", "log", "vessel", "tiny", "further", "big", "large", "3d", "=", "last", "optimisation", "gradient", "dataset", "fake", "simulated", "max", "latest", "the", "worst", "best", "hardest", "easiest", "lowest", "highest") {
			break
		}
	}
	return 0, false
}

// leadBefore tells whether one of the leads stands before items[i].
func leadBefore(items []item, i int, leads []string) (start int, ok bool) {
	limit := i - 4
	for j := i - 1; j >= 0 && j >= limit; j-- {
		if items[j].anyWord(leads...) {
			return j, true
		}
		if items[j].anyWord(",", "(") && j == i-1 && !otherUnit(items, i) {
			continue
		}
		if k := ofThat(items, j); k < j {
			limit -= j - k + 1
			j = k
			continue
		}
		if !items[j].anyWord("being", "equal", "equals", "fixed", "called", "of", "to", "=", "is", "at", ":", "a", "the", "with", "around", "about", "size", "value", "number", "after", "by", "be", "set", "as", "-", "index", "no", "limit", "first", "last", "shall", "should", "must", "from", "only", "exactly", "use", "not", "most", "least", "than", "over", "between", "values", "{", "its", "their", "-n", "n", "->", "highest", "initial", "random") {
			break
		}
	}
	return 0, false
}

// ofThat skips "of the partition" backwards from the noun at items[j], which says
// what the thing before belongs to.
func ofThat(items []item, j int) int {
	if j < 3 || items[j].mention != nil && !items[j].is(cRef) && !items[j].is(cSplit) || items[j].tok.kind != tWord {
		return j
	}
	if items[j].is(cRef) && items[j-1].anyWord("of") {
		return j - 1
	}
	if (isDeterminer(items[j-1].word()) || items[j-1].anyWord("this", "that")) && items[j-2].anyWord("of") {
		return j - 2
	}
	return j
}

// otherUnit tells whether the number at items[i] has a unit of its own.
func otherUnit(items []item, i int) bool {
	if _, ok := unitAfter(items, i, []string{"filter", "channel", "feature", "level", "stage", "thread", "time", "run", "training", "model", "hour", "minute", "gpu", "core"}); ok {
		return true
	}
	return i+1 < len(items) && items[i+1].is(cModel) || slices.ContainsFunc(slots(), func(s slot) bool {
		_, ok := unitAfter(items, i, append(slices.Clone(s.units), s.leads...))
		return ok
	})
}

// numberList reads "0, 1 and 2", "0 to 4", "0-4", "1e-3 and the other with 1e-4"
// from items[i] on.
func numberList(items []item, start, i int, s slot) value {
	val := value{v: numeric(items[i].tok.num, s.whole), from: start, to: i + 1, rule: "number after its name"}
	list, where := []any{val.v}, []int{i}
	for j := i + 1; j < len(items) && len(list) < maxSteps; {
		k, joined := nextInList(items, start, i, j)
		if !joined || !items[k].is(cNumber) || items[k].used || !s.takes(items[k].tok.num) {
			break
		}
		if ranges := s.whole && items[j].anyWord("to", "-", "through", "until", "till", "up"); ranges {
			last, _ := list[len(list)-1].(int64)
			for n := last + 1; n <= int64(items[k].tok.num) && len(list) < maxSteps; n++ {
				list = append(list, n)
			}
		} else if v, more := fraction(items, k-1, s); more && len(list) == 1 {
			list[0] = v // "0,1" of a setting that takes fractions
			val.v = v
		} else if otherUnit(items, k) && !ownUnit(items, k, s) {
			break
		} else if v := numeric(items[k].tok.num, s.whole); !slices.Contains(list, v) {
			list, where = append(list, v), append(where, k)
		}
		val.to, j = k+1, k+1
	}
	if len(list) > 1 {
		val.list, val.at = list, where
	}
	return val
}

// nextInList is the place of the next number of a list, from items[j] on, and
// whether there may be one: the list began with the number at items[i].
func nextInList(items []item, start, i, j int) (k int, joined bool) {
	k, joined = j, items[j].is(cNumber) && !items[j].tok.weak && !items[i].tok.weak
	for k < len(items) && items[k].anyWord(",", "and", "or", "&", "to", "-", "through", "until", "till", "up", "vs", "vs.", "versus", "against", "then") {
		joined = true
		k++
	}
	if other := theOther(items, start, i, k); joined && other > k {
		k = other
	}
	return k, joined && k < len(items)
}

// ownUnit tells whether the unit of the number at items[k] is the slot's own.
func ownUnit(items []item, k int, s slot) bool {
	_, ok := unitAfter(items, k, append(slices.Clone(s.units), s.leads...))
	return ok
}

// fraction joins the digits around the comma at items[c], written without a
// space, for a setting that takes fractions: "0,1".
func fraction(items []item, c int, s slot) (float64, bool) {
	if s.whole || c < 1 || c+1 >= len(items) || items[c].tok.word != "," || items[c-1].end != items[c].start || items[c].end != items[c+1].start {
		return 0, false
	}
	v, err := strconv.ParseFloat(items[c-1].tok.text+"."+items[c+1].tok.text, 64)
	return v, err == nil && s.takes(v)
}

// theOther skips the words of "…, the other with batch size" before the second
// number of a list, from items[k] on; the name of the setting is what stands
// between items[start] and items[i].
func theOther(items []item, start, i, k int) int {
	j := k
	for j < len(items) && j < k+8 && (items[j].anyWord("one", "once", "the", "other", "another", "second", "third", "with", "at", "of", "a", "for", "using", "again", "time", "run", "in", "next", "also", "then", "training", "to", "it") ||
		slices.ContainsFunc(items[start:i], func(it item) bool { return it.word() != "" && it.word() == items[j].word() })) {
		j++
	}
	if j < len(items) && items[j].is(cNumber) {
		return j
	}
	return k
}

// counted reads "three seeds" or "5 folds" as 0, 1, 2 ….
func counted(items []item, noun string) (value, bool) {
	for i := range items {
		if items[i].used || !items[i].is(cNumber) || items[i].tok.num != math.Trunc(items[i].tok.num) || items[i].tok.num < 1 || items[i].tok.num > maxSteps {
			continue
		}
		end, ok := unitAfter(items, i, []string{noun})
		if !ok {
			continue
		}
		val := value{from: i, to: end, rule: "as many, counted from 0"}
		for n := range int64(items[i].tok.num) {
			val.list = append(val.list, n)
		}
		val.v = val.list[0]
		if len(val.list) == 1 {
			val.list = nil
		}
		return val, true
	}
	return value{}, false
}

// numeric gives whole numbers as int64, so that they are encoded without a
// fraction.
func numeric(f float64, whole bool) any {
	if whole || f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return int64(f)
	}
	return f
}

// plainNumber writes a number the short way.
func plainNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// use marks items as claimed.
func use(items []item, v value) {
	for i := v.from; i < v.to && i < len(items); i++ {
		items[i].used = true
	}
	for k := 0; k+1 < len(v.claimed); k += 2 {
		use(items, value{from: v.claimed[k], to: v.claimed[k+1]})
	}
}

// triples finds the three-number items, with what stands before them.
func triples(items []item) []int {
	var out []int
	for i := range items {
		if items[i].is(cTriple) && !items[i].used {
			out = append(out, i)
		}
	}
	return out
}

// wholeTriple gives a triple as whole numbers, or nil.
func wholeTriple(t [3]float64) []any {
	out := make([]any, 3)
	for i, v := range t {
		if v != math.Trunc(v) || v < 1 || v > 1e6 {
			return nil
		}
		out[i] = int64(v)
	}
	return out
}

// microns gives a spacing in µm.
func microns(t token) []any {
	scale := 1.0
	switch t.unit {
	case "mm":
		scale = 1000
	case "nm", "nanometer", "nanometers", "nanometre", "nanometres":
		scale = 0.001
	}
	out := make([]any, 3)
	for i, v := range t.triple {
		out[i] = numeric(math.Round(v*scale*1e9)/1e9, false)
	}
	return out
}

// enumWord finds a word that is one of the choices.
func enumWord(items []item, choices []string) (value, bool) {
	for i := range items {
		if items[i].used || items[i].tok.kind == tQuoted {
			continue
		}
		if w := items[i].word(); w != "" && slices.Contains(choices, w) {
			return value{v: w, from: i, to: i + 1, rule: "one of the choices"}, true
		}
	}
	return value{}, false
}

// first finds the first unclaimed item of a class.
func first(items []item, c class) (int, bool) {
	for i := range items {
		if items[i].is(c) && !items[i].used {
			return i, true
		}
	}
	return 0, false
}

// all finds every unclaimed item of a class.
func all(items []item, c class) []int {
	var out []int
	for i := range items {
		if items[i].is(c) && !items[i].used {
			out = append(out, i)
		}
	}
	return out
}

// mentioned wraps one item as a value.
func mentioned(items []item, i int) value {
	return value{v: items[i].mention.text, from: i, to: i + 1, rule: items[i].mention.rule}
}
