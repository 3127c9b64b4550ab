package planner

import (
	"slices"
	"strings"
)

// retract puts right what a message takes back itself: "30 epochs - no sorry,
// 50" is "50 epochs", "on toy, wait, on cortex" is "on cortex".
func (lex *lexicon) retract(toks []token, datasets []string) []token {
	for i := 1; i < len(toks); i++ {
		n, plain := takesBack(toks[i:])
		if n == 0 || i+n >= len(toks) {
			continue
		}
		v := i + n
		for v < len(toks) && v < i+n+4 && (isPreposition(toks[v].word) || isDeterminer(toks[v].word) || toks[v].kind == tPunct || lex.kindOf(toks[v], datasets) == "" && lex.unitOf(toks[v]) != "") {
			v++
		}
		if v >= len(toks) {
			continue
		}
		kind := lex.kindOf(toks[v], datasets)
		at := lex.takenBack(toks, i, v, kind, datasets)
		if kind == "" || at < 0 || plain && v > i+n+1 {
			continue
		}
		to := v + 1
		if kind == "number" && to < len(toks) && lex.unitOf(toks[to]) != "" {
			to++
		}
		from := i
		for from > 0 && (toks[from-1].kind == tPunct || isDash(toks[from-1])) {
			from--
		}
		out := slices.Clone(toks[:from])
		out[at] = toks[v]
		toks = append(out, toks[to:]...)
		i = from
	}
	return toks
}

// takesBack is how many words say that what was said is taken back. Plain ones
// do so only right before the new value.
func takesBack(toks []token) (n int, plain bool) {
	plain = true
	for n < len(toks) {
		t := toks[n]
		k, strong := unsays(toks[n:])
		if n > 0 && k == 0 && (t.kind == tPunct && t.word != ":" || isDash(t) || t.word == "let's" || t.word == "that") {
			k = 1
		}
		if k == 0 {
			break
		}
		n, plain = n+k, plain && !strong
	}
	return n, plain
}

// unsays is how many words at the start take something back, and whether they
// do so by themselves.
func unsays(toks []token) (n int, strong bool) {
	next := at(toks, 1)
	switch toks[0].word {
	case "sorry", "wait", "oops", "correction", "rather", "scratch", "nope", "ups":
		return 1, true
	case "no", "actually", "better", "hm", "hmm", "uh", "er":
		return 1, false
	case "or":
		if next == "rather" {
			return 1, false
		}
	case "i":
		if next == "mean" || next == "meant" {
			return 2, true
		}
	case "make":
		if next == "it" || next == "that" {
			return 2, false
		}
	}
	return 0, false
}

func isDash(t token) bool { return t.word == "-" || t.word == "--" }

// takenBack is the place of the value before i that the one at v takes the
// place of: the last of its kind, and of its unit where one is said. It is -1
// if there is none.
func (lex *lexicon) takenBack(toks []token, i, v int, kind string, datasets []string) int {
	unit := ""
	if v+1 < len(toks) {
		unit = lex.unitOf(toks[v+1])
	}
	if v > i && unit == "" {
		unit = lex.unitOf(toks[v-1])
	}
	for k := i - 1; k >= 0 && k > i-16; k-- {
		if lex.kindOf(toks[k], datasets) != kind || kind == "" {
			continue
		}
		if kind != "number" || unit == "" || k+1 < i && lex.unitOf(toks[k+1]) == unit || k > 0 && lex.unitOf(toks[k-1]) == unit {
			return k
		}
	}
	return -1
}

// unitOf is the setting that a word before or after a number names, or "".
func (lex *lexicon) unitOf(t token) string {
	if t.kind != tWord {
		return ""
	}
	for _, s := range slots() {
		if slices.Contains(s.leads, t.stem) || slices.Contains(s.units, t.stem) {
			return s.param
		}
	}
	return ""
}

// pairs reads a list of settings with colons ("Dataset: toy. Network: dynunet.
// Epochs: 12.") as one clause.
func pairs(toks []token) []token {
	var colons []int
	for i := 1; i+1 < len(toks); i++ {
		if toks[i].kind == tPunct && toks[i].word == ":" && namesSetting(lastWords(toks[:i])) && toks[i+1].kind != tPunct {
			colons = append(colons, i)
		}
	}
	if len(colons) < 2 {
		return trial(toks)
	}
	out := make([]token, 0, len(toks))
	for i, t := range toks {
		switch {
		case slices.Contains(colons, i):
		case i > colons[0] && isStop(t) && t.word != "?" && i+1 < len(toks):
			t.word = ","
			out = append(out, t)
		default:
			out = append(out, t)
		}
	}
	return out
}

// trial reads "quick sanity check that training works: unet on toy" as that
// training: a network and no verb follow the colon.
func trial(toks []token) []token {
	i := slices.IndexFunc(toks, func(t token) bool { return t.kind == tPunct && t.word == ":" })
	if i < 2 || i > 9 || i+1 >= len(toks) {
		return toks
	}
	test := slices.ContainsFunc(toks[:i], func(t token) bool {
		return t.word == "sanity" || t.word == "smoke" || t.word == "check" || t.word == "test" || t.word == "trial"
	})
	names := func(t token) bool { return modelAliases()[t.word] != "" }
	if !test || slices.ContainsFunc(toks[:i], names) || !slices.ContainsFunc(toks[i:min(len(toks), i+4)], names) {
		return toks
	}
	return slices.Concat([]token{wordToken("train", toks[0].start, toks[i-1].end)}, toks[i+1:])
}

// lastWords are the words since the last mark, three at most.
func lastWords(toks []token) []token {
	from := len(toks)
	for from > 0 && len(toks)-from < 3 && toks[from-1].kind == tWord && !isJoint(toks[from-1]) {
		from--
	}
	return toks[from:]
}

// hesitations are what people say while they think, in the middle of a wish.
const hesitations = "let me think|let me see|you know|how do i say this|how shall i say|how do i put this|so to speak|if you see what i mean|um|uhm|uh|er|erm|hmm|hm"

// steady drops hesitations, with the comma after them.
func steady(toks []token) []token {
	for i := 0; i < len(toks); i++ {
		n := hesitates(toks[i:])
		if n == 0 {
			continue
		}
		comma := i == 0 || toks[i-1].kind == tPunct
		for i+n < len(toks) && (comma || toks[i+n].word == ",") && toks[i+n].kind == tPunct && !isStop(toks[i+n]) {
			n++
		}
		toks = slices.Delete(slices.Clone(toks), i, i+n)
		i--
	}
	return toks
}

// hesitates is how many words of a hesitation begin here.
func hesitates(toks []token) int {
	for phrase := range strings.SplitSeq(hesitations, "|") {
		n := 0
		for w := range strings.FieldsSeq(phrase) {
			if at(toks, n) != w {
				n = 0
				break
			}
			n++
		}
		if n == 1 || n > 1 && pauses(toks, n, phrase == "you know") {
			return n
		}
	}
	return 0
}

// pauses tells whether something may follow a hesitation of n words: a pause, or
// after "you know" the thing that was looked for.
func pauses(toks []token, n int, youKnow bool) bool {
	if n == len(toks) {
		return !youKnow
	}
	if youKnow {
		return at(toks, n) == "," || isDeterminer(toks[n].word) || toks[n].kind == tNumber
	}
	return toks[n].kind == tPunct
}
