package report

import (
	"strings"
	"unicode"
)

// UnitName writes a unit of length as people do: µm for um, voxel units where
// the file does not say.
func UnitName(unit string) string {
	switch unit {
	case "um":
		return "µm"
	case "":
		return "units"
	}
	return plain(unit)
}

// plain takes control and formatting characters out of text that came from
// data, terminal escapes and bidirectional overrides with them. What HTML would
// read as markup is the template's business.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
}
