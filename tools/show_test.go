package tools_test

import (
	"math"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"mv07.nii.gz":                       "mv07.nii.gz",
		"\x1b[31mred\x1b[0m":                "red",
		"a\x1b]0;title\x07b":                "ab",
		"line\r\nnext\tcolumn\x00":          "line next column",
		"0.70×0.70 µm":                      "0.70×0.70 µm",
		"evil\u202egz.iin":                  "evilgz.iin",
		"\x9b31mc1":                         "c1",
		strings.Repeat("\x1b[2J", 3) + "ok": "ok",
	} {
		if got := tools.Plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPlainHoldsNoControls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range tools.Plain(rapid.String().Draw(t, "s")) {
			if unicode.IsControl(r) {
				t.Fatalf("control character %U is left", r)
			}
		}
	})
}

func TestShow(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 22e6: "22 MB", 1_100_000_000: "1.1 GB", 999_900_000: "1.0 GB", 5e15: "5000 TB"} {
		if got := tools.Bytes(n); got != want {
			t.Errorf("%d bytes: got %s, want %s", n, got, want)
		}
	}
	for s, want := range map[float64]string{0.2: "under 1 s", 6.2: "6 s", 150: "2.5 min", 1500: "25 min", 9 * 3600: "9.0 h", 86400: "24 h", 4 * 86400: "4.0 days", math.Inf(1): "unknown", -1: "unknown"} {
		if got := tools.Duration(s); got != want {
			t.Errorf("%g seconds: got %s, want %s", s, got, want)
		}
	}
	if tools.Count(1, "volume") != "1 volume" || tools.Count(0, "volume") != "0 volumes" || tools.Extent([3]int{1, 2, 3}) != "1×2×3" {
		t.Error("counts or extents are off")
	}
}
