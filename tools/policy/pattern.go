package policy

import (
	"regexp"
	"strings"
)

// pattern is a text in which * stands for anything within a part of a path, **
// for anything at all and ? for one character.
type pattern struct {
	text   string
	match  *regexp.Regexp
	except bool // written with a ! before it
}

// literal reports whether the pattern means one text only.
func (p pattern) literal() bool { return !strings.ContainsAny(p.text, "*?") }

func newPattern(text string) pattern {
	p := pattern{text: text}
	if rest, except := strings.CutPrefix(text, "!"); except {
		p.text, p.except = rest, true
	}
	p.match = glob(p.text)
	return p
}

// glob compiles a pattern. "/data/**" fits /data too.
func glob(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasSuffix(text, "/**") && i == len(text)-3:
			b.WriteString(`(/.*)?`)
			i += 2
		case strings.HasPrefix(text[i:], "**"):
			b.WriteString(`.*`)
			i++
		case text[i] == '*':
			b.WriteString(`[^/]*`)
		case text[i] == '?':
			b.WriteString(`[^/]`)
		default:
			b.WriteString(regexp.QuoteMeta(text[i : i+1]))
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil { // text that is not UTF-8, which the reader refuses before
		return regexp.MustCompile(`\z.\A`)
	}
	return re
}

// patterns fit what one of them fits and none of those with a ! does. None at
// all fit everything; only such with a ! fit the rest.
type patterns []pattern

func (all patterns) fit(text string) bool {
	wanted, listed := false, false
	for _, p := range all {
		hit := p.match.MatchString(text)
		if p.except && hit {
			return false
		}
		listed = listed || !p.except
		wanted = wanted || !p.except && hit
	}
	return wanted || !listed
}
