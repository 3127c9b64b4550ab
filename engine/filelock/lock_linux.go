package filelock

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock takes the exclusive lock on f, which must be open for writing, or
// returns ErrLocked at once.
func TryLock(f *os.File) error {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err := control(f, unix.F_OFD_SETLK, &lk)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %q: %w", f.Name(), err)
	}
	return nil
}

// Unlock releases the lock at once, for every process that shares f.
func Unlock(f *os.File) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart}
	if err := control(f, unix.F_OFD_SETLK, &lk); err != nil {
		return fmt.Errorf("unlock %q: %w", f.Name(), err)
	}
	return nil
}

// Held reports whether anybody else holds the lock on f. It takes no lock
// itself, so asking never disturbs a process that is about to lock.
func Held(f *os.File) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := control(f, unix.F_OFD_GETLK, &lk); err != nil {
		return false, fmt.Errorf("ask for the lock on %q: %w", f.Name(), err)
	}
	return lk.Type != unix.F_UNLCK, nil
}

func control(f *os.File, cmd int, lk *unix.Flock_t) error {
	return uninterrupted(f, func(fd uintptr) error { return unix.FcntlFlock(fd, cmd, lk) })
}
