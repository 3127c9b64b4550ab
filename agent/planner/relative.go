package planner

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// relation is a setting changed in relation to what it was: "double the
// learning rate", "half as many epochs", "10 more epochs".
type relation struct {
	param  string
	factor float64
	plus   float64
}

// apply is the new value.
func (c relation) apply(old float64, whole bool) any {
	v := old*c.factor + c.plus
	if whole {
		return int64(math.Round(v))
	}
	return numeric(math.Round(v*1e12)/1e12, false)
}

// relationOf reads a change relative to the plan before.
func (r *reader) relationOf(toks []token) (relation, bool) {
	c := relation{factor: 1}
	if len(r.mem.calls) == 0 || len(toks) > 14 {
		return c, false
	}
	items := r.lex.recognise(toks, r.known)
	if hasNamedRun(items) || slices.ContainsFunc(items, func(it item) bool { return it.is(cDataset) || it.is(cModel) }) {
		return c, false
	}
	smaller, larger := slices.ContainsFunc(toks, shrinks), slices.ContainsFunc(toks, grows)
	compares := smaller || larger || slices.ContainsFunc(toks, func(t token) bool { return t.word == "as" })
	for i, t := range toks {
		times := timesFactor(toks, i)
		switch f := wordFactor(t.word); {
		case f > 0:
			c.factor = f
		case times > 0 && compares:
			c.factor = times
		case t.kind == tNumber && !t.weak && (smaller || larger) && addsOn(at(toks, i+1)):
			c.plus = t.num
		}
	}
	if smaller {
		c.factor, c.plus = min(c.factor, 1/c.factor), -c.plus
	}
	if c.factor == 1 && c.plus == 0 {
		return c, false
	}
	c.param = r.changedParam(items)
	return c, c.param != ""
}

// shrinks tells whether a word says that less is wanted.
func shrinks(t token) bool {
	switch t.word {
	case "smaller", "lower", "less", "fewer", "reduce", "decrease", "divide", "shrink", "cut", "drop", "shorter", "divided", "reduced":
		return true
	}
	return false
}

// grows tells whether a word says that more is wanted.
func grows(t token) bool {
	switch t.word {
	case "larger", "higher", "more", "bigger", "increase", "raise", "multiply", "longer", "increased", "another", "additional", "extra":
		return true
	}
	return false
}

// addsOn lists the words that make the number before them a difference.
func addsOn(w string) bool {
	return w == "more" || w == "fewer" || w == "less" || w == "additional" || w == "extra"
}

// wordFactor is the factor that a word stands for, or 0.
func wordFactor(w string) float64 {
	switch w {
	case "double", "doubled", "twice", "twofold":
		return 2
	case "triple", "tripled", "thrice":
		return 3
	case "quadruple":
		return 4
	case "tenfold":
		return 10
	case "halve", "halved", "half":
		return 0.5
	}
	return 0
}

// timesFactor reads "10x", "ten times" and "a factor of 10" at toks[i].
func timesFactor(toks []token, i int) float64 {
	t := toks[i]
	if n, ok := strings.CutSuffix(t.word, "x"); ok && t.kind == tWord {
		if v, unit, isNumber := parseNumber(n); isNumber && unit == "" {
			return v
		}
	}
	if t.kind != tNumber {
		return 0
	}
	next, before := at(toks, i+1), at(toks, i-1)
	if next == "times" || next == "time" || next == "x" || next == "fold" || before == "of" && at(toks, i-2) == "factor" {
		return t.num
	}
	return 0
}

// changedParam is the argument of the plan before whose name is said.
func (r *reader) changedParam(items []item) string {
	last := r.mem.calls[len(r.mem.calls)-1]
	takes := func(p string) bool {
		for _, c := range r.mem.calls {
			if _, ok := r.cat.tools[c.tool].params[p]; ok {
				return true
			}
		}
		return false
	}
	for _, s := range slots() {
		if takes(s.param) && slices.ContainsFunc(items, func(it item) bool {
			return it.anyWord(s.param) || it.anyWord(s.leads...) || it.anyWord(s.units...) && s.units != nil
		}) {
			return s.param
		}
	}
	if takes("epochs") && slices.ContainsFunc(items, func(it item) bool { return it.anyWord("long", "longer", "shorter", "short") }) {
		if has(last.args, "max_steps") && !has(last.args, "epochs") {
			return "max_steps"
		}
		return "epochs"
	}
	return ""
}

// relate changes a setting of the steps in relation to what it was; where no
// value was said, one is asked for.
func (r *reader) relate(c relation) bool {
	changed := false
	for k := range r.out.Steps {
		s := &r.out.Steps[k]
		info := r.cat.tools[s.Tool]
		p, ok := info.params[c.param]
		if !ok {
			continue
		}
		old, said := numberOf(s.Args[c.param])
		if !said {
			old, said = defaultNumber(p)
		}
		if !said {
			r.question(s.Tool, "", Question{Text: fmt.Sprintf("Which %s shall it be? None was said before.", strings.ReplaceAll(c.param, "_", " "))})
			return true
		}
		v := c.apply(old, p.Type == "integer")
		if n, isNumber := numberOf(v); !isNumber || n <= 0 {
			continue
		}
		s.Args[c.param], changed = v, true
		r.note(fmt.Sprintf("The %s was %s; I take %v.", strings.ReplaceAll(c.param, "_", " "), plainNumber(old), v))
	}
	return changed
}

// defaultNumber is the number that a schema gives an argument by itself.
func defaultNumber(p param) (float64, bool) {
	v, unit, ok := parseNumber(string(p.Default))
	return v, ok && unit == ""
}

// numberOf is the number that an argument holds.
func numberOf(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// trimComplaint drops what was wrong with the plan before, ahead of what to do
// instead: "that won't fit in memory. batch size 2".
func trimComplaint(toks []token) []token {
	if len(toks) < 4 {
		return toks
	}
	switch toks[0].word {
	case "that", "this", "it", "too", "way", "not", "oom", "out", "still", "my", "the":
	default:
		return toks
	}
	complains := false
	for i, t := range toks {
		switch t.word {
		case "too", "don't", "doesn't", "memory", "oom", "enough", "slow", "crashes", "crashed", "big", "small", "long", "short", "wrong", "overfits", "diverged", "diverges", "much", "little":
			complains = true
		}
		ends := isStop(t) || t.kind == tPunct && t.word == "," || t.word == "so" || t.word == "-"
		if ends && complains && i > 0 && i+1 < len(toks) {
			return trimInterjections(toks[i+1:])
		}
	}
	return toks
}

// onlyNumber reads "no, 20" as the one number that the plan before had.
func (r *reader) onlyNumber(items []item) bool {
	var given []item
	for _, it := range items {
		switch {
		case it.is(cNumber) && !it.tok.weak:
			given = append(given, it)
		case it.mention != nil || it.is(cPath) || it.is(cTriple) || it.is(cAssign):
			return false
		case it.tok.kind == tWord && !it.anyWord("no", "nope", "rather", "perhaps", "maybe", "actually", "make", "do", "go", "take", "for", "it", "sorry", "wait", "instead", "meant", "i", "should", "be", "to", "use", "please", "than", "that", "not", "say", "better", "is", "enough", "are"):
			return false
		}
	}
	if len(given) != 1 || len(r.out.Steps) != 1 {
		return false
	}
	s := &r.out.Steps[0]
	param := ""
	for p, v := range s.Args {
		if _, ok := numberOf(v); ok && p != "seed" && p != "fold" {
			if param != "" {
				return false
			}
			param = p
		}
	}
	if param == "" {
		return false
	}
	whole := r.cat.tools[s.Tool].params[param].Type == "integer"
	if whole && given[0].tok.num != math.Trunc(given[0].tok.num) {
		return false
	}
	s.Args[param] = numeric(given[0].tok.num, whole)
	return true
}
