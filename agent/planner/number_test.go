package planner

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"3": 3, "3.5": 3.5, ".5": 0.5, "3e-4": 3e-4, "1E-3": 1e-3, "1/1000": 1e-3, "10^-4": 1e-4, "1,000": 1000, "5k": 5000, "30%": 0.3, "30 %": 0.3,
		"30 percent": 0.3, "-1": -1, "three": 3, "twenty five": 25, "twenty-five": 25, "a dozen": 12, "two dozen": 24, "two hundred": 200, "3epochs": 3, "#7": 7,
	} {
		var got []float64
		for _, tok := range tokenise(text) {
			if tok.kind == tNumber {
				got = append(got, tok.num)
			}
		}
		if len(got) != 1 || math.Abs(got[0]-want) > 1e-12 {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
}

func TestTriples(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]float64{
		"64x64x32": {64, 64, 32}, "96×96×48": {96, 96, 48}, "0.7*0.7*2": {0.7, 0.7, 2}, "[64,64,32]": {64, 64, 32}, "[64, 64, 32]": {64, 64, 32}, "64 x 64 x 32": {64, 64, 32},
		"64 by 64 by 32": {64, 64, 32}, "64 cubed": {64, 64, 64}, "64^3": {64, 64, 64}, "64³": {64, 64, 64}, "0.7×0.7×2µm": {0.7, 0.7, 2},
	} {
		var got [][3]float64
		for _, tok := range tokenise(text) {
			if tok.kind == tTriple {
				got = append(got, tok.triple)
			}
		}
		if diff := cmp.Diff([][3]float64{want}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestNoNumbers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"brisk-otter-7f3a", "hd95", "vista3d", "2026-10-01", "x", "e9", "0x10", "1__0", "nan", "inf", "/a/1", "v1"} {
		for _, tok := range tokenise(text) {
			if tok.kind == tNumber || tok.kind == tTriple {
				t.Errorf("%q was read as a number, %v", text, tok.num)
			}
		}
	}
}

func TestStem(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"runs": "run", "running": "run", "evaluating": "evaluate", "evaluated": "evaluate", "stopped": "stop", "training": "train", "trained": "train",
		"deleting": "delete", "removed": "remove", "resumes": "resume", "queries": "query", "dice": "dice", "cldice": "cldice", "loss": "loss", "losses": "loss",
		"failed": "fail", "finishes": "finish", "finished": "finish", "status": "status", "does": "do", "compares": "compare", "comparing": "compare", "volumes": "volume",
	} {
		if got := stem(word); got != want {
			t.Errorf("stem(%q) = %q, want %q", word, got, want)
		}
	}
}

// TestEditDistance: against the plain definition for random words, and its
// symmetry.
func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"segresnt", "segresnet", 1}, {"trian", "train", 1}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"", "ab", 2}} {
		if got := editDistance(c.a, c.b, 9); got != c.want {
			t.Errorf("distance of %q and %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := editDistance(a, b, 20)
		if d != editDistance(b, a, 20) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance of %q and %q is %d", a, b, d)
		}
		if limited := editDistance(a, b, 1); d <= 1 && limited != d || d > 1 && limited <= 1 {
			t.Fatalf("distance of %q and %q is %d, with limit 1 it is %d", a, b, d, limited)
		}
	})
}

func TestSQLIsCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"select run_id from runs":                            "select run_id from runs",
		"run this: SELECT * FROM runs;":                      "SELECT * FROM runs",
		"run the query \"select count(*) from runs\" please": "select count(*) from runs",
		"`select 1`": "select 1",
		"sql: select name from runs where name = 'a'": "select name from runs where name = 'a'",
		"with x as (select 1 as a) select * from x":   "with x as (select 1 as a) select * from x",
		"select the best run from the list":           "",
		"train the selected run":                      "",
	} {
		got := ""
		for _, tok := range tokenise(text) {
			if tok.kind == tSQL {
				got = tok.text
			}
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
