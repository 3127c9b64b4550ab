package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/minivess/minivess/engine/atomicfile"
)

// head is what the file beside a chained journal (its path with ".head") says
// about its last record. Without it, lines cut off the end would leave no
// trace, because every prefix of a chain is a chain.
type head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

func headPath(path string) string { return path + ".head" }

func writeHead(path string, h head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(headPath(path), 0o640, append(b, '\n'))
}

func readHead(path string) (head, error) {
	var h head
	b, err := os.ReadFile(headPath(path)) //nolint:gosec // beside the journal that the caller named
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(b, &h); err != nil || h.Seq < 0 || len(h.Hash) != hashLen {
		return h, &DamageError{Path: headPath(path), Reason: "the file does not hold a sequence number and a hash"}
	}
	return h, nil
}

// chainCheck follows a chain from its first record.
type chainCheck struct {
	prev    string
	head    head
	headMet bool
}

func newChainCheck(h head) *chainCheck {
	return &chainCheck{prev: zeroHash, head: h, headMet: h.Seq == 0}
}

// check returns what is wrong with the record, or "".
func (c *chainCheck) check(rec Record, line []byte) string {
	switch {
	case rec.Hash == "":
		return fmt.Sprintf("record %d is not chained", rec.Seq)
	case rec.Prev != c.prev:
		return fmt.Sprintf("record %d does not follow the record before it: its prev is not that record's hash", rec.Seq)
	case rec.Hash != digest(chainedPart(line)):
		return fmt.Sprintf("record %d was changed: its hash does not match", rec.Seq)
	case rec.Seq == c.head.Seq && rec.Hash != c.head.Hash:
		return fmt.Sprintf("record %d is not the one that was written: the head file has another hash", rec.Seq)
	}
	c.prev = rec.Hash
	c.headMet = c.headMet || rec.Seq == c.head.Seq
	return ""
}

// atEnd checks the end of the journal against the head. One record more than
// the head knows is what a crash between the two writes leaves.
func (c *chainCheck) atEnd(path string, seq, offset int64) error {
	if !c.headMet {
		return &DamageError{Path: path, Offset: offset, Reason: fmt.Sprintf("records %d to %d are missing from the end", seq+1, c.head.Seq)}
	}
	if seq > c.head.Seq+1 {
		return &DamageError{Path: path, Offset: offset, Reason: fmt.Sprintf("the journal has %d records, its head file knows of %d", seq, c.head.Seq)}
	}
	return nil
}

// VerifyChain checks every record of a chained journal: its checksum, its
// hash, its link to the record before, and that none is missing from the end.
// It returns nil, fs.ErrNotExist, or a *DamageError that names the first
// record that does not check out. The chain shows tampering by anybody who
// does not also rewrite everything after the change and the head file; keep a
// copy of the last hash elsewhere to rule that out as well.
func VerifyChain(path string) error {
	h, err := headOf(path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	s := newScanner(path, f, 0)
	s.chain = newChainCheck(h)
	for {
		_, err := s.scan()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return s.chain.atEnd(path, s.seq, s.next)
		case err != nil:
			return err
		}
	}
}

// headOf reads the head of an existing chained journal. A head file is
// written before the first record, so one that is missing was removed.
func headOf(path string) (head, error) {
	h, err := readHead(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return h, err
	}
	if st.Size() > 0 {
		return h, &DamageError{Path: path, Reason: fmt.Sprintf("its head file %q is missing", headPath(path))}
	}
	return head{Hash: zeroHash}, nil
}
