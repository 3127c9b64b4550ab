package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// errTorn ends a scan at a last line that has no end yet.
var errTorn = errors.New("torn last line")

// scanner reads a journal line by line, checking each and their order.
type scanner struct {
	path  string
	r     *bufio.Reader
	start int64 // offset of the line in hand
	next  int64 // offset after it
	seq   int64 // of the last record, 0 before the first
	// anySeq is set when the scan starts inside the journal.
	anySeq bool
	chain  *chainCheck // nil when the chain is not asked about
	line   []byte      // the line in hand, without its end
	whole  []byte      // collects a line longer than the reader's buffer
}

func newScanner(path string, r io.Reader, offset int64) *scanner {
	return &scanner{path: path, r: bufio.NewReaderSize(r, 1<<16), start: offset, next: offset, anySeq: offset > 0}
}

// scan returns the next record. It returns io.EOF after the last, errTorn
// when bytes without a line end follow (then s.line holds them and s.next is
// where they start), or a *DamageError.
func (s *scanner) scan() (Record, error) {
	s.start = s.next
	if err := s.readLine(); err != nil {
		return Record{}, err
	}
	rec, err := parseLine(s.line)
	if err != nil {
		return Record{}, s.damage(err.Error())
	}
	if !s.anySeq && rec.Seq != s.seq+1 {
		return Record{}, s.damage(fmt.Sprintf("record %d follows record %d", rec.Seq, s.seq))
	}
	if s.chain != nil {
		if reason := s.chain.check(rec, s.line); reason != "" {
			return Record{}, s.damage(reason)
		}
	}
	s.anySeq = false
	s.seq = rec.Seq
	s.next = s.start + int64(len(s.line)) + 1
	rec.Offset = s.next
	return rec, nil
}

func (s *scanner) readLine() error {
	s.whole = s.whole[:0]
	for {
		part, err := s.r.ReadSlice('\n')
		switch {
		case err == nil:
			s.line = part[:len(part)-1]
			if len(s.whole) > 0 {
				s.whole = append(s.whole, s.line...)
				s.line = s.whole
			}
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			s.whole = append(s.whole, part...)
		case errors.Is(err, io.EOF):
			s.line = append(s.whole, part...)
			if len(s.line) == 0 {
				return io.EOF
			}
			return errTorn
		default:
			return fmt.Errorf("read journal %q: %w", s.path, err)
		}
		if len(s.whole) > MaxLine {
			return s.damage(fmt.Sprintf("no line end within %d bytes", MaxLine))
		}
	}
}

func (s *scanner) damage(reason string) error {
	return &DamageError{Path: s.path, Offset: s.start, Reason: reason}
}
