package planner

import "strings"

// cutSQL finds a SQL statement in the text: from the word "select" (or a
// leading "with … as (") to the end, if a statement is what it looks like. It
// returns where the plain words end.
func cutSQL(text string) (limit int, statement token) {
	lower := strings.ToLower(text)
	for from := 0; ; {
		i := strings.Index(lower[from:], "select")
		if i < 0 {
			return len(text), token{}
		}
		at := from + i
		from = at + len("select")
		if !wordAt(lower, at, len("select")) || !looksLikeSQL(lower[from:]) {
			continue
		}
		if w := strings.Index(lower[:at], "with "); w >= 0 && strings.Contains(lower[w:at], " as ") && strings.Contains(lower[w:at], "(") {
			at = w
		}
		body := statementEnd(text, at)
		return trimQuote(text, at), token{kind: tSQL, text: body, word: "sql", stem: "sql", start: at, end: at + len(body)}
	}
}

// statementEnd returns the statement that begins at text[at:]: up to the last
// closing quote if a quote was opened before it.
func statementEnd(text string, at int) string {
	body := text[at:]
	for _, q := range [][2]string{{"\"", "\""}, {"`", "`"}, {"“", "”"}, {"'", "'"}} {
		if strings.HasSuffix(strings.TrimRight(text[:at], " "), q[0]) {
			if end := strings.LastIndex(body, q[1]); end > 0 {
				body = body[:end]
			}
			break
		}
	}
	return strings.TrimRight(body, ";. \n\t")
}

// trimQuote drops an opening quote or code fence before the statement.
func trimQuote(text string, at int) int {
	return len(strings.TrimRight(text[:at], "`\"' \n\t"))
}

// looksLikeSQL tells a statement from "select the best run": what follows the
// word must name columns and a table, or a literal.
func looksLikeSQL(rest string) bool {
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return false
	}
	before, after, found := strings.Cut(rest, " from ")
	if !found {
		return rest[0] >= '0' && rest[0] <= '9' || rest[0] == '\''
	}
	columns := strings.Fields(before)
	named := strings.ContainsAny(before, "*,(") || len(columns) == 1
	named = named || len(columns) > 1 && (columns[1] == "as" || columns[0] == "distinct")
	table := strings.Fields(after)
	return named && len(table) > 0 && !isArticle(table[0])
}

func isArticle(w string) bool {
	return w == "the" || w == "my" || w == "our" || w == "all" || w == "these" || w == "those"
}

// wordAt tells whether s[i:i+n] stands between word boundaries.
func wordAt(s string, i, n int) bool {
	letter := func(b byte) bool { return b == '_' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
	return (i == 0 || !letter(s[i-1])) && (i+n == len(s) || !letter(s[i+n]))
}
