package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/workspace"
)

// TestStatementsRun runs every statement that the planner writes for the
// questions of its corpus, and for some that are put together otherwise,
// against the database of a workspace: none may be refused.
func TestStatementsRun(t *testing.T) {
	t.Parallel()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db, err := projection.Open(t.Context(), ws, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	raw, err := os.ReadFile("../../../agent/planner/testdata/catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := planner.ReadCatalogue(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, ran := planner.New(), map[string]bool{}
	for _, say := range append(asked(t), combined()...) {
		for _, s := range m.Plan(t.Context(), catalogue, say).Steps {
			query, ok := s.Args["query"].(string)
			if !ok || ran[query] {
				continue
			}
			ran[query] = true
			if _, err := db.Query(t.Context(), query, projection.Limits{}); err != nil {
				t.Errorf("%q: %v\n%s", say, err, query)
			}
		}
	}
	if len(ran) < 100 {
		t.Errorf("only %d statements were written", len(ran))
	}
}

// combined are questions in which every kind of part occurs.
func combined() []string {
	return []string{
		"median hd95 per loss on cortex since Monday for runs with batch size at least 4",
		"mean and stddev of nsd by optimizer and seed",
		"share of the validation volumes with cldice above 0.8 per run",
		"what percentage of the runs tagged pilot failed per dataset",
		"by how much do brisk-otter-7f3a and calm-heron-01bc differ in dice on mv12",
		"on which volumes is brisk-otter-7f3a better than calm-heron-01bc by more than 0.05 nsd",
		"how many runs took longer than 2 hours per device",
		"total hours per week of segresnet runs",
		"disk space of the checkpoints per model",
		"how many artifacts are larger than 50 MB",
		"which learning rates have been tried on hippo2",
		"learning rate and batch size per model",
		"average number of epochs of failed runs by model",
		"how many evaluations were made per run",
		"dice and hd95 of mv07 and mv09 in every run, lowest first",
		"average loss per model",
		"highest validation dice per network",
		"mean dice of the last 5 runs",
		"which volume has the lowest mean dice over all runs",
		"runs with sgd and a learning rate below 1e-3 that reached a dice over 0.8",
	}
}

// asked are the questions of the planner's corpus that mean a query.
func asked(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../agent/planner/testdata/corpus/development*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var out []string
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		var parts map[string][]struct {
			Say  any                     `yaml:"say"`
			Plan []struct{ Tool string } `yaml:"plan"`
		}
		if err := yaml.Unmarshal(raw, &parts); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, list := range parts {
			for _, u := range list {
				say, single := u.Say.(string)
				written := strings.Contains(strings.ToLower(say), "select ") // somebody's own statement
				if single && !written && len(u.Plan) == 1 && u.Plan[0].Tool == "runs_sql" {
					out = append(out, say)
				}
			}
		}
	}
	return out
}
