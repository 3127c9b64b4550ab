//go:build unix && !linux

package filelock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock takes the exclusive lock on f, which must be open for writing, or
// returns ErrLocked at once.
func TryLock(f *os.File) error {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %q: %w", f.Name(), err)
	}
	return nil
}

// Unlock releases the lock at once, for every process that shares f.
func Unlock(f *os.File) error {
	if err := flock(f, unix.LOCK_UN); err != nil {
		return fmt.Errorf("unlock %q: %w", f.Name(), err)
	}
	return nil
}

// Held reports whether anybody else holds the lock on f. Without open file
// description locks the only way to ask is to take a shared lock for a moment.
func Held(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for the lock on %q: %w", f.Name(), err)
	}
	return false, Unlock(f)
}

func flock(f *os.File, how int) error {
	return uninterrupted(f, func(fd uintptr) error { return unix.Flock(int(fd), how) })
}
