package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteReplacesWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, content := range []string{"first", "", strings.Repeat("second", 1<<16)} {
		if err := WriteBytes(path, 0o640, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Fatalf("%d bytes, %v; want %d", len(got), err, len(content))
		}
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o640 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Fatalf("left behind: %q", got)
	}
}

// fullDisk takes some bytes and no more.
type fullDisk struct {
	io.Writer
	left int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) <= d.left {
		d.left -= len(b)
		return d.Writer.Write(b)
	}
	return 0, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
}

func TestFailureLeavesTheOldFileAndNothingElse(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for name, c := range map[string]struct {
		write func(io.Writer) error
		want  error
	}{
		"callback fails": {func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return mine }, mine},
		"disk fills up":  {func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err }, syscall.ENOSPC},
		"disk is full":   {func(w io.Writer) error { _, err := w.Write(make([]byte, 10)); return err }, syscall.ENOSPC},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		if err := WriteBytes(path, 0o600, []byte("old")); err != nil {
			t.Fatal(err)
		}
		left := 1 << 17
		if name == "disk is full" {
			left = 0
		}
		err := writeWith(path, 0o600, c.write, func(f *os.File) io.Writer { return &fullDisk{f, left} })
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %v with the path", name, err, c.want)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("%s: the file holds %q, %v; want the old content", name, got, err)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("%s: left behind: %q", name, got)
		}
	}
}

func TestBadPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "none", "f"), dir + "/", dir} {
		if err := WriteBytes(path, 0o600, nil); err == nil {
			t.Errorf("%q was written", path)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

// Readers see one of the contents that were written, never a mixture.
func TestConcurrentWritersAndReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	content := func(c byte) []byte { return []byte(strings.Repeat(string(c), 10_000)) }
	if err := WriteBytes(path, 0o600, content('a')); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for c := byte('a'); c < 'e'; c++ {
		wg.Go(func() {
			for range 5 {
				if err := WriteBytes(path, 0o600, content(c)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				got, err := os.ReadFile(path)
				if err != nil || string(got) != string(content(got[0])) {
					t.Errorf("a mixture of %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
