package planner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/planner"
)

// TestToolExamples plans the utterances that the tools' own Markdown gives.
// Left out are those that name steps of a plan by number, as only a plan's
// author can, and those whose meaning is a query in the author's own wording.
func TestToolExamples(t *testing.T) {
	t.Parallel()
	tools := catalogue(t)
	m := planner.New(planner.WithCatalogue(tools))
	for _, d := range tools {
		for _, e := range d.Examples {
			if strings.Contains(e.Say, " step ") || strings.Contains(e.Say, "steps 2") || d.Name == "runs_sql" || strings.HasPrefix(e.Say, "how good is") {
				continue
			}
			t.Run(d.Name+"/"+e.Say, func(t *testing.T) {
				t.Parallel()
				got := m.Plan(t.Context(), tools, e.Say)
				if len(got.Steps) != 1 || got.Steps[0].Tool != d.Name {
					t.Fatalf("planned %s (%s), want %s", describe(got), got.Reply, d.Name)
				}
				var want map[string]any
				if err := json.Unmarshal(e.Args, &want); err != nil {
					t.Fatal(err)
				}
				args := got.Steps[0].Args
				if _, stated := want["split"]; !stated && args["split"] == "test" {
					delete(args, "split") // the default, said aloud
				}
				usualOrder(want)
				if diff := cmp.Diff(canonical(t, want), canonical(t, args)); diff != "" {
					t.Errorf("arguments (-want +got):\n%s", diff)
				}
			})
		}
	}
}
