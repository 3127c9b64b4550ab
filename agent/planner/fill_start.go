package planner

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// fillStart reads the run, file or bundle whose weights a training begins with.
func (r *reader) fillStart(d *draft, items []item) {
	lead := slices.IndexFunc(items, func(it item) bool {
		return it.anyWord("init_from", "finetune", "weight", "pretrained", "pretrain", "checkpoint", "bundle", "initialise", "initialize")
	})
	if i := startFile(items, lead >= 0); i >= 0 {
		r.set(d, "init_from", value{v: clean(items[i].tok.text), from: i, to: i + 1, rule: "where the weights come from"}, items)
		return
	}
	if i := startRun(items, lead >= 0); i >= 0 {
		r.set(d, "init_from", value{v: items[i].mention.text, from: i, to: i + 1, rule: "where the weights come from"}, items)
		return
	}
	if lead < 0 {
		return
	}
	for i := range items {
		whose := i+1 < len(items) && items[i+1].anyWord("weight", "weights", "checkpoint", "parameters", "init_from")
		if items[i].is(cRef) && !items[i].used && (whose || items[i].mention.text != "its" && items[i].mention.text != "their") {
			if p := r.pickReference(items, i); len(p) > 0 {
				r.set(d, "init_from", p[0].val, items)
			}
			return
		}
	}
	r.noStart(d, items, lead)
}

// noStart asks for weights that are spoken of but not named.
func (r *reader) noStart(d *draft, items []item, lead int) {
	switch fill, answered := r.fills["init_from"].(string); {
	case answered:
		d.args["init_from"] = fill
	case slices.ContainsFunc(items, func(it item) bool { return it.anyWord("scratch", "random", "zero") }):
	case len(r.trained) > 0 && slices.ContainsFunc(items[lead:], func(it item) bool { return it.anyWord("first", "former", "previous", "earlier", "preceding") }):
		r.set(d, "init_from", value{v: r.trained[0], from: lead, to: lead + 1, rule: "the training before"}, items)
	case items[lead].anyWord("finetune"):
		r.note("You named no weights to begin with, so it begins with random ones.")
	case items[lead].anyWord("pretrained", "pretrain", "init_from", "bundle", "checkpoint"):
		if i, ok := r.startName(items, lead); ok {
			r.set(d, "init_from", value{v: nameOf(items[i]), from: i, to: i + 1, rule: "where the weights come from"}, items)
			return
		}
		r.question(d.tool, "init_from", Question{Text: "Which weights shall it begin with: a run, a file, or a MONAI bundle's folder?"})
	}
}

// startName finds the name of a bundle or file after the word for it.
func (r *reader) startName(items []item, lead int) (int, bool) {
	for i := lead + 1; i < len(items) && i <= lead+3; i++ {
		if items[i].used {
			continue
		}
		if items[i].is(cQuoted) || items[i].is(cName) || items[i].mention == nil && r.lex.nameAt([]token{items[i].tok}, 0) != "" {
			return i, true
		}
	}
	return 0, false
}

// startFile finds a path of weights: one with such an ending, or any after
// "from", or any at all where weights are spoken of.
func startFile(items []item, spoken bool) int {
	return slices.IndexFunc(items, func(it item) bool {
		if !it.is(cPath) || it.used {
			return false
		}
		switch strings.ToLower(path.Ext(it.tok.text)) {
		case ".yaml", ".yml", ".onnx", ".json", ".nii", ".gz":
			return false
		case ".pt", ".pth", ".safetensors", ".npz", ".ckpt", ".bin":
			return true
		}
		return spoken
	})
}

// startRun finds a run whose weights are meant.
func startRun(items []item, spoken bool) int {
	for i := range items {
		if items[i].is(cRun) && !items[i].used && (spoken || i > 0 && items[i-1].anyWord("from")) {
			return i
		}
	}
	return -1
}

// startModel is the network that the run to begin with is limited to, or that
// the step which trains it has.
func (r *reader) startModel(items []item) string {
	if i := startRun(items, true); i >= 0 {
		return items[i].mention.model
	}
	if i, ok := first(items, cRef); ok && len(r.group) == 1 && items[i].mention.text != "its" {
		for _, s := range r.out.Steps {
			if name, isText := s.Args["model"].(string); isText && r.group[0] == "@"+s.ID+".run" {
				return name
			}
		}
	}
	return ""
}

// fillFreeze reads which parameters stay as they are, and whether the last
// layer begins anew.
func (r *reader) fillFreeze(d *draft, items []item) {
	if fill, ok := r.fills["freeze"].([]any); ok {
		d.args["freeze"] = fill
	} else if at, ok := frozenAt(items); ok {
		r.freezeWhat(d, items, at)
	}
	for i := range items {
		if !items[i].anyWord("head") || items[i].used || !freshNear(items, i) {
			continue
		}
		n, _ := networkOf(d.network)
		if len(n.head) == 0 {
			r.question(d.tool, "overrides", Question{Text: fmt.Sprintf("What are the parameters of the last layer of %s called? Say it as init.ignore=PATTERN.", orElse(d.network, "these networks"))})
			return
		}
		r.set(d, "overrides", value{v: []any{"init.ignore=" + n.head[0]}, from: i, to: i + 1, rule: "the last layer of " + n.name}, items)
	}
}

// frozenAt finds the word that says that something is frozen.
func frozenAt(items []item) (int, bool) {
	i := slices.IndexFunc(items, func(it item) bool { return it.anyWord("freeze", "frozen", "froze") && !it.used && !it.is(cAssign) })
	if i > 0 && items[i-1].anyWord("without", "not", "no", "don't") || i >= 0 && i+1 < len(items) && items[i+1].anyWord("nothing") {
		return i, false
	}
	return i, i >= 0
}

// freshNear tells whether a part is said to begin anew: "a fresh head", "its
// last layer fresh".
func freshNear(items []item, i int) bool {
	return slices.ContainsFunc(items[max(0, i-2):min(len(items), i+3)], func(it item) bool {
		return it.anyWord("fresh", "new", "anew", "reset", "random", "ignore", "ignoring", "reinitialised", "reinitialized", "scratch")
	})
}

// freezeWhat turns the words around "freeze" into patterns, or asks for them.
func (r *reader) freezeWhat(d *draft, items []item, at int) {
	items[at].used = true
	from, to := frozenRange(items, at)
	var patterns []any
	for i := from; i < to; i++ {
		it := items[i]
		if it.used || freshNear(items[:min(to, len(items))], i) && it.anyWord("head") {
			continue
		}
		if part := partName(it.word()); part != "" {
			n, _ := networkOf(d.network)
			found := n.part(part)
			if len(found) == 0 {
				r.unknownPart(d, part)
				return
			}
			items[i].used = true
			for _, p := range found {
				patterns = append(patterns, p)
			}
			r.note(fmt.Sprintf("I take the %s of %s as %s.", part, n.name, strings.Join(found, ", ")))
		} else if p, ok := r.pattern(it); ok {
			items[i].used = true
			if p != it.tok.text {
				r.note(fmt.Sprintf("I take %q as the parameters %s.", clean(it.tok.text), p))
			}
			patterns = append(patterns, p)
		}
	}
	if len(patterns) == 0 {
		r.unknownPart(d, "")
		return
	}
	r.set(d, "freeze", value{v: patterns, from: from, to: to, rule: "what is not trained"}, items)
}

// unknownPart asks for patterns where no words say them.
func (r *reader) unknownPart(d *draft, part string) {
	text := "Which parameters shall be frozen? Give patterns of their names, such as layer1.*"
	if part != "" {
		text = fmt.Sprintf("I do not know which parameters of %s are the %s. Give patterns of their names, such as layer1.*",
			orElse(d.network, "these networks"), part)
	}
	r.question(d.tool, "freeze", Question{Text: text})
}

// frozenRange is where the words for what is frozen stand: after "freeze" up to
// the end or a preposition, before and right after "frozen".
func frozenRange(items []item, at int) (from, to int) {
	ends := func(it item) bool {
		return it.mention != nil && !it.is(cRef) || it.is(cNumber) || it.anyWord("on", "for", "with", "using", "from", "init_from", "keep", "keeping", "leave", "leaving", "train", "tagged", "but")
	}
	for to = at + 1; to < len(items) && !ends(items[to]); to++ {
		continue
	}
	if !items[at].anyWord("frozen", "froze") {
		return at, to
	}
	for from = at; from > 0 && !ends(items[from-1]); from-- {
		continue
	}
	if from < at && (from > 0 || !items[0].anyWord("train")) && slices.ContainsFunc(items[from:at], func(it item) bool { return partName(it.word()) != "" || isPattern(it.tok) }) {
		return from, at
	}
	return from, to
}

// pattern reads an item as a pattern of parameter names. A bare beginning of
// names stands for all that follow it.
func (r *reader) pattern(it item) (string, bool) {
	if it.mention != nil || it.tok.kind != tWord && it.tok.kind != tQuoted {
		return "", false
	}
	text := clean(it.tok.text)
	switch {
	case slices.Contains([]string{"stays", "stay", "remains", "remain", "kept"}, it.tok.word) && it.tok.kind == tWord:
		return "", false
	case strings.ContainsAny(text, "*?["):
		return text, true
	case isPattern(it.tok) || it.tok.kind == tQuoted, r.lex.nameAt([]token{it.tok}, 0) != "":
		return strings.TrimRight(text, ".") + ".*", true
	}
	return "", false
}

// isPattern tells whether a token looks like a parameter's name.
func isPattern(t token) bool {
	return t.kind == tWord && strings.ContainsAny(t.text, "*._")
}
