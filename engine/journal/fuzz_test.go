package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRead feeds arbitrary bytes to the reader. It must not panic; what it
// accepts must survive being written and read again; and where it finds no damage the
// writer must be able to go on.
func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	f.Add(write(f, filepath.Join(dir, "plain"), Options{Now: fixedTime}, 3))
	f.Add(write(f, filepath.Join(dir, "chained"), Options{Chain: true, Now: fixedTime}, 3))
	f.Add([]byte(`{"seq":1,"time":"2026-03-04T05:06:07Z","kind":"a","data":1,"crc":"00000000"}` + "\n"))
	f.Add([]byte("\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := readAll(path)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		chained := false
		for _, r := range all {
			chained = chained || r.Hash != ""
			again := r
			line, err := encodeLine(&again, r.Hash != "")
			if err != nil {
				t.Fatalf("an accepted record cannot be written: %v", err)
			}
			back, err := parseLine(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Fatalf("a written record cannot be read: %v", err)
			}
			back.Offset, back.Hash = r.Offset, r.Hash // whether the hash is right is for VerifyChain to judge
			if diff := cmp.Diff(r, back); diff != "" {
				t.Fatal(diff)
			}
		}
		if err != nil || chained {
			return
		}
		w, err := OpenWriter(t.Context(), path, Options{})
		if errors.Is(err, ErrDamaged) {
			return // a whole line that lacks only a proper end
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
