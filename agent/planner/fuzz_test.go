package planner

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minivess/minivess/tools"
)

func fixture(tb testing.TB) []tools.Descriptor {
	tb.Helper()
	raw, err := os.ReadFile("testdata/catalogue.json")
	if err != nil {
		tb.Fatal(err)
	}
	out, err := ReadCatalogue(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// explicit tells whether a text has a destructive verb as it was written, with
// no typo mended.
func explicit(lex *lexicon, text string) bool {
	return slices.ContainsFunc(lex.plainly(lex.merge(tokenise(text))), func(t token) bool {
		return slices.Contains(destructive(), t.word) || slices.Contains(destructive(), t.stem)
	})
}

// checkPlan states what holds for every text whatsoever.
func checkPlan(tb testing.TB, m *Model, all []tools.Descriptor, text string) {
	tb.Helper()
	checkOutcome(tb, m, all, text, m.Plan(tb.Context(), all, text))
}

// checkOutcome is checkPlan for a plan that was made already.
func checkOutcome(tb testing.TB, m *Model, all []tools.Descriptor, text string, o Outcome) {
	tb.Helper()
	if len(o.Steps) > maxSteps {
		tb.Errorf("%q: %d steps", text, len(o.Steps))
	}
	if len(o.Steps) == 0 && o.Reply == "" {
		tb.Errorf("%q: neither a plan nor a word", text)
	}
	if strings.ContainsRune(o.Reply, '\x1b') || !utf8.ValidString(o.Reply) {
		tb.Errorf("%q: the reply is not fit to print: %q", text, o.Reply)
	}
	for i, s := range o.Steps {
		if s.Unavailable {
			if !strings.Contains(o.Reply, s.Tool+" is not available in this version") {
				tb.Errorf("%q: nothing says that %s is not available", text, s.Tool)
			}
			continue
		}
		d := slices.IndexFunc(all, func(d tools.Descriptor) bool { return d.Name == s.Tool })
		if d < 0 {
			tb.Fatalf("%q: planned the unknown tool %s", text, s.Tool)
		}
		if all[d].Effect == tools.Destroy && !explicit(m.lex, text) {
			tb.Errorf("%q: planned %s without a word for it", text, s.Tool)
		}
		for p := range s.Args {
			if all[d].Input.Properties[p] == nil {
				tb.Errorf("%q: %s has no argument %q", text, s.Tool, p)
			}
		}
		for _, p := range []string{"run", "dataset", "runs", "query", "path"} {
			if v, ok := s.Args[p]; ok && (v == "" || v == nil) {
				tb.Errorf("%q: %s of %s is empty", text, p, s.Tool)
			}
		}
		for _, n := range s.Needs {
			if !slices.ContainsFunc(o.Steps[:i], func(e Step) bool { return e.ID == n }) {
				tb.Errorf("%q: step %s needs %s, which does not come before it", text, s.ID, n)
			}
		}
		if _, err := s.arguments(); err != nil {
			tb.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzPlan(f *testing.F) {
	for _, s := range []string{
		"train a segresnet on toy for 3 epochs and then evaluate it on the test split", "delete the worst run", "don't delete it",
		"select * from runs", "make demo with 64x64x32 at 0.7×0.7×2 µm", "seeds 0 to 99999999", "", "\x00\xff\x1b[2J", "'\"`“", "1/0 e9999 0x10 ..--",
		"with x as (select 1) select * from x", "[1,2,3] 1,000,000 10^999", "compare a-b-c and d-e-f", strings.Repeat("train segresnet on toy and ", 40), strings.Repeat("1,", 2000), strings.Repeat("(", 3000), strings.Repeat("qwxz ", 700),
	} {
		f.Add(s)
	}
	all, m := fixture(f), New()
	f.Fuzz(func(t *testing.T, text string) { checkPlan(t, m, all, text) })
}

// TestWordSalad: five thousand sentences made of the planner's own words and
// scraps keep to the rules, above all the one about destroying.
func TestWordSalad(t *testing.T) {
	t.Parallel()
	all, m := fixture(t), New()
	words := slices.Clone(m.lex.mendable)
	for w := range m.lex.common {
		words = append(words, w)
	}
	slices.Sort(words)
	words = append(words, "toy", "brisk-otter-7f3a", "3", "1e-4", "64x64x32", "it", "them", "and", "then", ",", ".", "the", "run", "runs", "latest", "worst", "all", "delte", "cancle", "sotp", "'", "\"x\"", "a=b", "/tmp/x")
	rng := rand.New(rand.NewPCG(1, 2))
	n := 5000
	if testing.Short() {
		n = 1000
	}
	for range n {
		parts := make([]string, 1+rng.IntN(10))
		for i := range parts {
			parts[i] = words[rng.IntN(len(words))]
			if rng.IntN(12) == 0 && len(parts[i]) > 3 {
				j := 1 + rng.IntN(len(parts[i])-2)
				parts[i] = parts[i][:j] + parts[i][j+1:]
			}
		}
		checkPlan(t, m, all, strings.Join(parts, " "))
	}
}

func FuzzResult(f *testing.F) {
	f.Add(`{"tool":"runs_sql","value":{"columns":["run_id"],"rows":[["x"]]}}`)
	f.Add(`{"value":{"runs":[{"run":"x"}]},"error":{"message":"m","hint":"h"}}`)
	f.Add("no JSON")
	f.Add(`{"value":{"models":[{"model":"x","options":[{"name":"o","default":1}]}]}}`)
	lex := New().lex
	f.Fuzz(func(t *testing.T, content string) {
		c := call{tool: "runs_sql", args: map[string]any{}, result: readResult(content)}
		for kind := goalQuality; kind <= goalSettings; kind++ {
			text := goal{kind: kind, metric: "dice"}.words(c.table(), measure{})
			if text == "" {
				t.Errorf("no words for %q", content)
			}
		}
		c.result.failure()
		c.details(lex, "x")
		networkDetails(c.result.Value, map[string]bool{"x": true})
		(&memory{}).observe(round{calls: []call{c, {tool: "runs_list", result: c.result}, {tool: "evaluate_run", result: c.result}}})
		if _, err := json.Marshal(c.table()); err != nil {
			t.Error(err)
		}
	})
}
