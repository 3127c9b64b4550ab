// Package filelock locks open files across processes, and tells whether
// somebody else holds a lock without taking it. A lock belongs to the open
// file: a child process that inherits the file shares it, and the kernel
// releases it when the last holder closes the file or dies, however it dies.
// That makes a held lock the one trustworthy sign that a process lives. What
// the locks mean is up to the callers.
package filelock

import "errors"

// ErrLocked is returned when somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")
