package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

type note struct {
	N    int    `json:"n"`
	Text string `json:"text,omitempty"`
}

func openWriter(tb testing.TB, path string, o Options) *Writer {
	tb.Helper()
	w, err := OpenWriter(tb.Context(), path, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := w.Close(); err != nil {
			tb.Error(err)
		}
	})
	return w
}

func put(tb testing.TB, w *Writer, kind string, data any) Record {
	tb.Helper()
	r, err := w.Append(kind, data)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func readAll(path string) ([]Record, error) {
	var all []Record
	for r, err := range Read(path, 0) {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// write makes a journal of n notes and returns its bytes.
func write(tb testing.TB, path string, o Options, n int) []byte {
	tb.Helper()
	w, err := OpenWriter(tb.Context(), path, o)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		put(tb, w, "note", note{N: i, Text: strings.Repeat("ä<&>\n", i)})
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func fixedTime() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC) }

func TestFormatIsStable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j.jsonl")
	w := openWriter(t, path, Options{Now: fixedTime})
	put(t, w, "note", note{N: 1, Text: `<a & "b">`})
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":1,"time":"2026-03-04T05:06:07.00000089Z","kind":"note","data":{"n":1,"text":"<a & \"b\">"},"crc":"aa4ec4b5"}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(bytes.TrimSpace(got)) {
		t.Error("the line is not JSON")
	}
}

func TestReadsBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path := filepath.Join(dir, "j.jsonl")
		o := Options{Chain: rapid.Bool().Draw(t, "chain")}
		var want []Record
		for range rapid.IntRange(1, 3).Draw(t, "writers") {
			w, err := OpenWriter(t.Context(), path, o)
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 4).Draw(t, "records") {
				kind := rapid.StringMatching(`[a-z0-9_.-]{1,64}`).Draw(t, "kind")
				data := rapid.Custom(anyJSON).Draw(t, "data")
				r, err := w.Append(kind, data)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, r)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readAll(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for i, r := range want { // every offset is a place to go on from
			var rest []Record
			for x, err := range Read(path, r.Offset) {
				if err != nil {
					t.Fatal(err)
				}
				rest = append(rest, x)
			}
			if diff := cmp.Diff(want[i+1:], rest); diff != "" && len(rest) > 0 {
				t.Fatal(diff)
			}
		}
	})
}

// anyJSON draws data of all shapes, some of which look like a line's end.
func anyJSON(t *rapid.T) any {
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		return rapid.String().Draw(t, "string")
	case 1:
		return `","prev":"` + zeroHash + `","hash":"` + zeroHash
	case 2:
		return map[string]string{"prev": zeroHash, "hash": zeroHash, "crc": "00000000"}
	case 3:
		return rapid.SliceOf(rapid.Int()).Draw(t, "ints")
	case 4:
		return json.RawMessage("{\n  \"a\" : 1 }")
	default:
		return nil
	}
}

// A crash can leave any part of the last line. Whatever the part, readers see
// the records before it, and the next writer goes on after them.
func TestTornTailAtEveryByte(t *testing.T) {
	t.Parallel()
	for _, chain := range []bool{false, true} {
		dir := t.TempDir()
		whole := write(t, filepath.Join(dir, "whole"), Options{Chain: chain, Now: fixedTime}, 3)
		start := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
		for cut := start; cut < len(whole); cut++ {
			path := filepath.Join(dir, fmt.Sprintf("cut-%d", cut))
			if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			if chain {
				two, err := readAll(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := writeHead(path, head{Seq: 2, Hash: two[1].Hash}); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := readAll(path); err != nil || len(got) != 2 {
				t.Fatalf("cut at %d: %d records, %v; want the 2 whole ones", cut, len(got), err)
			}
			var log bytes.Buffer
			w := openWriter(t, path, Options{Chain: chain, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: fixedTime})
			r := put(t, w, "note", note{N: 9})
			wantSeq := int64(3)
			if cut == len(whole)-1 {
				wantSeq = 4 // only the line end was missing: the record is kept
			}
			if r.Seq != wantSeq {
				t.Fatalf("cut at %d: the next record is %d, want %d", cut, r.Seq, wantSeq)
			}
			if warned := strings.Contains(log.String(), "torn"); warned != (cut > start && cut < len(whole)-1) {
				t.Fatalf("cut at %d: warned %v: %s", cut, warned, log.String())
			}
			got, err := readAll(path)
			if err != nil || int64(len(got)) != wantSeq || got[1].Seq != 2 {
				t.Fatalf("cut at %d, after healing: %d records, %v", cut, len(got), err)
			}
			if chain {
				if err := VerifyChain(path); err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
			}
		}
	}
}

// Every flipped byte is reported at the line it is in, by the reader and by
// the writer, and nothing is changed. (The very last byte is the exception
// for readers: a missing line end looks like a line being written.)
func TestEveryFlippedByteIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := write(t, filepath.Join(dir, "whole"), Options{Now: fixedTime}, 3)
	var starts []int
	for i := range whole {
		if i == 0 || whole[i-1] == '\n' {
			starts = append(starts, i)
		}
	}
	for at := range whole {
		for _, mask := range []byte{0x01, 0x80} {
			bad := bytes.Clone(whole)
			bad[at] ^= mask
			path := filepath.Join(dir, "bad")
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			line := 0
			for line+1 < len(starts) && starts[line+1] <= at {
				line++
			}
			_, err := OpenWriter(t.Context(), path, Options{})
			checkDamage(t, fmt.Sprintf("writer, byte %d", at), err, path, int64(starts[line]))
			if at < len(whole)-1 {
				_, err = readAll(path)
				checkDamage(t, fmt.Sprintf("reader, byte %d", at), err, path, int64(starts[line]))
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, bad) {
				t.Fatalf("byte %d: the damaged journal was changed (%v)", at, err)
			}
		}
	}
}

func checkDamage(t *testing.T, what string, err error, path string, offset int64) {
	t.Helper()
	d, ok := errors.AsType[*DamageError](err)
	if !ok || !errors.Is(err, ErrDamaged) {
		t.Fatalf("%s: %v; want a DamageError", what, err)
	}
	if d.Path != path || d.Offset != offset {
		t.Fatalf("%s: reported at byte %d of %q, want byte %d", what, d.Offset, d.Path, offset)
	}
}

func TestOrderAndForeignContentAreReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := write(t, filepath.Join(dir, "whole"), Options{}, 3)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, c := range map[string]struct {
		content []byte
		offset  int
	}{
		"a line missing":   {slicesOf(lines[0], lines[2]), len(lines[0])},
		"a line twice":     {slicesOf(lines[0], lines[0]), len(lines[0])},
		"the first gone":   {slicesOf(lines[1], lines[2]), 0},
		"an empty line":    {slicesOf(lines[0], []byte("\n")), len(lines[0])},
		"other JSON lines": {[]byte(`{"hello":"world"}` + "\n"), 0},
		"zeros and a line": {slicesOf(lines[0], make([]byte, 40), lines[1]), len(lines[0])},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readAll(path)
		checkDamage(t, name, err, path, int64(c.offset))
	}
	zeros := filepath.Join(dir, "zeros") // what some file systems leave after a power cut
	if err := os.WriteFile(zeros, slicesOf(lines[0], make([]byte, 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := put(t, openWriter(t, zeros, Options{}), "note", note{}); r.Seq != 2 {
		t.Errorf("after a tail of zeros the next record is %d, want 2", r.Seq)
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestReadOffsetsThatAreNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	whole := write(t, path, Options{}, 2)
	for _, offset := range []int64{1, int64(len(whole)) - 1, int64(len(whole)) + 1} {
		for _, err := range Read(path, offset) {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("offset %d: %v; want ErrDamaged", offset, err)
			}
		}
	}
	for r, err := range Read(path, int64(len(whole))) {
		t.Errorf("after the end: record %d, %v", r.Seq, err)
	}
	for _, err := range Read(path+"-none", 0) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing journal: %v", err)
		}
	}
}

func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w := openWriter(t, path, Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if _, err := w.Append(fmt.Sprintf("g%d", g), note{N: i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := readAll(path)
	if err != nil || len(got) != 800 {
		t.Fatalf("%d records, %v; want 800", len(got), err)
	}
	next := map[string]int{}
	for _, r := range got {
		var n note
		if err := r.Decode(&n); err != nil || n.N != next[r.Kind] {
			t.Fatalf("record %d: %s has %d, want %d (%v)", r.Seq, r.Kind, n.N, next[r.Kind], err)
		}
		next[r.Kind]++
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	w := openWriter(t, filepath.Join(t.TempDir(), "j"), Options{})
	for _, kind := range []string{"", "Note", "a b", "x\x1b[31m", `a"b`, strings.Repeat("k", 65)} {
		if _, err := w.Append(kind, nil); err == nil {
			t.Errorf("kind %q was taken", kind)
		}
	}
	if _, err := w.Append("note", make(chan int)); err == nil {
		t.Error("a channel was taken")
	}
	if _, err := w.Append("note", strings.Repeat("x", MaxLine)); err == nil || !strings.Contains(err.Error(), "put large data into a file") {
		t.Errorf("a huge record: %v", err)
	}
	if r := put(t, w, "note", nil); r.Seq != 1 {
		t.Errorf("refused records count: %d", r.Seq)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append("note", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestLockWithinAProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	if held, err := Locked(path); held || err != nil {
		t.Fatalf("a missing journal: locked %v, %v", held, err)
	}
	w := openWriter(t, path, Options{})
	if held, err := Locked(path); !held || err != nil {
		t.Fatalf("locked %v, %v; want true", held, err)
	}
	if _, err := OpenWriter(t.Context(), path, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("%v; want ErrLocked", err)
	}
	waited := make(chan error)
	go func() {
		second, err := OpenWriter(t.Context(), path, Options{Wait: true})
		if err == nil {
			err = second.Close()
		}
		waited <- err
	}()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatalf("the one that waited: %v", err)
	}
	if held, err := Locked(path); held || err != nil {
		t.Fatalf("after closing: locked %v, %v", held, err)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	openWriter(t, path, Options{})
	ctx, cancel := contextWithCancel(t)
	cancel()
	if _, err := OpenWriter(ctx, path, Options{Wait: true}); err == nil || !errors.Is(err, ctx.Err()) {
		t.Fatalf("%v; want the context's error", err)
	}
}

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	goleak.VerifyTestMain(m)
}
