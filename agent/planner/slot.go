package planner

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// slot says how the value of a numeric argument is written: "3 epochs" (a
// unit behind) or "learning rate 3e-4" (a lead before).
type slot struct {
	param string
	whole bool // whole numbers only
	leads []string
	units []string
}

// slots lists the numeric arguments of all tools. An argument that is not
// listed is found by its own name.
func slots() []slot {
	return []slot{
		{"epochs", true, []string{"epoch"}, []string{"epoch", "ep", "pass", "passes"}},
		{"max_steps", true, []string{"max_steps", "step"}, []string{"step", "iteration", "iter", "update"}},
		{"learning_rate", false, []string{"learning_rate", "lr", "rate"}, []string{"learning_rate", "lr"}},
		{"batch_size", true, []string{"batch_size", "batch", "bs", "batches"}, []string{"batch_size"}},
		{"patience", true, []string{"patience", "early_stop"}, []string{"patience", "validation", "check"}},
		{"seed", true, []string{"seed"}, nil},
		{"fold", true, []string{"fold"}, nil},
		{"folds", true, []string{"fold", "into"}, []string{"fold", "way", "part"}},
		{"volumes", true, []string{"volume"}, []string{"volume", "image", "scan", "case", "sample", "tree", "stack", "vol"}},
		{"limit", true, []string{"limit", "top", "first"}, []string{"run", "experiment", "one", "training", "result"}},
		{"tail", true, []string{"tail"}, []string{"line"}},
		{"trials", true, []string{"trial"}, []string{"trial"}},
		{"alpha", false, []string{"alpha"}, nil},
		{"port", true, []string{"port"}, nil},
		{"version", true, []string{"version"}, nil},
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
	rule     string
}

// number finds the value of a numeric slot.
func number(items []item, s slot) (value, bool) {
	for i := range items {
		if items[i].used || !items[i].is(cNumber) || s.whole && items[i].tok.num != math.Trunc(items[i].tok.num) {
			continue
		}
		if end, ok := unitAfter(items, i, s.units); ok && !leadsOn(items, i, end) {
			return value{v: numeric(items[i].tok.num, s.whole), from: i, to: end, rule: "number before its unit"}, true
		}
		if start, ok := leadBefore(items, i, s.leads); ok {
			return numberList(items, start, i, s.whole), true
		}
	}
	return value{}, false
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
		if !items[j].anyWord("more", "consecutive", "additional", "training", "full", "synthetic", "small", "new", "total", "artificial", "random", "extra",
			"different", "of", "log", "vessel", "tiny", "further", "big", "large", "3d", "=", "last", "optimisation", "gradient", "dataset", "fake", "simulated", "max", "latest", "the", "worst", "best", "hardest", "easiest", "lowest", "highest") {
			break
		}
	}
	return 0, false
}

// leadBefore tells whether one of the leads stands before items[i].
func leadBefore(items []item, i int, leads []string) (start int, ok bool) {
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if items[j].anyWord(leads...) {
			return j, true
		}
		if !items[j].anyWord("of", "to", "=", "is", "at", ":", "a", "the", "with", "around", "about", "size", "value", "number", "after", "by", "be", "set", "as", "-", "index", "no", "limit", "first", "last", "shall", "should", "must", "from", "only", "exactly", "use", "not", "most", "least", "than", "over", "between", "values", "{", "its", "their") {
			break
		}
	}
	return 0, false
}

// numberList reads "0, 1 and 2", "0 to 4", "0-4" from items[i] on.
func numberList(items []item, start, i int, whole bool) value {
	val := value{v: numeric(items[i].tok.num, whole), from: start, to: i + 1, rule: "number after its name"}
	list := []any{val.v}
	plural := start < i && strings.HasSuffix(items[start].word(), "s") && whole
	for j := i + 1; j < len(items) && len(list) < maxSteps; {
		k, joined := j, plural && items[j].is(cNumber)
		for k < len(items) && items[k].anyWord(",", "and", "or", "&", "to", "-", "through", "until", "till", "up") {
			joined = true
			k++
		}
		if other := theOther(items, start, i, k); joined && other > k {
			k = other
		}
		if !joined || k >= len(items) || !items[k].is(cNumber) || items[k].used {
			break
		}
		if whole && items[k].tok.num != math.Trunc(items[k].tok.num) {
			break
		}
		if items[j].anyWord("to", "-", "through", "until", "till", "up") {
			last, _ := list[len(list)-1].(int64)
			for n := last + 1; whole && n <= int64(items[k].tok.num) && len(list) < maxSteps; n++ {
				list = append(list, n)
			}
		} else if _, isUnit := unitAfter(items, k, []string{"epoch", "step", "fold", "seed", "volume", "filter", "channel", "feature", "level", "stage", "thread"}); isUnit {
			break
		} else {
			list = append(list, numeric(items[k].tok.num, whole))
		}
		val.to, j = k+1, k+1
	}
	if len(list) > 1 {
		val.list = list
	}
	return val
}

// theOther skips the words of "…, the other with batch size" before the second
// number of a list, from items[k] on; the name of the setting is what stands
// between items[start] and items[i].
func theOther(items []item, start, i, k int) int {
	j := k
	for j < len(items) && items[j].anyWord("one", "the", "other", "another", "second", "third", "with", "at", "of", "a", "for", "using") {
		j++
	}
	if j == k {
		return k
	}
	for ; j < len(items) && !items[j].is(cNumber); j++ {
		if !slices.ContainsFunc(items[start:i], func(it item) bool { return it.word() != "" && it.word() == items[j].word() }) {
			return k
		}
	}
	return j
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
