package thread

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/journal"
)

// indexName is the file beside the journals that says what was found in them.
// It is a cache: without it, or if it is damaged, the journals are read again.
const indexName = "index"

// worthSaving is how many bytes of journals must have been read anew before the
// index is written. Below that, reading them again costs less than the flush.
const worthSaving = 64 << 10

// settling is how long a journal must have been left alone before what was read
// of it is kept: a change within the same tick of the file system's clock would
// leave no other trace than its bytes.
const settling = 2 * time.Second

// stamp tells one state of a journal's file from another.
type stamp struct {
	Size     int64  `json:"s"`
	Modified int64  `json:"m"` // nanoseconds, as the file system has it
	Changed  int64  `json:"c"` // of the file's inode; nobody can set it back
	Inode    uint64 `json:"i"`
}

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stamp{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return stamp{Size: st.Size, Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Inode: st.Ino}, nil
}

// digest is what a list or a search needs of a thread.
type digest struct {
	info    Info // without Busy
	said    []byte
	cut     bool // said is not all that was said
	stamp   stamp
	settled bool // stamp tells whether the journal is still the one that was read
}

// index holds the digests of one store. The zero value has not looked at the
// file yet.
type index struct {
	mu      sync.Mutex
	loaded  bool
	known   map[string]digest
	unsaved int64 // bytes of journals read anew that the file does not know
}

// digests are those of all threads, by id. Journals that are still as they
// were are not read.
func (s *Store) digests(ctx context.Context) (map[string]digest, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	x := &s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.loaded && s.options.Told != nil {
		x.loaded, x.known = true, s.loadIndex(ctx)
	}
	began := s.options.Now()
	var mu sync.Mutex
	now, fresh := make(map[string]digest, len(ids)), int64(0)
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, id := range ids {
		at, err := stampOf(s.path(id))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if d, ok := x.known[id]; ok && err == nil && d.settled && d.stamp == at {
			mu.Lock()
			now[id] = d
			mu.Unlock()
			continue
		}
		group.Go(func() error {
			d, err := s.digest(each, id, began)
			if err != nil {
				return err
			}
			if _, err := stampOf(s.path(id)); errors.Is(err, fs.ErrNotExist) {
				return nil // deleted meanwhile
			}
			mu.Lock()
			defer mu.Unlock()
			now[id] = d
			if d.saveable() {
				fresh += d.stamp.Size
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	gone := false
	for id := range x.known {
		if _, there := now[id]; !there {
			gone = true // and what was said in it is to leave the disk
		}
	}
	x.known, x.unsaved = now, x.unsaved+fresh
	if gone || x.unsaved > s.worth {
		s.saveIndex(ctx)
	}
	return maps.Clone(now), nil
}

// digest reads one journal. A thread that cannot be read is described by the
// reason.
func (s *Store) digest(ctx context.Context, id string, began time.Time) (digest, error) {
	at, err := stampOf(s.path(id))
	if err != nil {
		return digest{info: Info{ID: id, Title: untitled, Damage: err.Error()}}, nil
	}
	r := reading{told: s.options.Told, info: Info{ID: id, Title: untitled}}
	for line, err := range journal.Read(s.path(id), 0) {
		if err == nil {
			err = r.add(line)
		}
		if err != nil {
			r.info.Damage, r.said, r.cut = err.Error(), nil, false
			break
		}
		if err := ctx.Err(); err != nil {
			return digest{}, err
		}
	}
	settled := time.Unix(0, at.Changed).Add(settling).Before(began)
	return digest{info: r.info, said: r.said, cut: r.cut, stamp: at, settled: settled}, nil
}

// saveable: damage is looked for anew each time, and named with its path.
func (d *digest) saveable() bool { return d.settled && d.info.Damage == "" }

// ids are the threads in the folder.
func (s *Store) ids() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list threads: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), extension); ok && validID(id) && !e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s *Store) indexPath() string { return filepath.Join(s.dir, indexName) }

// loadIndex reads the file, or nothing if it is no use.
func (s *Store) loadIndex(ctx context.Context) map[string]digest {
	raw, err := os.ReadFile(s.indexPath())
	if err == nil {
		var known map[string]digest
		if known, err = decodeIndex(raw); err == nil {
			s.worth = s.worthOf(raw)
			return known
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		s.log().DebugContext(ctx, "the index of the threads is made anew", "why", err)
	}
	return nil
}

// saveIndex writes the file if it can. Whoever writes last wins: each process
// writes what it found in the journals, and all compare it with them.
func (s *Store) saveIndex(ctx context.Context) {
	if s.options.Told == nil {
		return
	}
	raw, err := encodeIndex(s.index.known)
	if err == nil {
		err = atomicfile.WriteBytes(s.indexPath(), 0o640, raw)
	}
	if err != nil {
		s.log().DebugContext(ctx, "the index of the threads is not kept", "why", err)
	}
	s.index.unsaved = 0
	s.worth = s.worthOf(raw)
}

// worthOf: the file is written as a whole, so that waits until what was read
// anew is in proportion to it.
func (s *Store) worthOf(file []byte) int64 { return max(s.floor, int64(len(file))/8) }

func (s *Store) log() *slog.Logger {
	if s.options.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.options.Logger
}
