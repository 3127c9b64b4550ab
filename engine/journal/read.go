package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"
)

// tailPoll is how often a follower looks for more.
const tailPoll = 50 * time.Millisecond

// Read yields the complete records from a byte offset on, which is 0 or a
// Record.Offset. A torn tail simply ends the sequence: somebody is writing
// it, or the next writer will cut it off. An error is yielded once, with a
// zero record, and ends the sequence: fs.ErrNotExist, or a *DamageError.
func Read(path string, offset int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := openAt(path, offset)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer f.Close() //nolint:errcheck // only read from
		s := newScanner(path, f, offset)
		drain(s, yield)
	}
}

// Tail is Read that goes on: when it has caught up it waits for more, until
// ctx ends, which ends the sequence without an error. A journal that does not
// exist yet is waited for.
func Tail(ctx context.Context, path string, offset int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		tick := time.NewTicker(tailPoll)
		defer tick.Stop()
		t := tailer{path: path, offset: offset}
		defer t.close()
		for ctx.Err() == nil {
			if !t.catchUp(ctx, yield) {
				return
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}
}

type tailer struct {
	path   string
	offset int64
	f      *os.File
	seq    int64
}

// catchUp yields what has come since the last look, and reports whether to go
// on looking.
func (t *tailer) catchUp(ctx context.Context, yield func(Record, error) bool) bool {
	if t.f == nil {
		f, err := openAt(t.path, t.offset)
		if errors.Is(err, fs.ErrNotExist) {
			return true
		}
		if err != nil {
			yield(Record{}, err)
			return false
		}
		t.f = f
	}
	st, err := t.f.Stat()
	if err != nil {
		yield(Record{}, err)
		return false
	}
	size := st.Size()
	if size == t.offset {
		return true
	}
	if size < t.offset {
		yield(Record{}, shorter(t.path, t.offset, size))
		return false
	}
	s := newScanner(t.path, io.NewSectionReader(t.f, t.offset, size-t.offset), t.offset)
	if t.seq > 0 {
		s.seq, s.anySeq = t.seq, false
	}
	alive := drain(s, func(r Record, err error) bool {
		return ctx.Err() == nil && yield(r, err)
	})
	t.offset, t.seq = s.next, s.seq
	return alive
}

func (t *tailer) close() {
	if t.f != nil {
		t.f.Close() //nolint:errcheck // only read from
	}
}

// drain yields records until the end or a torn tail, and reports whether the
// consumer wants more and there was no error.
func drain(s *scanner, yield func(Record, error) bool) bool {
	for {
		rec, err := s.scan()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return true
		}
		if err != nil {
			yield(Record{}, err)
			return false
		}
		if !yield(rec, nil) {
			return false
		}
	}
}

// openAt opens a journal for reading from an offset, and checks that a line
// starts there.
func openAt(path string, offset int64) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := seekLine(f, path, offset); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func seekLine(f *os.File, path string, offset int64) error {
	if offset == 0 {
		return nil
	}
	var before [1]byte
	if n, err := f.ReadAt(before[:], offset-1); n == 0 {
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("read journal %q at byte %d: %w", path, offset, err)
		}
		st, err := f.Stat()
		if err != nil {
			return err
		}
		return shorter(path, offset, st.Size())
	}
	if before[0] != '\n' {
		return &DamageError{Path: path, Offset: offset, Reason: "no line starts here, so this is not the journal that was read before"}
	}
	_, err := f.Seek(offset, io.SeekStart)
	return err
}

func shorter(path string, offset, size int64) error {
	return &DamageError{
		Path: path, Offset: size,
		Reason: fmt.Sprintf("the journal ends here, but had at least %d bytes before", offset),
	}
}
