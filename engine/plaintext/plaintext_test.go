package plaintext_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/plaintext"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ line, words string }{
		"":                         {},
		"0.70×0.70 µm":             {"0.70×0.70 µm", "0.70×0.70 µm"},
		" two\r\nlines\tand  \v a": {" two lines and   a", "two lines and a"},
		"\x1b[31mred\x00":          {"[31mred", "[31mred"},
		"evil\u202egz.iin\u200b":   {"evilgz.iin", "evilgz.iin"},
		"no\xfftext\ufffd":         {"notext", "notext"},
		"a\u00a0b\u0085c":          {"a\u00a0bc", "a b c"},
	} {
		if got := plaintext.Line(in); got != want.line {
			t.Errorf("Line(%q) = %q, want %q", in, got, want.line)
		}
		if got := plaintext.Words(in); got != want.words {
			t.Errorf("Words(%q) = %q, want %q", in, got, want.words)
		}
	}
}

func TestNothingToObeyIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		line, words := plaintext.Line(s), plaintext.Words(s)
		for _, r := range line + words {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%U is left", r)
			}
		}
		if plaintext.Line(line) != line || plaintext.Words(words) != words {
			t.Error("a second time takes more out")
		}
		if strings.Join(strings.Fields(words), " ") != words {
			t.Errorf("white space is left in %q", words)
		}
	})
}
