package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/workspace"
)

// slotPoll is how often a waiting job looks whether it is its turn.
const slotPoll = 50 * time.Millisecond

const ticketSuffix = ".ticket"

// ticket is a locked file that stands for a job in the queue. Tickets sort by
// name in the order in which the jobs were queued.
type ticket struct {
	path string
	f    *os.File
}

// newTicket makes a ticket that is locked from the moment it is there.
func newTicket(path string) (t *ticket, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make a ticket: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return nil, fmt.Errorf("make a ticket: %w", err)
	}
	if err := errors.Join(filelock.TryLock(f), os.Rename(f.Name(), path)); err != nil {
		return nil, errors.Join(fmt.Errorf("make a ticket: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return &ticket{path: path, f: f}, nil
}

// inherited is the ticket that a launcher gave this process, if it did. It
// is kept from the children that this process may start in turn: one of them
// outliving it would make it look alive.
func inherited() *ticket {
	path := os.Getenv(envTicket)
	if path == "" {
		return nil
	}
	// The variable may have come without the file; then whatever has its
	// number must be left alone.
	var mine, there syscall.Stat_t
	if syscall.Fstat(ticketFD, &mine) != nil || syscall.Stat(path, &there) != nil || mine.Dev != there.Dev || mine.Ino != there.Ino {
		return nil
	}
	syscall.CloseOnExec(ticketFD)
	return &ticket{path: path, f: os.NewFile(ticketFD, path)}
}

func (t *ticket) remove() error {
	err := os.Remove(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, t.f.Close())
}

// AcquireSlot waits until this process is one of at most n at work in the
// workspace, and returns what to call when the work is done; dying does the
// same. Jobs get their turn in the order in which they were queued. When n is
// not positive the launcher's limit counts, or 1 without a launcher. A worker
// calls this after it has opened its journal for writing and before it
// appends the started event.
func AcquireSlot(ctx context.Context, ws *workspace.Workspace, n int) (release func(), err error) {
	if n <= 0 {
		n = limitFromEnv()
	}
	t := inherited()
	if t == nil {
		name := fmt.Sprintf("%020d-pid%d%s", time.Now().UnixNano(), os.Getpid(), ticketSuffix)
		if t, err = newTicket(filepath.Join(ws.Slots(), name)); err != nil {
			return nil, fmt.Errorf("wait for a slot: %w", err)
		}
	}
	slot, err := waitForSlot(ctx, t, n)
	if rerr := t.remove(); err == nil && rerr != nil {
		err = errors.Join(rerr, slot.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("wait for a slot: %w", err)
	}
	return func() { slot.Close() }, nil //nolint:errcheck // closing is the release; it cannot fail in a way that matters
}

func limitFromEnv() int {
	n, err := strconv.Atoi(os.Getenv(envSlots))
	if err != nil {
		return 1
	}
	return max(n, 1)
}

func waitForSlot(ctx context.Context, t *ticket, n int) (*os.File, error) {
	tick := time.NewTicker(slotPoll)
	defer tick.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		first, err := isFirst(t)
		if err != nil {
			return nil, err
		}
		if first {
			slot, err := trySlots(filepath.Dir(t.path), n)
			if slot != nil || err != nil {
				return slot, err
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// isFirst reports whether nobody who is alive waits in front. Tickets of the
// dead, whose lock is free, are cleared away.
func isFirst(t *ticket) (bool, error) {
	dir, own := filepath.Split(t.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if e.Name() >= own {
			break
		}
		if !strings.HasSuffix(e.Name(), ticketSuffix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		held, err := filelock.HeldPath(path)
		if held || err != nil {
			return false, err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// trySlots takes a free slot, or returns nil.
func trySlots(dir string, n int) (*os.File, error) {
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("slot-%d", i))
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640) //nolint:gosec // colleagues may share a workspace
		if err != nil {
			return nil, err
		}
		err = filelock.TryLock(f)
		if err == nil {
			return f, nil
		}
		if cerr := f.Close(); cerr != nil || !errors.Is(err, filelock.ErrLocked) {
			return nil, errors.Join(err, cerr)
		}
	}
	return nil, nil
}
