package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAppendAllIsAppendSeveralTimes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, all := filepath.Join(dir, "one"), filepath.Join(dir, "all")
	want := write(t, one, Options{Now: fixedTime}, 3)
	w := openWriter(t, all, Options{Now: fixedTime, Sync: true})
	var entries []Entry
	for r, err := range Read(one, 0) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, Entry{Kind: r.Kind, Data: r.Data})
	}
	if err := w.AppendAll(entries[:1]); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendAll(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendAll(entries[1:]); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(all); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	if r := put(t, w, "note", note{N: 9}); r.Seq != 4 {
		t.Errorf("the next record is %d, want 4", r.Seq)
	}
}

func TestAppendAllIsAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w := openWriter(t, path, Options{})
	put(t, w, "note", note{N: 1})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	disk := &failing{sink: w.f, left: 150}
	w.out = disk
	entries := []Entry{{"note", note{N: 2}}, {"note", note{N: 3}}}
	if err := w.AppendAll(entries); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("to a full disk: %v; want ENOSPC", err)
	}
	if err := w.AppendAll([]Entry{{"note", 1}, {"Not A Kind", 2}}); err == nil {
		t.Error("a kind with forbidden characters was written")
	}
	if err := w.AppendAll([]Entry{{"note", 1}, {"note", func() {}}}); err == nil {
		t.Error("a function was written")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%v: the journal changed", err)
	}
	disk.left = 1 << 20
	if err := w.AppendAll(entries); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(path); err != nil || len(got) != 3 || got[2].Seq != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendAll(entries); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	chained := openWriter(t, filepath.Join(t.TempDir(), "c"), Options{Chain: true})
	if err := chained.AppendAll(entries); err == nil {
		t.Error("a chained journal took several at once")
	}
}
