package planner

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// sentences are the single-turn utterances of the corpus whose letters may be
// changed without changing what they mean: no paths, file names, names of
// parameters, quotes, SQL or settings.
func sentences(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/utterances.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Say any `yaml:"say"`
	}
	if err := yaml.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	file := regexp.MustCompile(`\w\.\w`)
	for _, u := range all {
		if s, ok := u.Say.(string); ok && !strings.ContainsAny(s, "/\"=?!'µ*_") && !strings.Contains(s, "select") && !file.MatchString(s) {
			out = append(out, s)
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d sentences", len(out))
	}
	return out
}

// TestPerturbations: case, punctuation, space and politeness change nothing.
func TestPerturbations(t *testing.T) {
	t.Parallel()
	all, m := fixture(t), New()
	read := func(s string) string {
		raw, err := json.Marshal(m.Plan(t.Context(), all, s).Steps)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	wanted := map[string]string{}
	for _, s := range sentences(t) {
		wanted[s] = read(s)
	}
	for name, change := range map[string]func(string) string{
		"upper case":     strings.ToUpper,
		"title":          func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
		"full stop":      func(s string) string { return s + "." },
		"excitement":     func(s string) string { return s + "!!" },
		"spaces":         func(s string) string { return "  " + strings.ReplaceAll(s, " ", "   ") + "\n" },
		"please":         func(s string) string { return "please " + s },
		"could you":      func(s string) string { return "could you please " + s + "?" },
		"please at end":  func(s string) string { return s + " please" },
		"no-break space": func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
	} {
		wrong, total := 0, 0
		for _, s := range sentences(t) {
			if name == "could you" && (strings.HasPrefix(s, "how") || strings.HasPrefix(s, "what") || strings.HasPrefix(s, "which") || strings.HasPrefix(s, "should") || strings.HasPrefix(s, "is ")) {
				continue
			}
			total++
			if want, got := wanted[s], read(change(s)); want != got {
				wrong++
				t.Logf("%s: %q\n got %s\nwant %s", name, change(s), got, want)
			}
		}
		if share := float64(wrong) / float64(total); share > 0.02 {
			t.Errorf("%s changes %d of %d plans", name, wrong, total)
		}
	}
}

// TestTypos: with two letters of one longer word swapped, at least 92 % of all
// plans stay what they were; a destructive word is asked about instead.
func TestTypos(t *testing.T) {
	t.Parallel()
	all, m := fixture(t), New()
	right, total := 0, 0
	for _, s := range sentences(t) {
		want, err := json.Marshal(m.Plan(t.Context(), all, s).Steps)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(s)
		for i, w := range words {
			clean := strings.Trim(w, ".,;:")
			if len(clean) < 6 || !m.lex.vocab[strings.ToLower(clean)] && m.lex.models[strings.ToLower(clean)] == "" {
				continue
			}
			k := len(clean) / 2
			typo := strings.Replace(w, clean, clean[:k]+clean[k+1:k+2]+clean[k:k+1]+clean[k+2:], 1)
			if typo == w {
				continue
			}
			mistyped := append(append(append([]string{}, words[:i]...), typo), words[i+1:]...)
			o := m.Plan(t.Context(), all, strings.Join(mistyped, " "))
			got, err := json.Marshal(o.Steps)
			if err != nil {
				t.Fatal(err)
			}
			total++
			if asked := len(o.Questions) > 0 && strings.HasPrefix(o.Questions[0].Text, "Did you mean"); asked || string(got) == string(want) {
				right++
			} else {
				t.Logf("%q\n got %s\nwant %s", strings.Join(mistyped, " "), got, want)
			}
		}
	}
	if share := float64(right) / float64(total); share < 0.92 {
		t.Errorf("%d of %d mistyped sentences are read right (%.1f %%)", right, total, 100*share)
	} else {
		t.Logf("%d of %d mistyped sentences are read right (%.1f %%)", right, total, 100*share)
	}
}
