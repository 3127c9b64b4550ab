package planner

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestOnlyNamedIsDeleted: however runs are named and referred to, what is
// planned to be deleted or cancelled is among them, and nothing is looked up.
func TestOnlyNamedIsDeleted(t *testing.T) {
	t.Parallel()
	offered := fixture(t)
	m := New(WithCatalogue(offered))
	runs := []string{"brisk-otter-7f3a", "calm-heron-01bc", "quiet-lynx-9d2e", "bold-finch-44e1", "swift-mole-c0de"}
	forms := []string{
		"% were only tests, @ both runs", "% are garbage, @ those two", "I no longer need %: @ them", "@ both of %", "@ these runs: %", "% can all be @d",
		"@ all three runs, %", "% - @ all of these runs", "% are useless. @ all the runs", "%: @ all runs", "@ % please, all of them", "nobody uses % any more, so @ those runs",
		"% diverged. @ these failed runs", "since % were mistakes, @ every one of them", "@ the runs %, each of them", "% — @ the lot", "please @ all of the runs I name: %",
		"evaluate the latest run, then @ both runs %", "show % and then @ the two runs", "compare % and afterwards @ all runs",
		"% were pilots; these trainings can be @d now", "could you @ any run of these: %", "%, I want all these experiments @d", "no more use for %, @ every run of them",
	}
	rapid.Check(t, func(t *rapid.T) {
		named := rapid.Permutation(runs).Draw(t, "order")[:rapid.IntRange(1, 3).Draw(t, "runs")]
		list := strings.Join(named[:len(named)-1], rapid.SampledFrom([]string{", ", " and "}).Draw(t, "joint"))
		if list != "" {
			list += rapid.SampledFrom([]string{", ", " and ", " & "}).Draw(t, "last joint")
		}
		list += named[len(named)-1]
		verb := rapid.SampledFrom([]string{"delete", "remove", "erase", "cancel", "stop"}).Draw(t, "verb")
		text := strings.NewReplacer("%", list, "@d", past(verb), "@", verb).Replace(rapid.SampledFrom(forms).Draw(t, "form"))
		o := m.Plan(t.Context(), offered, text)
		for _, s := range o.Steps {
			run, _ := s.Args["run"].(string)
			if (s.Tool == "run_delete" || s.Tool == "job_cancel") && !slices.Contains(named, run) {
				t.Errorf("%q: %s of %q", text, s.Tool, run)
			}
		}
		if strings.Contains(o.Reply, "then plan run_delete") || strings.Contains(o.Reply, "then plan job_cancel") {
			t.Errorf("%q: looks up what to end or delete", text)
		}
	})
}

func past(verb string) string {
	switch verb {
	case "stop":
		return "stopped"
	case "cancel":
		return "cancelled"
	}
	return strings.TrimSuffix(verb, "e") + "ed"
}
