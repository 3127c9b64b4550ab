package planner

import (
	"slices"
	"strings"
)

// gathered joins clauses that only list settings with the training that they
// belong to: "Dataset: toy. Network: dynunet. Epochs: 12.", "Train unet on toy.
// Batch size 6.", "Without early stopping, train …".
func (r *reader) gathered(cs []clause) []clause {
	var out []clause
	for i := range cs {
		n := len(out)
		switch {
		case n > 0 && bareTrain(cs[i]) && r.adjoins(out[n-1], cs[i]) && r.namesTraining(out[n-1]):
			out[n-1].toks = joined(cs[i].toks, out[n-1].toks)
		case n > 0 && r.listsSettings(cs[i]) && r.adjoins(out[n-1], cs[i]) && (r.listsSettings(out[n-1]) || r.asksTraining(out[n-1])):
			out[n-1].toks = joined(out[n-1].toks, cs[i].toks)
		case n > 0 && r.asksTraining(cs[i]) && r.listsSettings(out[n-1]) && r.adjoins(out[n-1], cs[i]) && !r.namesTraining(out[n-1]):
			cs[i].toks = joined(cs[i].toks, out[n-1].toks)
			out[n-1] = cs[i]
		default:
			out = append(out, cs[i])
		}
	}
	return out
}

// bareTrain recognises "Train." and "Go, train it." after a list of settings.
func bareTrain(c clause) bool {
	return c.plain() && len(c.toks) <= 3 && slices.ContainsFunc(c.toks, func(t token) bool { return t.word == "train" || t.word == "launch" || t.word == "start" }) &&
		!slices.ContainsFunc(c.toks, func(t token) bool {
			return t.kind != tPunct && !isRefWord(t.word) && t.word != "train" && t.word != "launch" && t.word != "start" && t.word != "please" && t.word != "go" && t.word != "now"
		})
}

// joined puts the words of two clauses into one.
func joined(a, b []token) []token {
	comma := token{kind: tPunct, text: ",", word: ","}
	if len(a) > 0 {
		comma.start, comma.end = a[len(a)-1].end, a[len(a)-1].end
	}
	return slices.Concat(a, []token{comma}, b)
}

// adjoins tells whether nothing but marks stand between two clauses.
func (r *reader) adjoins(a, b clause) bool {
	if !a.plain() || !b.plain() || len(a.toks) == 0 || len(b.toks) == 0 {
		return false
	}
	from, to := a.toks[len(a.toks)-1].end, b.toks[0].start
	return from <= to && !strings.ContainsFunc(r.slice(from, to), isLetter)
}

func isLetter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// asksTraining tells whether a clause asks for a training.
func (r *reader) asksTraining(c clause) bool {
	if !c.plain() || len(c.toks) == 0 {
		return false
	}
	if r.namesTraining(c) {
		return true
	}
	items := r.lex.recognise(c.toks, r.known)
	if !slices.ContainsFunc(items, func(it item) bool {
		return it.is(cModel) || it.is(cDataset) || it.anyWord("train", "training", "retrain", "fit", "finetune")
	}) {
		return false
	}
	ranked := r.lex.score(items, nil)
	return len(ranked) > 0 && ranked[0].score >= threshold && (ranked[0].intent == "train_launch" || ranked[0].intent == "sweep_launch")
}

// namesTraining tells whether a list of settings says what is trained on what.
func (r *reader) namesTraining(c clause) bool {
	if !r.listsSettings(c) {
		return false
	}
	items := r.lex.recognise(c.toks, r.known)
	_, model := first(items, cModel)
	_, data := first(items, cDataset)
	return model && data
}

// listsSettings tells whether a clause has nothing but settings of a training
// and everyday words between them, no verb.
func (r *reader) listsSettings(c clause) bool {
	if !c.plain() {
		return false
	}
	some := false
	for _, it := range r.lex.recognise(c.toks, r.known) {
		switch {
		case it.is(cDataset):
			if !containsFold(r.known.Datasets, it.mention.text) {
				return false
			}
			some = true
		case it.is(cModel), it.is(cTriple), it.is(cTag), it.is(cName), lossPart(it) != "", isLossWord(it):
			some = true
		case it.is(cAssign):
			if !isSettingKey(it.tok.word) && !strings.Contains(it.tok.word, ".") {
				return false
			}
			some = true
		case it.is(cNumber) || it.tok.kind == tPunct:
		case it.mention != nil || it.tok.kind != tWord:
			return false
		case settingWord(it):
			some = true
		case !betweenSettings(it):
			return false
		}
	}
	return some
}

// settingWord tells whether an item is the name of a setting, or the word for a
// value of one.
func settingWord(it item) bool {
	if isSettingKey(it.tok.word) || isSettingKey(it.tok.stem) || it.anyWord("early_stop", "fit_memory", "architecture", "patches", "bf16", "deep_supervision", "feature_size", "filter", "level", "batch_norm", "instance_norm", "group_norm") {
		return true
	}
	for _, s := range slots() {
		if (s.param == "epochs" || s.param == "max_steps" || s.param == "patience") && it.anyWord(s.units...) {
			return true
		}
	}
	return slices.ContainsFunc(choices(), func(c choice) bool {
		return (c.param == "optimizer" || c.param == "precision" || c.param == "executor") && it.anyWord(c.words...)
	})
}

// betweenSettings lists the everyday words of a list of settings.
func betweenSettings(it item) bool {
	return it.anyWord("with", "and", "the", "a", "an", "of", "is", "are", "=", ":", "->", "-", "to", "please", "use", "using", "go", "now", "on", "for", "each", "in", "be", "set", "shall", "should", "as", "at",
		"settings", "parameters", "hyperparameters", "options", "value", "both", "no", "without", "never", "this", "time", "around", "about", "only", "size", "number", "must", "my", "our", "its", "at_most", "most", "maximum",
		"max", "min", "or", "vs", "versus", "then", "also", "random", "half", "full", "arithmetic", "weight", "decay", "rate", "all", "training", "run", "job", "new", "file", "experiment")
}

// lasting turns how long a training is to last into a plain setting: "…, stop
// after 200 steps" is "for 200 steps".
func (lex *lexicon) lasting(toks []token) []token {
	toks = withoutPauses(toks)
	if !slices.ContainsFunc(toks, func(t token) bool { return t.stem == "train" || lex.models[t.word] != "" }) {
		return toks
	}
	for i := 1; i < len(toks); i++ {
		if n := endsAfter(toks[i:]); n > 0 {
			w := wordToken("for", toks[i].start, toks[i+n-1].end)
			toks = slices.Concat(toks[:i], []token{w}, toks[i+n:])
		}
	}
	return toks
}

// withoutPauses drops what people say while they think: "um", "let me think".
func withoutPauses(toks []token) []token {
	for i := 0; i < len(toks); i++ {
		n := 0
		switch toks[i].word {
		case "um", "uh", "uhm", "erm", "ehm", "hmm":
			n = 1
		case "let":
			if at(toks, i+1) == "me" && at(toks, i+2) == "think" {
				n = 3
			}
		}
		if n == 0 || toks[i].kind != tWord || i+n >= len(toks) {
			continue
		}
		if toks[i+n].kind == tPunct && i > 0 {
			n++
		}
		toks = slices.Delete(slices.Clone(toks), i, i+n)
		if i > 0 && i < len(toks) && toks[i-1].word == "," && toks[i].kind == tNumber {
			toks = slices.Delete(toks, i-1, i) // "the seed, um, 42"
		}
		i--
	}
	return toks
}

// endsAfter is how many words of "stop after" and "end it at" stand before a
// number of steps or epochs, or 0.
func endsAfter(toks []token) int {
	switch toks[0].word {
	case "stop", "end", "finish", "halt", "quit", "abort", "terminate", "stopping", "ending":
	default:
		return 0
	}
	n := 1
	for n < 3 && (isRefWord(at(toks, n)) || at(toks, n) == "the" || at(toks, n) == "training" || at(toks, n) == "then") {
		n++
	}
	if w := at(toks, n); w != "after" && w != "at" {
		return 0
	}
	if !countsSteps(toks[n+1:]) {
		return 0
	}
	return n + 1
}

// countsSteps tells whether words begin with a number of steps or epochs, and say
// nothing of what fails to improve.
func countsSteps(toks []token) bool {
	counts := false
	for k, t := range toks[:min(len(toks), 9)] {
		switch {
		case t.stem == "improvement" || t.stem == "improve" || t.word == "better" || t.word == "without" || t.word == "no":
			return false
		case k < 5 && (t.stem == "step" || t.stem == "iteration" || t.stem == "epoch" || t.stem == "update"):
			counts = true
		}
	}
	return counts
}

// switchedOff tells whether what is ruled out is something that a training has
// or has not: "no early stopping", "without gradient checkpointing".
func switchedOff(toks []token) bool {
	for _, t := range toks[:min(2, len(toks))] {
		switch t.word {
		case "early_stop", "gradient_checkpointing", "deep_supervision", "fit_memory", "patience":
			return true
		case "any", "the", "use", "do":
		default:
			return false
		}
	}
	return false
}
