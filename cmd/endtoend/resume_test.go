package endtoend

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const smallTraining = `{"dataset":"toy","model":"segresnet","max_steps":48,"patch_size":[16,16,16],"batch_size":2,"seed":7,` +
	`"overrides":["train.validate_every=8","train.checkpoint_every=8","model.init_filters=8"]}`

type runRow struct {
	RunID string `json:"run_id"`
	Kind  string `json:"kind"`
	State string `json:"state"`
}

func toy(t *testing.T, m minivess) {
	t.Helper()
	m.run(t, "tool", "dataset_create_synthetic", `{"name":"toy","volumes":5,"shape":[48,48,16],"seed":3}`, "--yes")
}

func launch(t *testing.T, m minivess) string {
	t.Helper()
	m.run(t, "tool", "train_launch", smallTraining, "--yes")
	rows := sql[runRow](t, m, "select run_id, kind, state from runs order by created desc limit 1")
	if len(rows) != 1 {
		t.Fatal("launching left no run")
	}
	return rows[0].RunID
}

func state(t *testing.T, m minivess, run string) string {
	t.Helper()
	rows := sql[runRow](t, m, "select run_id, kind, state from runs where run_id = '"+run+"'")
	if len(rows) != 1 {
		t.Fatalf("run %s is not in the table", run)
	}
	return rows[0].State
}

// A worker killed in mid-epoch, resumed in plain words, ends with the losses
// of a run that nobody disturbed.
func TestKilledWorkerResumesWithTheSameLosses(t *testing.T) {
	t.Parallel()
	m := start(t)
	toy(t, m)

	calm := launch(t, m)
	until(t, "the undisturbed run", func() bool { return state(t, m, calm) == "finished" })
	want := losses(t, m.journal(t, calm))
	if len(want) != 48 {
		t.Fatalf("%d losses for 48 steps", len(want))
	}

	killed := launch(t, m)
	until(t, "step 13 of the run to be killed", func() bool { return len(losses(t, m.journal(t, killed))) >= 13 })
	if err := syscall.Kill(workerPID(t, m.journal(t, killed)), syscall.SIGKILL); err != nil {
		t.Fatalf("the worker finished before it could be killed: %v", err)
	}
	until(t, "the death to be noticed", func() bool { return state(t, m, killed) == "failed" })

	answer := m.run(t, "ask", "--yes", "resume the latest run")
	if !strings.Contains(answer, killed) {
		t.Errorf("the answer does not name the run:\n%s", answer)
	}
	until(t, "the resumed run", func() bool { return state(t, m, killed) == "finished" })
	got := losses(t, m.journal(t, killed))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("losses differ from an uninterrupted run's (-uninterrupted +resumed):\n%s", diff)
	}
	if steps := slices.Sorted(maps.Keys(got)); len(steps) == 0 || steps[len(steps)-1] != 48 {
		t.Errorf("the resumed run ended at %v", steps)
	}
}

// The assistant killed in the middle of a plan goes on where it was, and
// nothing runs twice.
func TestKilledAssistantGoesOn(t *testing.T) {
	t.Parallel()
	m := start(t)
	toy(t, m)
	c := m.command(t.Context(), "ask", "--yes", "train a segresnet on toy for 24 steps with patch 16x16x16 and then evaluate it on the test split")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	runs := func() []runRow {
		return sql[runRow](t, m, "select run_id, kind, state from runs order by created")
	}
	until(t, "training to begin", func() bool {
		r := runs()
		return len(r) == 1 && len(losses(t, m.journal(t, r[0].RunID))) > 2
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()

	m.run(t, "threads", "continue")
	want := []string{"train finished", "evaluate finished"}
	var got []string
	for _, r := range runs() {
		got = append(got, r.Kind+" "+r.State)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs after going on (-want +got):\n%s", diff)
	}
	if _, errs, code := m.try(t, "threads", "continue"); code == 0 {
		t.Errorf("continuing a finished conversation succeeded: %s", errs)
	}
}

// Two processes on one workspace neither block nor damage each other.
func TestTwoProcessesOneWorkspace(t *testing.T) {
	t.Parallel()
	m := start(t)
	done := make(chan error, 2)
	for _, name := range []string{"one", "two"} {
		c := m.command(t.Context(), "tool", "dataset_create_synthetic", `{"name":"`+name+`","volumes":2,"shape":[32,32,8]}`, "--yes")
		go func() { done <- c.Run() }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	names := sql[struct {
		Name string `json:"name"`
	}](t, m, "select name from datasets order by name")
	if len(names) != 2 || names[0].Name != "one" || names[1].Name != "two" {
		t.Errorf("datasets %v", names)
	}
}
