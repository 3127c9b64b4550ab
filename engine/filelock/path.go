package filelock

import (
	"errors"
	"io/fs"
	"os"
)

// HeldPath is Held for a file by its path; a file that is not there is not
// held.
func HeldPath(path string) (held bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return Held(f)
}
