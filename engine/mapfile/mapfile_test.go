package mapfile_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/minivess/minivess/engine/mapfile"
)

// write makes a file of n bytes, each its place's low byte.
func write(t *testing.T, n int) (string, []byte) {
	t.Helper()
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func open(t *testing.T, path string) *mapfile.File {
	t.Helper()
	f, err := mapfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// view copies what is lent.
func view(r io.ReaderAt, off, n int64) ([]byte, error) {
	var out []byte
	err := mapfile.View(r, off, n, func(b []byte) error {
		out = bytes.Clone(b)
		return nil
	})
	return out, err
}

// A mapped file and any other reader lend the same bytes, and no others.
func TestView(t *testing.T) {
	t.Parallel()
	path, content := write(t, 10_000)
	f := open(t, path)
	if f.Size() != 10_000 {
		t.Errorf("size %d", f.Size())
	}
	for _, r := range []io.ReaderAt{f, bytes.NewReader(content)} {
		for _, c := range []struct{ off, n int64 }{{0, 10_000}, {4095, 2}, {9_999, 1}, {10_000, 0}, {0, 0}} {
			got, err := view(r, c.off, c.n)
			if err != nil || !bytes.Equal(got, content[c.off:c.off+c.n]) {
				t.Errorf("%d bytes at %d: %d bytes, %v", c.n, c.off, len(got), err)
			}
		}
		for _, c := range []struct{ off, n int64 }{{0, 10_001}, {10_001, 0}, {-1, 2}, {0, -1}, {9_000, 1 << 62}, {1 << 62, 1 << 62}} {
			if _, err := view(r, c.off, c.n); !errors.Is(err, io.ErrUnexpectedEOF) && c.n != 0 {
				t.Errorf("%T: %d bytes at %d: %v", r, c.n, c.off, err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := view(f, 0, 10); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}

// What use returns is returned, and its own panics are not hidden.
func TestUseFails(t *testing.T) {
	t.Parallel()
	path, _ := write(t, 100)
	f := open(t, path)
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	mine := errors.New("mine")
	if err := mapfile.View(f, 0, 1, func([]byte) error { return mine }); !errors.Is(err, mine) {
		t.Error(err)
	}
	defer func() {
		if cause := recover(); cause != "mine" {
			t.Errorf("recovered %v", cause)
		}
	}()
	_ = mapfile.View(f, 0, 1, func([]byte) error { panic("mine") })
}

// A file that somebody cuts short is an error, not the end of the process.
func TestCutShort(t *testing.T) {
	t.Parallel()
	path, _ := write(t, 1<<20)
	f := open(t, path)
	var sum byte
	err := mapfile.View(f, 0, f.Size(), func(b []byte) error {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
		for _, v := range b {
			sum += v
		}
		return nil
	})
	if !errors.Is(err, mapfile.ErrChanged) {
		t.Errorf("%v (%d)", err, sum)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := mapfile.Open(dir); !errors.Is(err, mapfile.ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := mapfile.Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, empty)
	if got, err := view(f, 0, 0); err != nil || len(got) != 0 || f.Size() != 0 {
		t.Errorf("an empty file: %v %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// Close waits for bytes that are lent.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	path, content := write(t, 1<<16)
	f := open(t, path)
	var started, done sync.WaitGroup
	for range 4 {
		started.Add(1)
		done.Go(func() {
			err := mapfile.View(f, 0, f.Size(), func(b []byte) error {
				started.Done()
				for range 50 {
					if !bytes.Equal(b, content) {
						return errors.New("the bytes changed")
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	started.Wait()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	done.Wait()
}
