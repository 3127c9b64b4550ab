package thread_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/graph/graphtest"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/engine/journal"
)

// holdThread makes this test binary a second process that holds a thread.
const holdThread = "MINIVESS_TEST_HOLD_THREAD"

func TestMain(m *testing.M) {
	if id := os.Getenv(holdThread); id != "" {
		os.Exit(hold(id))
	}
	goleak.VerifyTestMain(m)
}

func hold(id string) int {
	dir, name := filepath.Split(id)
	if _, err := thread.NewStore(dir, thread.Options{Lazy: true}).Acquire(context.Background(), name); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return 1
	}
	return 0
}

func store(t *testing.T, dir string) *thread.Store {
	t.Helper()
	return thread.NewStore(dir, thread.Options{Lazy: true})
}

func create(t *testing.T, s *thread.Store, title string) thread.Info {
	t.Helper()
	info, err := s.Create(t.Context(), title)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestStoreConforms(t *testing.T) {
	t.Parallel()
	graphtest.Run(t, func(t *testing.T) graphtest.Fixture {
		t.Helper()
		dir := t.TempDir()
		s := store(t, dir)
		return graphtest.Fixture{
			Checkpointer: s,
			Thread:       func() string { return create(t, s, "suite").ID },
			Reopen:       func() graph.Checkpointer { return store(t, dir) },
			Tear:         func(id string) { tear(t, filepath.Join(dir, id+".jsonl")) },
			Size:         func(id string) int64 { return size(t, filepath.Join(dir, id+".jsonl")) },
		}
	})
}

func tear(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, size(t, path)-20); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

func TestTwoTurnsOnOneThread(t *testing.T) {
	t.Parallel()
	s := store(t, t.TempDir())
	id := create(t, s, "x").ID
	release, err := s.Acquire(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Acquire(t.Context(), id); !errors.Is(err, thread.ErrBusy) || !strings.Contains(err.Error(), id) {
		t.Errorf("second acquire: %v", err)
	}
	if info, err := s.Get(t.Context(), id); err != nil || !info.Busy {
		t.Errorf("%+v, %v; want busy", info, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = s.Acquire(t.Context(), id); err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestTwoProcessesOnOneThread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir)
	id := create(t, s, "x").ID
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), holdThread+"="+filepath.Join(dir, id), "GORACE=atexit_sleep_ms=0")
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = s.Acquire(t.Context(), id)
	if !errors.Is(err, thread.ErrBusy) || !strings.Contains(err.Error(), "another minivess") {
		t.Errorf("acquire: %v", err)
	}
	if err := s.Append(t.Context(), id, graph.Record{Kind: graph.KindStep}); !errors.Is(err, thread.ErrBusy) {
		t.Errorf("append: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	release, err := s.Acquire(t.Context(), id)
	if err != nil {
		t.Fatalf("after the other died: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestTornTailIsHealedAndDamageIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir)
	id := create(t, s, "x").ID
	for i := range 3 {
		if err := s.Append(t.Context(), id, graph.Record{Kind: graph.KindStep, Step: i}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, id+".jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int, err error) {
		for _, e := range s.Records(t.Context(), id) {
			if e != nil {
				return n, e
			}
			n++
		}
		return n, nil
	}
	write(whole[:len(whole)-20])
	if n, err := count(); n != 2 || err != nil {
		t.Errorf("with a torn tail: %d records, %v; want 2", n, err)
	}
	if err := s.Append(t.Context(), id, graph.Record{Kind: graph.KindStep, Step: 9}); err != nil {
		t.Errorf("append after a torn tail: %v", err)
	}
	if n, err := count(); n != 3 || err != nil {
		t.Errorf("after healing: %d records, %v; want 3", n, err)
	}
	damaged := []byte(strings.Replace(string(whole), `"step":1`, `"step":7`, 1))
	write(damaged)
	if _, err := count(); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("a damaged middle: %v", err)
	}
	if _, err := s.Acquire(t.Context(), id); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("acquire of a damaged thread: %v", err)
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Damage == "" {
		t.Errorf("list %+v, %v; want the damage named", list, err)
	}
}

func TestNamesThatAreNotThreads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := store(t, filepath.Join(dir, "threads"))
	for _, id := range []string{"", "../secret", "..", "a/b", "nope", "A", strings.Repeat("x", 65), "a\x00"} {
		if _, err := s.Acquire(t.Context(), id); !errors.Is(err, thread.ErrNotFound) {
			t.Errorf("acquire %q: %v", id, err)
		}
		if err := s.Append(t.Context(), id, graph.Record{Kind: graph.KindStep}); !errors.Is(err, thread.ErrNotFound) {
			t.Errorf("append to %q: %v", id, err)
		}
		for _, err := range s.Records(t.Context(), id) {
			if !errors.Is(err, thread.ErrNotFound) {
				t.Errorf("records of %q: %v", id, err)
			}
		}
	}
}

func TestListTellsWhereEachThreadIs(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := thread.NewStore(t.TempDir(), thread.Options{Lazy: true, Now: func() time.Time { clock = clock.Add(time.Second); return clock }})
	if list, err := s.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty workspace lists %v, %v", list, err)
	}
	if _, err := s.Find(t.Context(), "latest"); !errors.Is(err, thread.ErrNotFound) {
		t.Errorf("latest of nothing: %v", err)
	}
	idle, waiting, cut := create(t, s, "idle"), create(t, s, "waiting"), create(t, s, "cut")
	for _, step := range []struct {
		id string
		r  graph.Record
	}{
		{cut.ID, graph.Record{Kind: graph.KindInput, Next: []string{"a"}}},
		{waiting.ID, graph.Record{Kind: graph.KindInput, Next: []string{"a"}}},
		{waiting.ID, graph.Record{Kind: graph.KindInterrupt, Interrupt: &graph.Interrupt{}}},
		{idle.ID, graph.Record{Kind: graph.KindInput, Next: []string{"a"}}},
		{idle.ID, graph.Record{Kind: graph.KindStep}},
	} {
		if err := s.Append(t.Context(), step.id, step.r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rename(t.Context(), cut.ID, "cut \x1b[31moff"); err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list {
		got = append(got, fmt.Sprintf("%s %d %t %t", i.Title, i.Turns, i.Waiting, i.Unfinished))
	}
	want := []string{"cut off 1 false true", "idle 1 false false", "waiting 1 true true"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("list:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if found, err := s.Find(t.Context(), ""); err != nil || found.ID != cut.ID {
		t.Errorf("the latest is %v, %v", found, err)
	}
	if found, err := s.Find(t.Context(), idle.ID[:len(idle.ID)-1]); err != nil || found.ID != idle.ID {
		t.Errorf("by prefix: %v, %v", found, err)
	}
	if _, err := s.Find(t.Context(), "2026"); !errors.Is(err, thread.ErrAmbiguous) {
		t.Errorf("by too short a prefix: %v", err)
	}
}

func TestCleanTitle(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"train a segresnet":                       "train a segresnet",
		"  two\n\tlines ":                         "two lines",
		"\x1b[2J\x1b]0;owned\x07clear":            "clear",
		"\x1b]8;;http://evil\x1b\\link\x1b]8;;\a": "link",
		"a\u202egnp.exe":                          "agnp.exe",
		"\x00\x07\u200b":                          "untitled",
		"":                                        "untitled",
		"µm 血管":                                   "µm 血管",
		strings.Repeat("é", 100):                  strings.Repeat("é", 79) + "…",
	} {
		if got := thread.CleanTitle(in); got != want {
			t.Errorf("CleanTitle(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanTitleIsHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		title := thread.CleanTitle(rapid.String().Draw(t, "title") + rapid.SampledFrom([]string{"", "\x1b[", "\x9b31m", "\u2028", "\xff"}).Draw(t, "tail"))
		if n := len([]rune(title)); n == 0 || n > 80 {
			t.Fatalf("%q has %d characters", title, n)
		}
		for _, r := range title {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q has %U", title, r)
			}
		}
		if again := thread.CleanTitle(title); again != title {
			t.Fatalf("cleaning %q again gives %q", title, again)
		}
	})
}
