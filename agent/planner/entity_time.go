package planner

import "strings"

// findSince reads "since yesterday", "from today", "in the last 3 days", "this
// week".
func findSince(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j := i
	for j < len(toks) && (at(toks, j) == "since" || at(toks, j) == "from" || at(toks, j) == "in" || at(toks, j) == "within" || at(toks, j) == "the" || at(toks, j) == "over") {
		j++
	}
	m := &mention{class: cSince, rule: "time"}
	switch w := at(toks, j); w {
	case "today", "yesterday":
		m.text = w
		return m, j + 1 - i
	case "this":
		if at(toks, j+1) == "week" || at(toks, j+1) == "month" {
			m.text = map[string]string{"week": "7d", "month": "30d"}[at(toks, j+1)]
			m.note = "I take this " + at(toks, j+1) + " as the last " + strings.TrimSuffix(m.text, "d") + " days."
			return m, j + 2 - i
		}
	case "last", "past":
		return sinceSpan(toks, i, j, m)
	}
	if at(toks, i) == "since" && j < len(toks) && looksLikeDate(toks[j].word) {
		m.text = toks[j].word
		return m, j + 1 - i
	}
	return nil, 0
}

// sinceSpan reads "last week", "past 3 days", "last 24 hours".
func sinceSpan(toks []token, i, j int, m *mention) (*mention, int) {
	n, k := 1.0, j+1
	if k < len(toks) && toks[k].kind == tNumber {
		n = toks[k].num
		k++
	}
	unit := map[string]float64{"hour": 1, "day": 24, "night": 24, "week": 168, "month": 720}[strings.TrimSuffix(at(toks, k), "s")]
	if unit == 0 || n <= 0 || n > 1e5 {
		return nil, 0
	}
	hours := int64(n * unit)
	m.text = plainNumber(float64(hours)) + "h"
	if hours%24 == 0 {
		m.text = plainNumber(float64(hours/24)) + "d"
	}
	return m, k + 1 - i
}

// looksLikeDate recognises 2026-10-01.
func looksLikeDate(w string) bool {
	return len(w) == 10 && w[4] == '-' && w[7] == '-' && strings.Trim(w, "0123456789-") == ""
}
