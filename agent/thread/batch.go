package thread

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/journal"
)

var (
	_ graph.Batcher = (*Store)(nil)
	_ graph.Pruner  = (*Store)(nil)
)

// AppendAll adds records of the graph with one write and one flush.
func (s *Store) AppendAll(ctx context.Context, id string, rs []graph.Record) error {
	if err := s.exists(id); err != nil {
		return err
	}
	entries := make([]journal.Entry, len(rs))
	for i, r := range rs {
		entries[i] = journal.Entry{Kind: string(r.Kind), Data: r}
	}
	return s.with(ctx, id, func(w *journal.Writer) error { return w.AppendAll(entries) })
}

// with hands out the writer that is held, or one for this call only.
func (s *Store) with(ctx context.Context, id string, do func(*journal.Writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.writers[id]
	if w == nil {
		var err error
		if w, err = s.open(ctx, id); err != nil {
			return err
		}
		defer w.Close() //nolint:errcheck // what was written is, if asked for, flushed
	}
	if err := do(w); err != nil {
		return fmt.Errorf("write thread %s: %w", id, err)
	}
	return nil
}

// Prune puts one record in the place of the first drop records of the graph.
// Titles and the times of what is left stay as they are; the thread's file is
// replaced as a whole or not at all. The thread must not be held.
func (s *Store) Prune(ctx context.Context, id string, drop int, with graph.Record) error {
	if err := s.exists(id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers[id] != nil {
		return fmt.Errorf("%w: thread %s cannot be pruned while a turn is at work on it", ErrBusy, id)
	}
	old, err := s.open(ctx, id)
	if err != nil {
		return err
	}
	defer old.Close() //nolint:errcheck // only its lock is needed
	shorter := s.path(id) + ".pruned"
	if err := s.rewrite(ctx, id, shorter, drop, with); err != nil {
		return errors.Join(fmt.Errorf("prune thread %s: %w", id, err), os.RemoveAll(shorter))
	}
	if err := os.Rename(shorter, s.path(id)); err != nil {
		return fmt.Errorf("prune thread %s: %w", id, err)
	}
	return atomicfile.SyncDir(s.dir)
}

func (s *Store) rewrite(ctx context.Context, id, path string, drop int, with graph.Record) error {
	if err := os.RemoveAll(path); err != nil { // of a pruning that was killed
		return err
	}
	var now time.Time
	w, err := journal.OpenWriter(ctx, path, journal.Options{Now: func() time.Time { return now }, Logger: s.options.Logger})
	if err != nil {
		return err
	}
	put := func(kind string, data any) {
		if err == nil {
			_, err = w.Append(kind, data)
		}
	}
	n := 0
	for line, rerr := range journal.Read(s.path(id), 0) {
		if rerr != nil {
			return errors.Join(rerr, w.Close())
		}
		now = line.Time
		if own(line.Kind) {
			put(line.Kind, line.Data)
			continue
		}
		switch n++; {
		case n == drop:
			put(string(with.Kind), with)
		case n > drop:
			put(line.Kind, line.Data)
		}
	}
	if drop < 1 || drop > n {
		err = errors.Join(err, fmt.Errorf("%d of %d records: %w", drop, n, graph.ErrNoPoint))
	}
	return errors.Join(err, w.Close(), syncFile(path))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
