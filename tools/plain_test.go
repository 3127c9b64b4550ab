package tools_test

import (
	"encoding/json"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

func TestPlainLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"one\ntwo\r\n\tthree":        "one\ntwo\n three",
		"\x1b[31mred\x1b[0m\x07":     "red",
		"a\u202eb\u2066c":            "abc",
		"\x1b]0;title\x07kept\n\x00": "kept\n",
	} {
		if got := tools.PlainLines(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "",
		"one\n\ttwo\r\n":                   "one\n\ttwo\n",
		"\x1b[31mred\x1b[0m\x07\x7f":       "red",
		"a\u202eb\u2066c\u0085":            "abc",
		"\u0915\u094d\u200d\u0937, \ufb01": "\u0915\u094d\u200d\u0937, \ufb01", // a joiner is part of the word
		"\x1b]0;title\x07kept\x00":         "kept",
	} {
		if got := tools.Printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPlainJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"b":1,"a":"x"}`: `{"b":1,"a":"x"}`, // nothing to do: the order stays
		`{"b":12345678901234567890,"a":"\u001b[1mx"}`: `{"a":"x","b":12345678901234567890}`,
		`{"k\u0007":["\u202ey",{"z":"\u0000"}]}`:      `{"k":["y",{"z":""}]}`,
		`"line\nline"`:                                `"line\nline"`,
		`{`:                                           `null`,
		``:                                            `null`,
	} {
		if got := tools.PlainJSON(json.RawMessage(in)); string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestPlainLinesLeavesNothingToObey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := tools.PlainLines(rapid.String().Draw(t, "text"))
		for _, r := range s {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%q is left in %q", r, s)
			}
		}
		if again := tools.PlainLines(s); again != s {
			t.Fatalf("%q is not plain yet: %q", s, again)
		}
	})
}
