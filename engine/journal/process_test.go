package journal

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
)

// The test binary runs itself as a second process: a writer that says "ready"
// once it has the lock and then appends without end.
const childEnv = "JOURNAL_TEST_CHILD"

func childMain() bool {
	path := os.Getenv(childEnv)
	if path == "" {
		return false
	}
	w, err := OpenWriter(context.Background(), path, Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if _, err := w.Append("note", note{N: i, Text: strings.Repeat("x", 3000)}); err != nil {
			os.Exit(1)
		}
		if i == 20 {
			fmt.Println("ready")
		}
	}
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func startChild(t *testing.T, path string) (kill func(), firstLine string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		kill()
		t.Fatalf("the child said nothing: %v", err)
	}
	return kill, strings.TrimSpace(line)
}

// A second process cannot write while the first lives, and can at once when
// it was killed in the middle of appending; nothing that was whole is lost.
func TestTwoProcessesAndKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	for round := range 5 {
		kill, said := startChild(t, path)
		if said != "ready" {
			kill()
			t.Fatalf("round %d: the child said %q", round, said)
		}
		if held, err := Locked(path); !held || err != nil {
			t.Errorf("locked %v, %v; want true", held, err)
		}
		if _, err := OpenWriter(t.Context(), path, Options{}); !errors.Is(err, ErrLocked) {
			t.Errorf("%v; want ErrLocked", err)
		}
		kill()
		if held, err := Locked(path); held || err != nil {
			t.Errorf("after kill -9: locked %v, %v", held, err)
		}
		before, err := readAll(path)
		if err != nil || len(before) < 20 {
			t.Fatalf("round %d: %d records, %v", round, len(before), err)
		}
		w, err := OpenWriter(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := put(t, w, "note", note{})
		if whole := int64(len(before)); r.Seq != whole+1 && r.Seq != whole+2 {
			t.Fatalf("round %d: record %d after %d whole ones", round, r.Seq, whole)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChildIsRefusedWhileWeWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w := openWriter(t, path, Options{})
	put(t, w, "note", note{})
	kill, said := startChild(t, path)
	kill()
	if !strings.HasPrefix(said, "error") || !strings.Contains(said, ErrLocked.Error()) {
		t.Errorf("the child said %q; want that the journal is locked", said)
	}
}

func TestTailSeesEachLineOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan Record)
	done := make(chan error, 1)
	go func() {
		defer close(seen)
		for r, err := range Tail(ctx, path, 0) { // the journal does not exist yet
			if err != nil {
				done <- err
				return
			}
			seen <- r
		}
		done <- nil
	}()
	w := openWriter(t, path, Options{})
	for i := range int64(30) {
		want := put(t, w, "note", note{N: int(i)})
		if i%10 == 0 {
			// A line in the making must not be seen.
			if _, err := w.f.WriteString(`{"seq":`); err != nil {
				t.Fatal(err)
			}
		}
		got := <-seen
		if got.Seq != want.Seq || got.Offset != want.Offset {
			t.Fatalf("saw record %d at %d, want %d at %d", got.Seq, got.Offset, want.Seq, want.Offset)
		}
		if i%10 == 0 {
			if err := w.f.Truncate(w.size); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	for r := range seen {
		t.Errorf("record %d was seen again", r.Seq)
	}
	if err := <-done; err != nil {
		t.Errorf("the tail ended with %v", err)
	}
}

func TestTailReportsDamageAndTruncation(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string, size int64) error{
		"foreign line": func(path string, _ int64) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("hello\n")
			return errors.Join(err, f.Close())
		},
		"cut": func(path string, size int64) error { return os.Truncate(path, size/2) },
	} {
		path := filepath.Join(t.TempDir(), "j")
		size := int64(len(write(t, path, Options{}, 2)))
		n := 0
		for r, err := range Tail(t.Context(), path, 0) {
			if err != nil {
				if !errors.Is(err, ErrDamaged) || n != 2 {
					t.Errorf("%s: after %d records: %v; want ErrDamaged after 2", name, n, err)
				}
				break
			}
			if n++; r.Seq == 2 {
				if err := spoil(path, size); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
