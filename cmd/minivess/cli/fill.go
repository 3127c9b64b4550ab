package cli

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// textWidth is the width at which long lines for people are broken.
const textWidth = 100

// fill sets words into lines of textWidth after a label; later lines are
// indented.
func fill(label string, words []string, indent int) string {
	var b strings.Builder
	b.WriteString(label)
	column, first := ansi.StringWidth(label), true
	for _, word := range words {
		width := ansi.StringWidth(word)
		switch {
		case first:
		case column+1+width > textWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, first = column+width, false
	}
	return b.String()
}

// sqlWords splits a statement where it may be broken: at blanks that stand in
// no quotes. One with a line comment means what its lines say and stays whole.
func sqlWords(statement string) []string {
	if strings.Contains(statement, "--") {
		return []string{strings.TrimSpace(statement)}
	}
	var quote rune
	return strings.FieldsFunc(statement, func(r rune) bool {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			return false
		case r == '\'' || r == '"':
			quote = r
			return false
		}
		return unicode.IsSpace(r)
	})
}
