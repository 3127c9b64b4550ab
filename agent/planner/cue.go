package planner

import (
	"slices"
	"strings"
)

// frame says by which words a tool, or a kind of question, is recognised.
// Intent is a tool's name, or starts with "?" for what is no single tool.
type frame struct {
	intent string
	cues   []cue
}

// cue is a weighted pattern: atoms separated by spaces, alternatives within an
// atom by "|". An atom matches a word or its stem; "=w" the word only;
// "{class}" something recognised (run, dataset, metric …); "*" skips up to
// four items; a leading "^" ties the pattern to the start of the clause and a
// final "$" to its end, politeness aside.
type cue struct {
	weight  float64
	pattern string
}

// matcher is a compiled cue.
type matcher struct {
	weight   float64
	pattern  string
	anchored bool
	atoms    []atom
}

type atom struct {
	gap     bool
	end     bool
	words   map[string]bool // word or stem
	exact   map[string]bool // word only
	classes []class
}

// maxGap is how many items a "*" may skip.
const maxGap = 4

// compile parses a cue.
func (c cue) compile() matcher {
	p, anchored := strings.CutPrefix(c.pattern, "^")
	m := matcher{weight: c.weight, pattern: c.pattern, anchored: anchored}
	for field := range strings.FieldsSeq(p) {
		a := atom{words: map[string]bool{}, exact: map[string]bool{}}
		if field == "$" {
			a.end = true
			m.atoms = append(m.atoms, a)
			continue
		}
		if field == "*" {
			a.gap = true
			m.atoms = append(m.atoms, a)
			continue
		}
		for alt := range strings.SplitSeq(field, "|") {
			switch {
			case strings.HasPrefix(alt, "{"):
				a.classes = append(a.classes, class(strings.Trim(alt, "{}")))
			case strings.HasPrefix(alt, "="):
				a.exact[alt[1:]] = true
			default:
				a.words[alt] = true
			}
		}
		m.atoms = append(m.atoms, a)
	}
	return m
}

// words lists every literal word of the pattern.
func (m matcher) words(yield func(string)) {
	for _, a := range m.atoms {
		for w := range a.words {
			yield(w)
		}
		for w := range a.exact {
			yield(w)
		}
	}
}

// match finds the pattern in items and returns the range of items it covers.
func (m matcher) match(items []item) (from, to int, ok bool) {
	for i := range items {
		if end, found := matchAtoms(m.atoms, items, i); found {
			return i, end, true
		}
		if m.anchored {
			break
		}
	}
	return 0, 0, false
}

// matchAtoms matches atoms from items[i] on.
func matchAtoms(atoms []atom, items []item, i int) (end int, ok bool) {
	if len(atoms) == 0 {
		return i, true
	}
	if atoms[0].gap {
		for skip := 0; skip <= maxGap && i+skip <= len(items); skip++ {
			if end, ok = matchAtoms(atoms[1:], items, i+skip); ok {
				return end, true
			}
		}
		return 0, false
	}
	if atoms[0].end {
		for i < len(items) && (items[i].tok.kind == tPunct || items[i].anyWord("please", "pls", "now", "then")) {
			i++
		}
		return i, i == len(items)
	}
	if i < len(items) && atoms[0].matches(items[i]) {
		return matchAtoms(atoms[1:], items, i+1)
	}
	return 0, false
}

func (a atom) matches(it item) bool {
	if slices.ContainsFunc(a.classes, it.is) {
		return true
	}
	if it.mention != nil || it.tok.kind == tQuoted {
		return false
	}
	return a.exact[it.tok.word] || a.words[it.tok.word] || a.words[it.tok.stem]
}
