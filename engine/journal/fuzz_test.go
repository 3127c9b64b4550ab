package journal

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzScan feeds arbitrary bytes to the reader. It must not panic; it must
// end in the end, a torn line or damage, with offsets that fit; and what it
// accepts must survive being written and read again.
func FuzzScan(f *testing.F) {
	dir := f.TempDir()
	f.Add(write(f, filepath.Join(dir, "plain"), Options{Now: fixedTime}, 3), true)
	f.Add(write(f, filepath.Join(dir, "chained"), Options{Chain: true, Now: fixedTime}, 3), true)
	f.Add([]byte(`{"seq":1,"time":"2026-03-04T05:06:07Z","kind":"a","data":1,"crc":"00000000"}`+"\n"), false)
	f.Add([]byte("\n"), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, content []byte, chain bool) {
		s := newScanner("fuzz", bytes.NewReader(content), 0)
		if chain {
			s.chain = newChainCheck(head{Hash: zeroHash})
		}
		for {
			r, err := s.scan()
			if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
				if rest := int64(len(content)) - s.next; rest != int64(len(s.line)) && rest != 0 {
					t.Fatalf("%d bytes are left over", rest)
				}
				return
			}
			if d, ok := errors.AsType[*DamageError](err); ok {
				if d.Offset != s.start || d.Offset > int64(len(content)) {
					t.Fatalf("damage at %d, line at %d", d.Offset, s.start)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again := r
			line, err := encodeLine(&again, r.Hash != "")
			if err != nil {
				t.Fatalf("an accepted record cannot be written: %v", err)
			}
			back, err := parseLine(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Fatalf("a written record cannot be read: %v", err)
			}
			back.Offset, back.Hash = r.Offset, r.Hash // whether the hash is right is for the chain to judge
			if diff := cmp.Diff(r, back); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
