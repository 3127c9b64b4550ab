//go:build unix

package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// uninterrupted makes a system call on f, again whenever a signal cut it off.
func uninterrupted(f *os.File, call func(fd uintptr) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var said error
	err = raw.Control(func(fd uintptr) {
		for {
			said = call(fd)
			if !errors.Is(said, unix.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, said)
}
