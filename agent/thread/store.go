package thread

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/journal"
)

// Errors of the store. A damaged journal is journal.ErrDamaged.
var (
	ErrNotFound  = errors.New("no such thread")
	ErrBusy      = errors.New("the thread is in use")
	ErrAmbiguous = errors.New("more than one thread fits")
)

// The kinds of journal line that are about the thread itself.
const (
	kindThread = "thread"
	kindTitle  = "title"
)

// extension is what thread files end in.
const extension = ".jsonl"

// Options say how threads are kept. The zero value is fine.
type Options struct {
	// Lazy leaves flushing to the operating system: a kill loses nothing, a
	// power cut may lose the last records.
	Lazy   bool
	Now    func() time.Time
	Logger *slog.Logger // told when a torn tail is cut off
	// Told, if set, says what a write of the outermost graph tells people: the
	// texts that were said, to be searched, and how many follow-ups the thread
	// has from then on, or -1 if the write is not about them. With it, what
	// lists and searches found is kept in a file beside the threads. It must
	// not depend on anything else; assistant.Told is the one to use.
	Told func(thread string, c graph.Change) (said []string, followups int)
}

// Store is the threads of one workspace. It is safe for concurrent use.
type Store struct {
	dir     string
	options Options
	mu      sync.Mutex
	writers map[string]*journal.Writer // threads that this store holds

	index index
	// The index is written when more than worth bytes of journals were read
	// anew, and that is never less than floor.
	worth, floor int64
}

var (
	_ graph.Checkpointer = (*Store)(nil)
	_ graph.Marker       = (*Store)(nil)
)

// NewStore returns the store over a folder, usually workspace.Threads().
func NewStore(dir string, o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{dir: dir, options: o, writers: make(map[string]*journal.Writer), worth: worthSaving, floor: worthSaving}
}

type header struct {
	ID    string `json:"id,omitempty"`
	Title string `json:"title"`
}

// Create begins a thread. The title is for people: control characters and
// terminal escapes are taken out and it is cut to a line.
func (s *Store) Create(ctx context.Context, title string) (Info, error) {
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return Info{}, fmt.Errorf("create thread: %w", err)
	}
	var random [2]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Info{}, fmt.Errorf("create thread: %w", err)
	}
	now := s.options.Now().UTC()
	id := now.Format("20060102-150405-") + hex.EncodeToString(random[:])
	if _, err := os.Lstat(s.path(id)); err == nil {
		return s.Create(ctx, title)
	}
	title = CleanTitle(title)
	if err := s.note(ctx, id, kindThread, header{ID: id, Title: title}); err != nil {
		return Info{}, fmt.Errorf("create thread: %w", err)
	}
	return Info{ID: id, Title: title, Created: now, Updated: now}, nil
}

// Rename gives a thread another title.
func (s *Store) Rename(ctx context.Context, id, title string) error {
	if err := s.exists(id); err != nil {
		return err
	}
	return s.note(ctx, id, kindTitle, header{Title: CleanTitle(title)})
}

// Acquire makes this store the only writer of a thread until release is
// called. ErrBusy means that another process, or another turn of this one, is
// at work on the thread.
func (s *Store) Acquire(ctx context.Context, id string) (release func() error, err error) {
	if err := s.exists(id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers[id] != nil {
		return nil, fmt.Errorf("%w: another turn of this program is at work on thread %s; wait for it, or start a new thread", ErrBusy, id)
	}
	w, err := s.open(ctx, id)
	if err != nil {
		return nil, err
	}
	s.writers[id] = w
	return func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.writers, id)
		return w.Close()
	}, nil
}

// Append adds a record of the graph. Without Acquire the thread is held for
// this record only.
func (s *Store) Append(ctx context.Context, id string, r graph.Record) error {
	if err := s.exists(id); err != nil {
		return err
	}
	return s.note(ctx, id, string(r.Kind), r)
}

// Records yields the records of the graph in order. A torn last line, which a
// crash leaves, is not a record.
func (s *Store) Records(ctx context.Context, id string) iter.Seq2[graph.Record, error] {
	return func(yield func(graph.Record, error) bool) {
		if err := s.exists(id); err != nil {
			yield(graph.Record{}, err)
			return
		}
		for line, err := range journal.Read(s.path(id), 0) {
			var r graph.Record
			if err == nil {
				err = ctx.Err()
			}
			if err == nil && own(line.Kind) {
				continue
			}
			if err == nil {
				r, err = decode(line)
			}
			if err != nil {
				yield(graph.Record{}, fmt.Errorf("read thread %s: %w", id, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Mark tells one state of a thread's journal from another, by what the file
// system says of the file.
func (s *Store) Mark(_ context.Context, id string) (mark string, ok bool) {
	if !validID(id) {
		return "", false
	}
	at, err := stampOf(s.path(id))
	return fmt.Sprint(at), err == nil
}

func own(kind string) bool { return kind == kindThread || kind == kindTitle }

// note writes one line.
func (s *Store) note(ctx context.Context, id, kind string, data any) error {
	return s.with(ctx, id, func(w *journal.Writer) error {
		_, err := w.Append(kind, data)
		return err
	})
}

func (s *Store) open(ctx context.Context, id string) (*journal.Writer, error) {
	w, err := journal.OpenWriter(ctx, s.path(id), journal.Options{
		Sync: !s.options.Lazy, Now: s.options.Now, Logger: s.options.Logger,
	})
	if errors.Is(err, journal.ErrLocked) {
		return nil, fmt.Errorf("%w: another minivess is at work on thread %s; close it, or start a new thread", ErrBusy, id)
	}
	if err != nil {
		return nil, fmt.Errorf("open thread %s: %w", id, err)
	}
	return w, nil
}

func (s *Store) path(id string) string { return filepath.Join(s.dir, id+extension) }

// exists also keeps names that are not ids, such as "../audit", from becoming
// paths.
func (s *Store) exists(id string) error {
	if !validID(id) {
		return fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	_, err := os.Stat(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	return err
}

func validID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}
