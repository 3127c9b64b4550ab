package planner_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/planner"
)

var update = flag.Bool("update", false, "renew the files that tests compare with")

// TestSaid holds what the planner weighs words by against the development part
// of the corpus: every sentence that means one tool is there under that tool,
// or under one of the planner's own intents where a question becomes SQL or
// where no tool is meant. With -update the files are written anew. The held-out
// part is never among them.
func TestSaid(t *testing.T) {
	t.Parallel()
	want, heldout := map[string][]string{}, map[string]bool{}
	m := planner.New(planner.WithCatalogue(catalogue(t)), here())
	all := corpus(t)
	for _, u := range all {
		if u.heldout {
			heldout[strings.ToLower(u.Say[len(u.Say)-1])] = true
		}
	}
	for _, u := range all {
		if name := saidUnder(t, m, u); name != "" && !heldout[strings.ToLower(u.Say[0])] && !slices.Contains(want[name], u.Say[0]) {
			want[name] = append(want[name], u.Say[0])
		}
	}
	if *update {
		writeSaid(t, want)
	}
	have := map[string]string{}
	files, err := filepath.Glob("said/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of what is said: %v", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			line = strings.TrimSpace(line)
			have[line] = strings.TrimSuffix(filepath.Base(f), ".txt")
			if heldout[strings.ToLower(line)] {
				t.Errorf("%s has a sentence of the held-out part", f)
			}
		}
	}
	for name, list := range want {
		for _, say := range list {
			if got := have[say]; got != name && (!isOwn(name) || !isOwn(got)) {
				t.Errorf("%q is under %q, want %q: go test -run TestSaid -update", say, got, name)
			}
		}
	}
}

// isOwn tells whether a file holds what becomes SQL or no step: of which kind a
// question is, is the planner's own affair.
func isOwn(name string) bool { return strings.HasPrefix(name, "ask.") || name == "runs_sql" }

// saidUnder names the file that a sentence of the corpus belongs into, or none.
func saidUnder(t *testing.T, m *planner.Model, u item) string {
	t.Helper()
	if u.heldout || len(u.Say) > 1 || len(u.Asks) > 0 || strings.ContainsAny(u.Say[0], "\n\r") || len(u.Say[0]) > 300 {
		return ""
	}
	name := "ask.nothing"
	if len(u.Plan) > 0 {
		name = u.Plan[0].Tool
	}
	for _, s := range u.Plan {
		if s.Tool != name {
			return "ask.several"
		}
	}
	if name != "runs_sql" && name != "ask.nothing" {
		return name
	}
	for _, r := range m.Plan(t.Context(), catalogue(t), u.Say[0]).Explanation.Reasons {
		if own, ok := strings.CutPrefix(r.Tool, "?"); ok && r.Argument == "" {
			return "ask." + own
		}
	}
	return name
}

func writeSaid(t *testing.T, want map[string][]string) {
	t.Helper()
	old, err := filepath.Glob("said/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	for name, list := range want {
		slices.Sort(list)
		if err := os.WriteFile("said/"+name+".txt", []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
