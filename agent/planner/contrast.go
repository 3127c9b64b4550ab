package planner

import (
	"slices"
	"strings"
)

// contrast drops what is named only to be ruled out: "not with adamw but sgd"
// is "with sgd", and "sgd rather than adamw" is "sgd".
func (lex *lexicon) contrast(toks []token, datasets []string) []token {
	for i := 0; i < len(toks); i++ {
		switch {
		case toks[i].kind != tWord || toks[i].word != "not" && toks[i].word != "instead_of":
		case toks[i].word == "not" && lex.ruledOut(toks[i+1:], datasets) > 0:
			toks = slices.Delete(slices.Clone(toks), i, i+1+lex.ruledOut(toks[i+1:], datasets))
		case i > 0 && i+1 < len(toks) && lex.kindOf(toks[i-1], datasets) != "" && lex.kindOf(toks[i-1], datasets) == lex.kindOf(toks[i+1], datasets):
			toks = slices.Delete(slices.Clone(toks), i, i+2)
		case i > 0:
			if n := lex.setAgainst(toks, i, datasets); n > 0 {
				toks = slices.Delete(slices.Clone(toks), i, i+n)
			}
		}
	}
	return toks
}

// setAgainst is how many words from "rather than" or "not" on only name what is
// not meant, after what is: "on minivess rather than on toy", "on cortex, not
// on toy".
func (lex *lexicon) setAgainst(toks []token, i int, datasets []string) int {
	n := 1
	for i+n < len(toks) && n < 4 && (isPreposition(toks[i+n].word) || isDeterminer(toks[i+n].word) || toks[i+n].word == "using") {
		n++
	}
	if i+n >= len(toks) {
		return 0
	}
	kind := lex.kindOf(toks[i+n], datasets)
	if kind == "" || kind == "number" {
		return 0
	}
	for k := i - 1; k >= 0 && k > i-5; k-- {
		if lex.kindOf(toks[k], datasets) == kind || isLossName(toks[k].word) && isLossName(toks[i+n].word) {
			return n + 1
		}
	}
	return 0
}

// isLossName tells whether a word is one that losses are named by.
func isLossName(w string) bool {
	switch strings.ReplaceAll(w, "-", "_") {
	case "dice", "ce", "cldice", "cbdice", "dice_ce", "dice_ce_cldice", "cbdice_cldice", "dice_ce_boundary":
		return true
	}
	return false
}

// ruledOut is how many words after "not" stand before what is meant, the "but"
// among them: "with adamw but", "on cortex, but on". It is 0 if nothing of the
// same kind follows.
func (lex *lexicon) ruledOut(toks []token, datasets []string) int {
	kind := ""
	for i := 0; i < len(toks) && i < 6; i++ {
		if k := lex.kindOf(toks[i], datasets); k != "" && kind == "" {
			kind = k
		}
		if lex.starters[toks[i].word] && toks[i].word != "train" {
			return 0
		}
		if toks[i].word != "but" || kind == "" {
			continue
		}
		for j := i + 1; j < len(toks) && j <= i+3; j++ {
			if lex.kindOf(toks[j], datasets) == kind {
				return i + 1
			}
		}
		return 0
	}
	return 0
}

// kindOf is what a token is a value of: a model, a metric, a dataset, a
// split, a number, or the argument that it is one of the choices of. It is "" for other words.
func (lex *lexicon) kindOf(t token, datasets []string) string {
	switch {
	case t.kind == tNumber:
		return "number"
	case t.kind != tWord:
		return ""
	case lex.models[t.word] != "":
		return "model"
	case lex.metrics[t.word] != "":
		return "metric"
	case containsFold(datasets, t.word):
		return "dataset"
	case isSplitWord(t.word):
		return "split"
	}
	for _, c := range choices() {
		if slices.Contains(c.words, t.word) && c.param != "layout" {
			return c.param
		}
	}
	return ""
}

// unslash cuts words that only slashes join, where they name what a training
// takes rather than a file: "basicunet/toy/3 epochs/seed 11".
func (lex *lexicon) unslash(toks []token, datasets []string) []token {
	var out []token
	cut := false
	for i, t := range toks {
		if model, data, ok := strings.Cut(t.text, "@"); ok && t.kind == tWord && lex.models[strings.ToLower(model)] != "" && containsFold(datasets, data) {
			out = append(out, wordToken(strings.ToLower(model), t.start, t.start+len(model)), wordToken("on", t.start+len(model), t.start+len(model)+1), wordToken(strings.ToLower(data), t.end-len(data), t.end))
			continue
		}
		if t.kind != tPath || !lex.joinsNames(t.text, datasets, cut, i > 0 && (isPreposition(toks[i-1].word) || lex.starters[toks[i-1].word])) {
			out = append(out, t)
			continue
		}
		at := t.start
		cut = true
		for n, part := range strings.Split(t.text, "/") {
			if n > 0 {
				out = append(out, token{kind: tPunct, text: ",", word: ",", start: at - 1, end: at})
			}
			from := len(out)
			out = appendCore(out, part, 0, len(part))
			for k := from; k < len(out); k++ {
				out[k].start, out[k].end = at, at+len(part)
			}
			at += len(part) + 1
		}
	}
	return out
}

// joinsNames tells whether a text between slashes is made of what a training
// takes only: models, datasets, numbers, sizes, settings and their names. After
// a word that a path may follow it has to name a model and a dataset; once the
// sentence was cut at slashes, numbers alone will do.
func (lex *lexicon) joinsNames(text string, datasets []string, cut, afterLead bool) bool {
	named, model, data := cut, false, false
	for part := range strings.SplitSeq(text, "/") {
		w := strings.ToLower(part)
		_, _, isNumber := parseNumber(w)
		_, _, isTriple := parseTriple(w)
		t := wordToken(w, 0, 0)
		isSetting := stuckLead(w) > 0 || slices.ContainsFunc(slots(), func(s slot) bool { return slices.Contains(slices.Concat(s.leads, s.units), t.stem) })
		kind := lex.kindOf(t, datasets)
		isName := kind != "" && kind != "metric" || lossPart(item{tok: t}) != "" || t.stem == "patch"
		if w == "" || !isNumber && !isTriple && !isName && !isSetting {
			return false
		}
		model, data = model || lex.models[w] != "", data || containsFold(datasets, w)
		named = named || isName || isSetting
	}
	return named && (!afterLead || model && data || cut)
}
