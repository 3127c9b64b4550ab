//go:build unix

package assistant_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/thread"
)

// The environment that makes the test binary a minivess that dies: the folder
// it works in, and the boundary at which it kills itself.
const (
	killDir = "MINIVESS_TEST_KILL_DIR"
	killAt  = "MINIVESS_TEST_KILL_AT"
)

// parallelPlan has two chains that run side by side and meet in a last step.
func parallelPlan(messages []llms.MessageContent) llmtest.Reply {
	if messages[len(messages)-1].Role == llms.ChatMessageTypeTool {
		return llmtest.Reply{Text: "Both reach a Dice of 0.86."}
	}
	return llmtest.Reply{Calls: []llmtest.Call{
		{Tool: "make_data", Args: `{"name":"demo"}`},
		{Tool: "train", Args: `{"dataset":"@1.dataset.name","steps":1}`},
		{Tool: "train", Args: `{"dataset":"@1.dataset.name","steps":2}`},
		{Tool: "judge", Args: `{"run":"@2.run"}`},
		{Tool: "drop", Args: `{"run":"@3.run"}`},
		{Tool: "look", Args: `{"query":"q","_needs":["4","5"]}`},
	}}
}

// child goes through a whole turn, or on from where another was killed.
func child(dir string) int {
	if err := work(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func work(ctx context.Context, dir string) error {
	limit, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	boundary := 0
	pass := func(string) {
		mu.Lock()
		defer mu.Unlock()
		if boundary == limit {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing after this happens
		}
		boundary++
	}
	w := &world{dir: dir, hook: pass}
	registry, err := w.registry()
	if err != nil {
		return err
	}
	store := thread.NewStore(filepath.Join(dir, "threads"), thread.Options{Lazy: true})
	a, err := assistant.New(assistant.Options{
		Model: llmtest.Func(parallelPlan), Registry: registry, Watcher: w, Threads: dyingThreads{store, pass}, MaxParallel: 2,
	})
	if err != nil {
		return err
	}
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	id := list[0].ID
	out, err := takeUp(ctx, a, id, list[0].Turns)
	for err == nil && out.Status == assistant.StatusWaiting {
		out, err = assistant.Wait(a.Decide(ctx, id, assistant.Decision{Review: out.Review.ID, Verdict: assistant.Approve, Steps: out.Review.Steps}), nil)
	}
	if err == nil && out.Status != assistant.StatusAnswered {
		err = fmt.Errorf("the turn ended %s: %+v", out.Status, out.Problem)
	}
	return err
}

// takeUp begins the turn, or goes on with it, or finds it done.
func takeUp(ctx context.Context, a *assistant.Assistant, id string, turns int) (assistant.Outcome, error) {
	out, err := assistant.Wait(a.Continue(ctx, id), nil)
	if !errors.Is(err, assistant.ErrNothing) {
		return out, err
	}
	if turns > 0 {
		return assistant.Outcome{Status: assistant.StatusAnswered}, nil
	}
	return assistant.Wait(a.Turn(ctx, id, "go"), nil)
}

// dyingThreads passes a boundary before and after every record.
type dyingThreads struct {
	*thread.Store
	pass func(string)
}

func (d dyingThreads) Append(ctx context.Context, id string, r graph.Record) error {
	d.pass("before " + string(r.Kind))
	err := d.Store.Append(ctx, id, r)
	d.pass("after " + string(r.Kind))
	return err
}

func (d dyingThreads) Records(ctx context.Context, id string) iter.Seq2[graph.Record, error] {
	return d.Store.Records(ctx, id)
}

// TestKilledAtEveryBoundary kills a real process with SIGKILL at every record
// that it writes, every tool it calls and every run it watches, sometimes twice
// in a row, and lets another process go on. Nothing may happen twice and nothing be lost.
func TestKilledAtEveryBoundary(t *testing.T) {
	t.Parallel()
	want := []string{
		`drop {"run":"run-3"}`, `judge {"run":"run-2"}`, `look {"query":"q"}`, `make_data {"name":"demo","volumes":10}`,
		`train {"dataset":"demo","steps":1}`, `train {"dataset":"demo","steps":2}`,
	}
	for at := 0; ; at++ {
		dir := t.TempDir()
		w := &world{dir: dir}
		if _, err := thread.NewStore(filepath.Join(dir, "threads"), thread.Options{Lazy: true}).Create(t.Context(), "kill"); err != nil {
			t.Fatal(err)
		}
		killed := spawn(t, dir, at)
		if killed {
			if at%3 == 0 {
				spawn(t, dir, at/2) // a second life that may be short, too
			}
			if spawn(t, dir, 1<<30) {
				t.Fatal("killed where nothing kills")
			}
		}
		acts := map[string]int{}
		for _, act := range w.acts() {
			acts[act]++
		}
		delete(acts, "")
		for _, act := range want {
			n := acts[act]
			if reading := strings.HasPrefix(act, "look"); n < 1 || n > 1 && !reading {
				t.Errorf("killed at boundary %d: %q happened %d times", at, act, n)
			}
		}
		if len(acts) != len(want) {
			t.Errorf("killed at boundary %d: did %v", at, cmp.Diff(want, w.acts()))
		}
		if !killed {
			t.Logf("%d boundaries", at)
			if at < 40 {
				t.Errorf("only %d boundaries: the test looks at too little", at)
			}
			return
		}
	}
}

// spawn runs a life and says whether it was killed.
func spawn(t *testing.T, dir string, at int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	// The race detector would let every life linger for a second.
	cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Fatalf("life with a kill at %d: %v\n%s", at, err, out)
	}
	return false
}
