// Package atomicfile writes files that are either whole or absent. Every file
// that minivess writes, other than an append-only journal, goes through here.
// What a file holds is no business of this package.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write calls write with a buffered temporary file in path's folder, flushes
// it to the disk and renames it to path, so a reader sees the old content or
// the new, never a part. The folder must exist. On any error, the one that
// write returns included, the temporary file is removed and path is as it was;
// the cause is wrapped, so errors.Is(err, syscall.ENOSPC) recognises a full
// disk.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) error {
	return writeWith(path, perm, write, func(f *os.File) io.Writer { return f })
}

// WriteBytes is Write for content that is already in memory.
func WriteBytes(path string, perm fs.FileMode, b []byte) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// writeWith lets a test stand between the buffer and the file.
func writeWith(path string, perm fs.FileMode, write func(io.Writer) error, sink func(*os.File) io.Writer) (err error) {
	dir, base := filepath.Split(path)
	if base == "" {
		return fmt.Errorf("write %q: the path names a folder, not a file", path)
	}
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+base+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	closed := false
	defer func() {
		if err == nil {
			return
		}
		if !closed {
			err = errors.Join(err, f.Close())
		}
		if rm := os.Remove(f.Name()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		err = fmt.Errorf("write %q: %w", path, err)
	}()

	buf := bufio.NewWriterSize(sink(f), 1<<16)
	if err = write(buf); err != nil {
		return err
	}
	if err = buf.Flush(); err != nil {
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	closed = true
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	// The rename itself is on disk only once its folder is.
	return SyncDir(dir)
}

// SyncDir flushes a folder's entries to the disk, so that a file created,
// renamed or removed in it stays so after a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
