package planner

import (
	"slices"
	"strings"
)

// saidToHold is the rule by which a layout is read from what is said of the
// folder.
const saidToHold = "what the folder is said to hold"

// layout reads how a folder is laid out: by the name of the layout, or by what
// is said of its folders and files, anywhere in the message.
func (r *reader) layout(items []item) (value, bool) {
	toks := r.lex.merge(tokenise(r.text))
	if name := describedLayout(toks); name != "" {
		return value{v: name, rule: saidToHold}, true
	}
	_, skips := leavesOut(items)
	for i, it := range items {
		name, ok := layoutOf(it)
		if ok && skips && it.anyWord("pair") && (i == 0 || !items[i-1].anyWord("in", "as", "is")) {
			continue // "bad pairs are skipped"
		}
		if ok && !it.used && (it.mention == nil || it.is(cLayout)) {
			return value{v: name, from: i, to: i + 1, rule: "layout"}, true
		}
	}
	return value{}, false
}

// describedLayout is the layout that words anywhere in a message describe: "in
// minivess layout", "with raw, seg and json folders", "two folders with the same
// file names", "there is a dataset.json".
func describedLayout(toks []token) string {
	says := func(words ...string) bool {
		return slices.ContainsFunc(toks, func(t token) bool {
			return slices.ContainsFunc(words, func(w string) bool { return t.word == w || strings.Trim(t.text, "/") == w })
		})
	}
	for i, t := range toks {
		name, ok := layoutOf(item{tok: t})
		if head, noun, cut := strings.Cut(t.word, "-"); cut && meansLayout(noun) {
			name, ok = layoutOf(item{tok: wordToken(head, t.start, t.end)})
			if ok {
				return name
			}
		}
		if !ok || t.kind != tWord && t.kind != tQuoted {
			continue
		}
		near := toks[max(0, i-4):min(len(toks), i+3)]
		if slices.ContainsFunc(near, func(n token) bool { return meansLayout(n.word) || meansLayout(n.stem) }) || at(toks, i-1) == "in" && at(toks, i-2) == "as" || at(toks, i-1) == "like" {
			return name
		}
	}
	switch {
	case says("decathlon", "msd"):
		return "decathlon"
	case says("raw") && says("seg"):
		return "minivess"
	case says("dataset.json"):
		return "decathlon"
	case says("two") && says("folders", "directories", "subfolders") && says("same", "equal", "identical", "matching") && says("names", "filenames", "named"):
		return "pairs"
	}
	return ""
}

// meansLayout lists the words for how a folder is laid out.
func meansLayout(w string) bool {
	switch w {
	case "layout", "structure", "structured", "format", "organisation", "organised", "organized", "organization", "convention", "style", "arranged", "laid", "arrangement", "scheme":
		return true
	}
	return false
}

// mayStop reads "if nothing improves for 25 validations, it ought to stop" after a
// training, whose patience it is.
func (r *reader) mayStop(c clause) bool {
	if !c.condition && !c.conditional || r.lastTool() != "train_launch" {
		return false
	}
	said := append(slices.Clone(c.toks), c.only...)
	if c.condition && len(r.rest) > 0 {
		said = append(said, r.rest[0].toks...)
	}
	items := r.lex.recognise(said, r.known)
	if _, ok := noGain(items); !ok || hasNamedRun(items) || !gives(said) || !r.amend(r.last, items) {
		return false
	}
	if c.condition && len(r.rest) > 0 {
		r.rest[0].toks = nil
	}
	return true
}

// mayLeaveOut reads "if a label doesn't match its image, skip that volume" after
// an import.
func (r *reader) mayLeaveOut(c clause) bool {
	whenever := len(c.toks) > 0 && slices.Contains([]string{"when", "where", "whenever", "wherever", "should", "anything", "whatever", "any"}, c.toks[0].word)
	if !c.condition && !whenever || r.lastTool() != "dataset_import" {
		return false
	}
	said := c.toks
	if c.condition && len(r.rest) > 0 {
		said = slices.Concat(said, r.rest[0].toks)
	}
	fits := slices.ContainsFunc(said, func(t token) bool {
		return slices.Contains([]string{"match", "mismatch", "mismatched", "fit", "agree", "belong"}, t.stem)
	})
	_, leaves := leavesOut(r.lex.recognise(said, r.known))
	if !fits || !leaves && (!c.condition || len(r.rest) == 0 || !r.rest[0].negated) {
		return false
	}
	if c.condition && len(r.rest) > 0 {
		r.rest[0].toks = nil
	}
	r.out.Steps[r.last[0]].Args["skip_mismatched"] = true
	return true
}
