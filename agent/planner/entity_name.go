package planner

import (
	"slices"
	"strings"
	"unicode"
)

// noMereWords takes a word that only stood where a dataset might for a mere
// word again, where the workspace's datasets are known and it is none of them:
// "before I waste a weekend", "is it overfitting". What is introduced as a
// dataset, or stands and is written as only names are, stays one: the tool will
// say that it does not exist.
func (lex *lexicon) noMereWords(items []item, known Names) []item {
	if len(known.Datasets) == 0 {
		return items
	}
	named := slices.ContainsFunc(items, func(it item) bool { return it.is(cDataset) && containsFold(known.Datasets, it.mention.text) })
	for i := range items {
		m := items[i].mention
		if m == nil || m.class != cDataset || containsFold(known.Datasets, m.text) || !strings.HasPrefix(m.rule, "name after ") || m.rule == "name after dataset" {
			continue
		}
		listed := m.rule == "name after and" || m.rule == "name after ,"
		if named && !listed || !marked(items[i].tok) && !lone(items, i) {
			items[i].mention = nil
		}
	}
	return items
}

// marked tells whether a word is written as names are and English words are
// not: in quotes, or with a digit or an underscore.
func marked(t token) bool {
	return t.kind == tQuoted || strings.ContainsFunc(t.text, func(r rune) bool { return unicode.IsDigit(r) || r == '_' })
}

// lone tells whether a word stands by itself where only data can stand: after
// "on", or as what a tool for data works on.
func lone(items []item, i int) bool {
	if i == 0 {
		return false
	}
	switch before := items[i-1]; {
	case before.anyWord("split", "resplit", "validate", "profile"):
	case before.anyWord("on"):
		works := slices.ContainsFunc(items[:i], func(it item) bool {
			return it.is(cModel) || it.anyWord("train", "evaluate", "test", "judge", "assess", "score", "fit", "check", "finetune", "benchmark")
		})
		if !works {
			return false // "the power went out on campus"
		}
	case before.anyWord("from", "in", "of", "with", "using", "to", ",", "and") && strings.Contains(items[i].tok.word, "-"):
	default:
		return false
	}
	return i+1 == len(items) || items[i+1].mention != nil || items[i+1].tok.kind != tWord || isPreposition(items[i+1].word()) || isJointItem(items[i+1]) || items[i+1].anyWord("into", "please", "using")
}

// asWritten is the word of a token with the capitals that it was written with.
func asWritten(t token) string {
	if strings.EqualFold(t.text, t.word) {
		return clean(t.text)
	}
	return clean(t.word)
}
