//go:build unix

package graphtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/graph/graphtest"
	"github.com/minivess/minivess/agent/thread"
)

// The environment that makes the test binary the program that is killed: the
// folder that it works in, and when it stores.
const (
	killDir        = "MINIVESS_TEST_GRAPH_KILL_DIR"
	killDurability = "MINIVESS_TEST_GRAPH_KILL_DURABILITY"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		if err := child(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// boundaries is the journal of the child. Before and after each record, or
// batch of records, it tells the parent and waits for its word.
type boundaries struct {
	*thread.Store
	mu     sync.Mutex
	parent *bufio.Reader
}

func (b *boundaries) pass(where string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := fmt.Println(where); err != nil {
		return err
	}
	_, err := b.parent.ReadString('\n')
	return err
}

func (b *boundaries) around(kind string, do func() error) error {
	if err := b.pass("before " + kind); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return b.pass("after " + kind)
}

func (b *boundaries) Append(ctx context.Context, id string, r graph.Record) error {
	return b.around(string(r.Kind), func() error { return b.Store.Append(ctx, id, r) })
}

func (b *boundaries) AppendAll(ctx context.Context, id string, rs []graph.Record) error {
	return b.around("several", func() error { return b.Store.AppendAll(ctx, id, rs) })
}

// child brings the one thread of a folder to its end. Every attempt at a task
// leaves a line in attempts. In effects it leaves one only if there is none
// for the task's key yet, as a service does that knows repetitions by a key.
func child(ctx context.Context, dir string) error {
	effect := func(key string) error {
		if err := addLine(filepath.Join(dir, "attempts"), key); err != nil {
			return err
		}
		done, err := lines(filepath.Join(dir, "effects"))
		if err != nil || slices.Contains(done, key) {
			return err
		}
		return addLine(filepath.Join(dir, "effects"), key)
	}
	store := &boundaries{Store: openStore(dir), parent: bufio.NewReader(os.Stdin)}
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	release, err := store.Acquire(ctx, list[0].ID)
	if err != nil {
		return err
	}
	g, err := graphtest.Workflow(graph.Options{Checkpointer: store, Durability: graph.Durability(os.Getenv(killDurability))}, effect)
	if err != nil {
		return err
	}
	if _, err := graphtest.Drive(ctx, g, list[0].ID); err != nil {
		return err
	}
	return release()
}

func openStore(dir string) *thread.Store {
	return thread.NewStore(filepath.Join(dir, "threads"), thread.Options{Lazy: true})
}

func addLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		return err
	}
	return f.Close()
}

func lines(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return strings.Fields(string(raw)), err
}

// TestKilledAtEveryRecord kills a real process with SIGKILL before and after
// each record that a graph of six nodes with fan-out, a question and a subgraph
// stores, sometimes twice in a row, and lets another one go on. Exactly once
// means here:
//
//   - a task whose end is in the journal is never run again, and its end is
//     there once;
//   - a task that was cut off runs again, with the same key, so that what it
//     does to the world, known by that key, happens once;
//   - no task is left out, and the state is that of a run without a kill.
func TestKilledAtEveryRecord(t *testing.T) {
	t.Parallel()
	for _, d := range []graph.Durability{graph.Sync, graph.Async} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			want := newLives(t, d)
			total := want.live(-1)
			want.check()
			if least := 4; total < least || d == graph.Sync && total < 30 {
				t.Fatalf("the child passes only %d boundaries", total)
			}
			for at := range total {
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					t.Parallel()
					l := newLives(t, d)
					l.live(at)
					if at%3 == 0 {
						l.live(at / 2) // a second life that may be short, too
					}
					l.live(-1)
					l.check()
					l.sameAs(want)
				})
			}
		})
	}
}

// lives are the processes that work on one thread, one after another.
type lives struct {
	t          *testing.T
	dir        string
	id         string
	durability graph.Durability
}

func newLives(t *testing.T, d graph.Durability) *lives {
	t.Helper()
	l := &lives{t: t, dir: t.TempDir(), durability: d}
	info, err := openStore(l.dir).Create(t.Context(), "kill")
	if err != nil {
		t.Fatal(err)
	}
	l.id = info.ID
	return l
}

// live starts a child and kills it at a boundary, counted from 0; it lives to
// its end if there are fewer, or at is below zero. It returns how many
// boundaries were passed, and fails if a task ran that was through before.
func (l *lives) live(at int) int {
	l.t.Helper()
	through := l.ends()
	before, err := lines(filepath.Join(l.dir, "attempts"))
	if err != nil {
		l.t.Fatal(err)
	}
	passed := l.process(at)
	attempts, err := lines(filepath.Join(l.dir, "attempts"))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, key := range attempts[len(before):] {
		if slices.Contains(through, key) {
			l.t.Errorf("%s was through and ran again", key)
		}
	}
	return passed
}

func (l *lives) process(at int) (passed int) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+l.dir, killDurability+"="+string(l.durability), "GORACE=atexit_sleep_ms=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	for words := bufio.NewScanner(out); words.Scan(); passed++ {
		if passed == at {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				l.t.Fatal(err)
			}
			break
		}
		if _, err := io.WriteString(in, "\n"); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil && passed != at {
		l.t.Fatalf("%v: %s", err, complaint.String())
	}
	return passed
}

func (l *lives) records() []graph.Record {
	l.t.Helper()
	var all []graph.Record
	for r, err := range openStore(l.dir).Records(l.t.Context(), l.id) {
		if err != nil {
			l.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// ends are the keys of the tasks whose end is in the journal.
func (l *lives) ends() []string {
	l.t.Helper()
	var ends []string
	outer := 0
	for _, r := range l.records() {
		step, place := fmt.Sprint(r.Step), r.Node
		if r.Kind == graph.KindStep || r.Kind == graph.KindInner {
			step = fmt.Sprint(r.Step - 1)
		}
		if r.Path != "" {
			step, place = fmt.Sprintf("%d.%s", outer, step), r.Path+"/"+r.Node
		}
		switch r.Kind {
		case graph.KindTask, graph.KindInner, graph.KindStep:
			if r.Node != "" {
				ends = append(ends, fmt.Sprintf("%s@%d.%s/%s", l.id, r.Run, step, place))
			}
		default:
		}
		if r.Kind == graph.KindStep {
			outer = r.Step
		}
	}
	return ends
}

// check sees that every task was run and ended once, and nothing besides.
func (l *lives) check() {
	l.t.Helper()
	want := []string{
		"0/plan", "1/work[0]", "1/work[1]", "1/work[2]", "2/gather",
		"3.0/review/check", "3.1/review/approve", "4/train", "5/report",
	}
	effects, err := lines(filepath.Join(l.dir, "effects"))
	if err != nil {
		l.t.Fatal(err)
	}
	ends := slices.DeleteFunc(l.ends(), func(key string) bool { return strings.HasSuffix(key, "3/review") })
	for what, got := range map[string][]string{"effects": effects, "ends": ends} {
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], l.id+"@1.")
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			l.t.Errorf("%s %q, want %q", what, got, want)
		}
	}
}

// sameAs compares the states at the end bit for bit.
func (l *lives) sameAs(want *lives) {
	l.t.Helper()
	if a, b := l.state(), want.state(); a != b {
		l.t.Errorf("state %s, want %s", a, b)
	}
}

func (l *lives) state() string {
	l.t.Helper()
	g, err := graphtest.Workflow(graph.Options{Checkpointer: openStore(l.dir)}, func(string) error { return nil })
	if err != nil {
		l.t.Fatal(err)
	}
	at, err := g.Inspect(l.t.Context(), l.id)
	if err != nil || at.Unfinished() {
		l.t.Fatalf("%+v, %v", at, err)
	}
	raw, err := json.Marshal(at.State)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(raw)
}
