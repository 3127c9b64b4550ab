package assistant

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

// However a text is split, its pieces come to what the whole would be.
func TestPiecesAreAsHarmlessAsTheWhole(t *testing.T) {
	t.Parallel()
	parts := rapid.SliceOf(rapid.SampledFrom([]string{
		"word ", "é", "日本", "\x1b", "[31m", "[2J", "\x1b]0;title", "\x07", "\x1b\\", "\n", "\r\n", "\r", "\u202e", "\u009b", "3", "1m", "\t", "\x00", "e\u0301", "\xf0\x9f", "\x98\x80",
	}))
	rapid.Check(t, func(t *rapid.T) {
		whole := strings.Join(parts.Draw(t, "text"), "")
		var p pieces
		var out strings.Builder
		for rest := whole; rest != ""; {
			n := rapid.IntRange(1, min(5, len(rest))).Draw(t, "cut")
			out.WriteString(p.take(rest[:n]))
			rest = rest[n:]
		}
		if want := tools.PlainLines(whole); out.String() != want {
			t.Errorf("%q came out as %q, want %q", whole, out.String(), want)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07\u009b\u202e\x00\r") {
			t.Errorf("%q came out as %q", whole, out.String())
		}
	})
}

// A line without an end costs no more the longer it gets, and stays harmless.
func TestPiecesOfAnEndlessLine(t *testing.T) {
	t.Parallel()
	var p pieces
	for range 3 * maxLine {
		if got := p.take("x\x1b["); strings.Contains(got, "\x1b") || len(p.line) > maxLine+3 {
			t.Fatalf("%q with %d bytes kept", got, len(p.line))
		}
	}
}
