package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait in these tests. It is there so that a broken
// program fails the test instead of hanging it; nothing asserts on speed.
const patience = 4 * time.Minute

// minivess is the program under test, in a workspace of its own.
type minivess struct {
	bin string
	dir string
}

func start(t *testing.T) minivess {
	t.Helper()
	bin, err := filepath.Abs("../../bin/minivess")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{bin, bin + "-worker"} {
		if _, err := os.Stat(p); err != nil {
			t.Fatalf("%v\nThese tests drive the built binaries: run make build, or make test.", err)
		}
	}
	dir := t.TempDir()
	// A workspace of its own, whatever lies in the folders above.
	if err := os.Mkdir(filepath.Join(dir, ".minivess"), 0o750); err != nil {
		t.Fatal(err)
	}
	return minivess{bin: bin, dir: dir}
}

func (m minivess) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, m.bin, args...)
	c.Dir = m.dir
	c.Env = append(os.Environ(), "MINIVESS_HOME=", "MINIVESS_LLM_BASE_URL=", "MINIVESS_LLM_MODEL=", "NO_COLOR=1")
	return c
}

// try runs one command line and returns what it printed and its exit code.
func (m minivess) try(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := m.command(ctx, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// run is try for a command that must succeed.
func (m minivess) run(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := m.try(t, args...)
	if code != 0 {
		t.Fatalf("minivess %s: exit %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// sql decodes the rows of a query.
func sql[T any](t *testing.T, m minivess, query string) []T {
	t.Helper()
	var rows []T
	out := m.run(t, "sql", query, "--json")
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return rows
}

// until asks again until the answer is yes.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	untilSaying(t, func() string { return what }, yes)
}

// untilSaying is until with a description made when it is needed.
func untilSaying(t *testing.T, what func() string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what())
		}
	}
}

// record is one line of a run's journal.
type record struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

// journal reads the complete lines of a run's events.jsonl.
func (m minivess) journal(t *testing.T, run string) []record {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, ".minivess", "runs", run, "events.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	for line := range bytes.Lines(b) {
		var r record
		if bytes.HasSuffix(line, []byte("\n")) && json.Unmarshal(line, &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// losses returns the training loss by step; a later line wins.
func losses(t *testing.T, records []record) map[int64]string {
	t.Helper()
	out := map[int64]string{}
	for _, r := range records {
		if r.Kind != "metric" {
			continue
		}
		var m struct {
			Step   int64                      `json:"step"`
			Split  string                     `json:"split"`
			Values map[string]json.RawMessage `json:"values"`
		}
		if err := json.Unmarshal(r.Data, &m); err != nil {
			t.Fatal(err)
		}
		if loss, ok := m.Values["loss"]; ok && m.Split == "train" {
			out[m.Step] = string(loss)
		}
	}
	return out
}

// workerPID returns the process id of the last worker of a run.
func workerPID(t *testing.T, records []record) int {
	t.Helper()
	pid := 0
	for _, r := range records {
		if r.Kind == "started" {
			var s struct {
				PID int `json:"pid"`
			}
			if err := json.Unmarshal(r.Data, &s); err != nil {
				t.Fatal(err)
			}
			pid = s.PID
		}
	}
	return pid
}
