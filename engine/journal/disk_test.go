package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// failing is a disk that gives out after some bytes.
type failing struct {
	sink
	left        int
	cannotUndo  bool
	failOnFlush bool
}

func (f *failing) Write(b []byte) (int, error) {
	if len(b) <= f.left {
		f.left -= len(b)
		return f.sink.Write(b)
	}
	n, err := f.sink.Write(b[:f.left])
	f.left = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *failing) Sync() error {
	if f.failOnFlush {
		return syscall.EIO
	}
	return f.sink.Sync()
}

func (f *failing) Truncate(size int64) error {
	if f.cannotUndo {
		return syscall.EIO
	}
	return f.sink.Truncate(size)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, chain := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "j")
		w := openWriter(t, path, Options{Chain: chain})
		put(t, w, "note", note{N: 1})
		before, _ := os.ReadFile(path)
		disk := &failing{sink: w.f, left: 30}
		w.out = disk
		if _, err := w.Append("note", note{N: 2}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("appending to a full disk: %v; want ENOSPC", err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Fatal("a part of the line was left in the journal")
		}
		disk.left = 1 << 20 // somebody made room
		if r := put(t, w, "note", note{N: 3}); r.Seq != 2 {
			t.Fatalf("the next record is %d, want 2", r.Seq)
		}
		if chain {
			if err := VerifyChain(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFailedFlushIsNotAppended(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w := openWriter(t, path, Options{Sync: true})
	w.out = &failing{sink: w.f, left: 1 << 20, failOnFlush: true}
	if _, err := w.Append("note", note{}); !errors.Is(err, syscall.EIO) {
		t.Fatalf("%v; want EIO", err)
	}
	if got, err := readAll(path); err != nil || len(got) != 0 {
		t.Fatalf("%d records, %v; want none", len(got), err)
	}
}

func TestDiskThatCannotBeUndone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w := openWriter(t, path, Options{})
	put(t, w, "note", note{N: 1})
	w.out = &failing{sink: w.f, left: 30, cannotUndo: true}
	for range 2 { // it stays broken
		if _, err := w.Append("note", note{N: 2}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "open the journal again") {
			t.Fatalf("%v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r := put(t, openWriter(t, path, Options{}), "note", note{N: 3}); r.Seq != 2 {
		t.Fatalf("after opening again the next record is %d, want 2", r.Seq)
	}
}
