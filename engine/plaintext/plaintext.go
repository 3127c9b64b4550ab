// Package plaintext takes out of text that came from data what a terminal
// would obey or a reader would not see. Whole escape sequences, of which it
// takes the first character only, are for those who draw on terminals.
package plaintext

import (
	"strings"
	"unicode"
)

// Line is s as one line: line ends and tabs become spaces, hidden characters
// are gone.
func Line(s string) string {
	return without(s, func(r rune) bool { return r == '\n' || r == '\t' })
}

// Words is s as one line with a single space for any white space, and none at
// the ends; hidden characters are gone.
func Words(s string) string {
	return strings.Join(strings.Fields(without(s, unicode.IsSpace)), " ")
}

func without(s string, space func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case space(r):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, s)
}

// hidden are control and formatting characters, bidirectional overrides among
// them, and what stands for bytes that are no text.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}
