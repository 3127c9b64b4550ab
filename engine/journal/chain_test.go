package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rehash gives a line a checksum that fits, as somebody who tampers would.
func rehash(line []byte) []byte {
	body := line[:len(line)-crcTail-1]
	return fmt.Appendf(bytes.Clone(body), "%s%08x\"}\n", crcMark, checksum(body))
}

func TestChainShowsTampering(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	original := filepath.Join(dir, "audit")
	whole := write(t, original, Options{Chain: true, Now: fixedTime}, 4)
	if err := VerifyChain(original); err != nil {
		t.Fatal(err)
	}
	headFile, err := os.ReadFile(headPath(original))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))[:4]
	changed := rehash(bytes.Replace(lines[1], []byte(`"n":1`), []byte(`"n":7`), 1))
	unchained := rehash(append(bytes.Clone(lines[3][:len(lines[3])-crcTail-1-chainTail]), lines[3][len(lines[3])-crcTail-1:]...))
	// Somebody who also computes the hashes anew is caught by the head.
	forged := forge(lines)
	for name, c := range map[string]struct {
		content []byte
		head    []byte
		reason  string
	}{
		"changed":           {slicesOf(lines[0], changed, lines[2], lines[3]), headFile, "record 2 was changed"},
		"cut by one":        {slicesOf(lines[0], lines[1], lines[2]), headFile, "records 4 to 4 are missing"},
		"emptied":           {nil, headFile, "records 1 to 4 are missing"},
		"cut, head removed": {slicesOf(lines[0], lines[1]), nil, "head file"},
		"reordered":         {slicesOf(lines[0], swapSeq(lines[2], 3, 2), swapSeq(lines[1], 2, 3), lines[3]), headFile, "does not follow"},
		"inserted":          {slicesOf(lines[0], lines[1], lines[1], lines[2], lines[3]), headFile, "record 2 follows record 2"},
		"hash stripped":     {slicesOf(lines[0], lines[1], lines[2], unchained), headFile, "not chained"},
		"computed anew":     {forged, headFile, "not the one that was written"},
		"head of nothing":   {whole, []byte("{}"), "sequence number and a hash"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.head != nil {
			if err := os.WriteFile(headPath(path), c.head, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		verr := VerifyChain(path)
		if !errors.Is(verr, ErrDamaged) || !strings.Contains(verr.Error(), c.reason) {
			t.Errorf("%s: VerifyChain: %v; want %q", name, verr, c.reason)
		}
		if _, err := OpenWriter(t.Context(), path, Options{Chain: true}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: OpenWriter: %v; want ErrDamaged", name, err)
		}
	}
	if err := VerifyChain(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing journal: %v", err)
	}
}

func swapSeq(line []byte, from, to int) []byte {
	return rehash(bytes.Replace(line, fmt.Appendf(nil, `{"seq":%d,`, from), fmt.Appendf(nil, `{"seq":%d,`, to), 1))
}

// forge rewrites the second record and chains everything after it anew.
func forge(lines [][]byte) []byte {
	out := bytes.Clone(lines[0])
	first, err := parseLine(bytes.TrimSuffix(lines[0], []byte("\n")))
	if err != nil {
		panic(err)
	}
	prev := first.Hash
	for i, line := range lines[1:] {
		r, err := parseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			panic(err)
		}
		if i == 0 {
			r.Data = []byte(`{"n":7}`)
		}
		r.Prev = prev
		b, err := encodeLine(&r, true)
		if err != nil {
			panic(err)
		}
		prev = r.Hash
		out = append(out, b...)
	}
	return out
}

// A crash between writing the line and the head leaves one record more than
// the head knows: no damage, and mended by the next writer.
func TestChainAfterACrashBetweenLineAndHead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit")
	write(t, path, Options{Chain: true}, 2)
	stale, err := os.ReadFile(headPath(path))
	if err != nil {
		t.Fatal(err)
	}
	w := openWriter(t, path, Options{Chain: true})
	put(t, w, "note", note{N: 3})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(headPath(path), stale, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := VerifyChain(path); err != nil {
		t.Fatal(err)
	}
	if r := put(t, openWriter(t, path, Options{Chain: true}), "note", note{N: 4}); r.Seq != 4 {
		t.Fatalf("the next record is %d, want 4", r.Seq)
	}
	if err := VerifyChain(path); err != nil {
		t.Fatal(err)
	}
}

func TestChainedAndUnchainedDoNotMix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chained, plain := filepath.Join(dir, "chained"), filepath.Join(dir, "plain")
	write(t, chained, Options{Chain: true}, 1)
	write(t, plain, Options{}, 1)
	if _, err := OpenWriter(t.Context(), chained, Options{}); err == nil || !strings.Contains(err.Error(), "hash-chained") {
		t.Errorf("opening a chained journal unchained: %v", err)
	}
	if _, err := OpenWriter(t.Context(), plain, Options{Chain: true}); !errors.Is(err, ErrDamaged) {
		t.Errorf("opening a plain journal chained: %v", err)
	}
}
