package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/filelock"
)

// lockPoll is how often a waiting writer tries again.
const lockPoll = 10 * time.Millisecond

// Options say how a journal is written. The zero value is an unchained
// journal that leaves flushing to the operating system and fails at once when
// somebody else writes.
type Options struct {
	Chain  bool             // hash chain; implies Sync
	Sync   bool             // flush each record to the disk
	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // told when a torn tail is cut off; may be nil
	Wait   bool             // wait for the lock, until ctx ends
}

// Writer appends to a journal. It is safe for concurrent use.
type Writer struct {
	path string
	opts Options

	mu     sync.Mutex
	f      *os.File
	out    sink // f, but for tests
	size   int64
	seq    int64
	prev   string
	broken error
}

// sink is what Append needs of a file.
type sink interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
}

// OpenWriter opens a journal for appending, and creates it if need be (its
// folder must exist). It returns ErrLocked when another process writes, and a
// *DamageError when the journal does not check out. A torn tail is cut off,
// with a warning to o.Logger; a last record that is whole but for its line
// end is kept.
func OpenWriter(ctx context.Context, path string, o Options) (*Writer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Sync = o.Sync || o.Chain
	f, err := openLocked(ctx, path, o.Wait)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, opts: o, f: f, out: f, prev: zeroHash}
	if err := w.load(ctx); err != nil {
		return nil, errors.Join(err, closeLocked(f))
	}
	return w, nil
}

func openLocked(ctx context.Context, path string, wait bool) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640) //nolint:gosec // colleagues may read a shared workspace
		if err != nil {
			return nil, fmt.Errorf("open journal %q: %w", path, err)
		}
		err = filelock.TryLock(f)
		if err == nil && samePlace(f, path) {
			return f, nil
		}
		if cerr := f.Close(); cerr != nil {
			return nil, fmt.Errorf("open journal %q: %w", path, cerr)
		}
		switch {
		case err == nil: // the journal was moved away while we waited
			continue
		case !errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("open journal %q: %w", path, err)
		case !wait:
			return nil, fmt.Errorf("open journal %q for writing: %w", path, ErrLocked)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lock on journal %q: %w", path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

func samePlace(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(path) //nolint:gosec // the journal that the caller named
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// load checks the whole journal and brings the writer to its end.
func (w *Writer) load(ctx context.Context) error {
	s := newScanner(w.path, w.f, 0)
	if w.opts.Chain {
		h, err := headOf(w.path)
		if err != nil {
			return err
		}
		s.chain = newChainCheck(h)
	}
	for {
		rec, err := s.scan()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errTorn) {
			if err := w.heal(ctx, s); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if rec.Hash != "" && !w.opts.Chain {
			return fmt.Errorf("journal %q is hash-chained: open it with Options.Chain", w.path)
		}
		w.seq, w.prev = rec.Seq, rec.Hash
	}
	w.size = s.next
	if w.seq == 0 {
		w.prev = zeroHash
		if err := atomicfile.SyncDir(filepath.Dir(w.path)); err != nil {
			return fmt.Errorf("open journal %q: %w", w.path, err)
		}
	}
	if !w.opts.Chain {
		return nil
	}
	if err := s.chain.atEnd(w.path, w.seq, w.size); err != nil {
		return err
	}
	return writeHead(w.path, head{Seq: w.seq, Hash: w.prev})
}

// heal repairs a torn last line, which s holds, and rewinds s to its start.
func (w *Writer) heal(ctx context.Context, s *scanner) error {
	torn := s.line
	if len(torn) > 0 {
		if _, err := parseLine(torn[:len(torn)-1]); err == nil {
			// Not torn: a whole record whose line end was overwritten.
			return s.damage("the record is followed by a byte that is no line end")
		}
	}
	if _, err := parseLine(torn); err == nil {
		if _, err := w.f.Write([]byte{'\n'}); err != nil {
			return fmt.Errorf("complete the last line of journal %q: %w", w.path, err)
		}
	} else {
		w.opts.Logger.WarnContext(ctx, "cut off a torn last line, left by a crash",
			"journal", w.path, "offset", s.start, "bytes", len(torn))
		if err := w.f.Truncate(s.start); err != nil {
			return fmt.Errorf("cut the torn tail off journal %q: %w", w.path, err)
		}
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("mend journal %q: %w", w.path, err)
	}
	if _, err := w.f.Seek(s.start, io.SeekStart); err != nil {
		return fmt.Errorf("mend journal %q: %w", w.path, err)
	}
	s.r.Reset(w.f)
	return nil
}

// Append writes one record, the whole line in one write. Kind is 1 to 64 of
// a-z, 0-9, '_', '.' and '-'; data is anything that encoding/json takes. An
// error means that the journal is as it was: what was written in part, when
// the disk is full for instance, is cut off again.
func (w *Writer) Append(kind string, data any) (Record, error) {
	raw, err := encodeData(data)
	if err != nil {
		return Record{}, fmt.Errorf("append %q to journal %q: %w", kind, w.path, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return Record{}, w.broken
	}
	rec := Record{Seq: w.seq + 1, Time: w.opts.Now().UTC().Round(0), Kind: kind, Data: raw}
	if w.opts.Chain {
		rec.Prev = w.prev
	}
	line, err := encodeLine(&rec, w.opts.Chain)
	if err != nil {
		return Record{}, fmt.Errorf("append to journal %q: %w", w.path, err)
	}
	if err := w.put(line, rec); err != nil {
		return Record{}, w.undo(fmt.Errorf("append %q to journal %q: %w", kind, w.path, err))
	}
	w.size += int64(len(line))
	w.seq, w.prev = rec.Seq, rec.Hash
	rec.Offset = w.size
	return rec, nil
}

func (w *Writer) put(line []byte, rec Record) error {
	if _, err := w.out.Write(line); err != nil {
		return err
	}
	if w.opts.Sync {
		if err := w.out.Sync(); err != nil {
			return err
		}
	}
	if w.opts.Chain {
		return writeHead(w.path, head{Seq: rec.Seq, Hash: rec.Hash})
	}
	return nil
}

// undo cuts a failed append off. If even that fails the writer is done for:
// going on would bury the torn line in the middle.
func (w *Writer) undo(cause error) error {
	err := w.out.Truncate(w.size)
	if err == nil && w.opts.Chain {
		err = w.undoHead()
	}
	if err != nil {
		w.broken = fmt.Errorf("%w; and what was written of it could not be taken back (%w): open the journal again to mend it", cause, err)
		return w.broken
	}
	return cause
}

// undoHead makes sure that the head file does not know of a record that was
// cut off.
func (w *Writer) undoHead() error {
	h, err := readHead(w.path)
	if err == nil && h.Seq == w.seq {
		return nil
	}
	return writeHead(w.path, head{Seq: w.seq, Hash: w.prev})
}

// Close releases the lock. Appending after it is an error; closing twice is
// not.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f == nil {
		return nil
	}
	f := w.f
	w.f = nil
	w.broken = fmt.Errorf("append to journal %q: %w", w.path, ErrClosed)
	if err := closeLocked(f); err != nil {
		return fmt.Errorf("close journal %q: %w", w.path, err)
	}
	return nil
}

// closeLocked unlocks before closing: a process that was just forked may hold
// the file, and so the lock, for a moment longer.
func closeLocked(f *os.File) error {
	return errors.Join(filelock.Unlock(f), f.Close())
}
