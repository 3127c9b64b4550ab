package planner

import (
	"slices"
	"strings"
)

// findTagged reads "tagged baseline", "with tag baseline", "with the tag x=y".
func findTagged(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	n := tagLead(toks, i)
	if n == 0 && i < len(toks) && isJoint(toks[i]) && lex.moreTags(toks, i, known) {
		n = 1
	}
	if n == 0 || i+n >= len(toks) {
		return nil, 0
	}
	if t := toks[i+n]; t.kind == tAssign {
		return &mention{class: cTag, text: t.word + "=" + t.text, rule: "tag"}, n + 1
	}
	name := anyNameAt(toks, i+n)
	if name == "" || (name == "key" || name == "value") && i+n+1 < len(toks) && anyNameAt(toks, i+n+1) != "" {
		return nil, 0 // "the tag key author, value ada"
	}
	return &mention{class: cTag, text: name, rule: "tag"}, n + 1
}

// tagLead is how many words at toks[i] say that a tag follows, or 0.
func tagLead(toks []token, i int) int {
	next := at(toks, i+1)
	switch at(toks, i) {
	case "tagged", "labelled", "labeled":
		if at(toks, i) != "tagged" && i+1 < len(toks) && toks[i+1].kind == tNumber {
			return 0 // "voxels labelled 2"
		}
		if next == "as" || next == "with" {
			return 2
		}
		return 1
	case "tag":
		if putsTag(toks, i) {
			return 1 // "train … and put the tag pilot on it"
		}
		ends := i+2 >= len(toks) || isJoint(toks[i+2]) || toks[i+2].kind == tPunct
		if i > 0 && isJoint(toks[i-1]) && !isRefWord(next) && !isRunID(next) && ends {
			return 1
		}
	case "with", "have", "has", "had", "carry", "carries", "carrying", "bear", "got", "having", "without", "under":
		return tagNoun(toks, i+1)
	case "tags":
		return afterTags(toks, i)
	case "and", ",":
		if listsTags(toks, i) {
			return 1
		}
	}
	return 0
}

// putsTag tells whether "tag" at toks[i] is put on something that the words
// before it ask for, not what they begin with.
func putsTag(toks []token, i int) bool {
	if i < 2 || !isDeterminer(at(toks, i-1)) || toks[0].word == "put" || toks[0].word == "give" || toks[0].word == "attach" {
		return false
	}
	return slices.ContainsFunc(toks[max(0, i-5):i-1], func(t token) bool {
		return t.word == "put" || t.word == "attach" || t.word == "give" || t.word == "gets" || t.word == "get" || t.word == "carrying"
	})
}

// tagNoun is how many words the lead takes when "the tag" or "tags" stands at
// toks[i], after "with" and the like, or 0.
func tagNoun(toks []token, i int) int {
	n := 2
	if w := at(toks, i); w == "the" || w == "a" {
		i, n = i+1, 3
	}
	if w := at(toks, i); w == "tag" || w == "tags" {
		return n
	}
	return 0
}

// afterTags is how many words the lead "tags" at toks[i] takes, or 0.
func afterTags(toks []token, i int) int {
	next := at(toks, i+1)
	if next == ":" || next == "," || next == "=" {
		return 2
	}
	if i > 0 && (isJoint(toks[i-1]) || toks[i-1].kind == tPunct) && !isRefWord(next) {
		return 1
	}
	return 0
}

// listsTags tells whether the joint at toks[i] continues a list of tags: "with
// the tags pilot, night and final".
func listsTags(toks []token, i int) bool {
	if i+1 >= len(toks) || toks[i+1].kind != tWord && toks[i+1].kind != tQuoted || i+2 < len(toks) && !isJoint(toks[i+2]) && toks[i+2].kind != tPunct {
		return false
	}
	for j := i - 1; j > 0 && j >= i-9; j-- {
		switch {
		case at(toks, j) == "tags":
			return true
		case !isJoint(toks[j]) && !isJoint(toks[j-1]) && at(toks, j-1) != "tags":
			return false
		}
	}
	return false
}

// moreTags tells whether what follows the joint at toks[i] is one more tag after
// those that were named before it: "tagged ablation and lr-low".
func (lex *lexicon) moreTags(toks []token, i int, known Names) bool {
	if i == 0 || i+1 >= len(toks) || !lex.nextTag(toks, i+1, known) {
		return false
	}
	for j := i - 1; j >= 0 && j >= i-9; j -= 2 {
		for n := 1; n <= 3 && j-n >= 0; n++ {
			if tagLead(toks, j-n) == n {
				return true
			}
		}
		if j == 0 || !isJoint(toks[j-1]) {
			return false
		}
	}
	return false
}

// nextTag tells whether the token at toks[i] may be one more tag: a pair that
// sets nothing, or a word of no other meaning.
func (lex *lexicon) nextTag(toks []token, i int, known Names) bool {
	t := toks[i]
	if t.kind == tAssign {
		return !strings.Contains(t.word, ".") && !isSettingKey(t.word)
	}
	if t.kind == tQuoted {
		return true
	}
	return lex.nameAt(toks, i) != "" && !containsFold(known.Datasets, t.word) && !containsFold(known.Runs, t.word) && at(toks, i+1) != "dataset" && lossPart(item{tok: t}) == ""
}

// isSettingKey tells whether a key is the name of a setting.
func isSettingKey(key string) bool {
	switch key {
	case "loss", "model", "network", "net", "dataset", "data", "optimizer", "optimiser", "precision", "patch", "patch_size", "size", "name", "executor", "plan", "init_from", "freeze", "config",
		"gradient_checkpointing", "weight_decay", "dropout", "warmup", "threads", "metric":
		return true
	}
	return isOption(key) || slices.ContainsFunc(slots(), func(s slot) bool {
		return s.param == key || slices.Contains(s.leads, key) || slices.Contains(s.leads, stem(key))
	})
}

// tagsSaid gathers the tags of a clause that only gives some to what was just
// started: "tag it baseline and owner=petra", "put the tag pilot on it".
func (r *reader) tagsSaid(items []item) (v value, ok bool) {
	var tags []any
	for i, it := range items {
		name := ""
		switch {
		case it.is(cTag):
			name = it.mention.text
		case it.is(cAssign) && !isSettingKey(it.tok.word):
			name = it.tok.word + "=" + it.tok.text
		case it.anyWord("tag", "tags", "label", "mark", "put", "give", "add", "attach", "set", "run", "training", "job", "as", "with", "by", "to", "on", "onto", "and", ",", "both", "please", "the", "a", ":", "keep", "flag", "annotate", "also", "have", "key"):
			continue
		case it.is(cRef) && len(tags) == 0:
			continue
		case it.mention == nil && (it.tok.kind == tWord || it.tok.kind == tQuoted || it.tok.kind == tNumber):
			if len(tags) > 0 && r.lex.known(it.tok) {
				return v, ok
			}
			name = asWritten(it.tok)
		}
		if name == "" {
			return v, ok
		}
		tags = append(tags, clean(name))
		v, ok = value{v: tags, from: i, to: i + 1, rule: "tag"}, true
	}
	return v, ok
}
