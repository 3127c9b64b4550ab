package planner

import (
	"slices"
	"strings"
	"unicode"
)

// noMereWords takes a word that only stood where a dataset might for a mere
// word again, where the workspace's datasets are known and it is none of them:
// "before I waste a weekend", "is it overfitting". What is introduced as a
// dataset, or written as only names are, stays one: the tool will say that it
// does not exist.
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
		if listed := m.rule == "name after and" || m.rule == "name after ,"; named && !listed || !namelike(items[i].tok) {
			items[i].mention = nil
		}
	}
	return items
}

// namelike tells whether a word is written as names are and English words are
// not: with a digit, an underscore, a hyphen or a capital, or in quotes.
func namelike(t token) bool {
	if t.kind == tQuoted {
		return true
	}
	for i, r := range t.text {
		if unicode.IsDigit(r) || r == '_' || r == '-' && i > 0 || unicode.IsUpper(r) {
			return true
		}
	}
	return false
}

// asWritten is the word of a token with the capitals that it was written with.
func asWritten(t token) string {
	if strings.EqualFold(t.text, t.word) {
		return clean(t.text)
	}
	return clean(t.word)
}
