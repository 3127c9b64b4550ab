// Package mapfile reads large files without copying them: a file is mapped into
// memory, and its bytes are lent, never given away, so that no slice can
// outlive the mapping. A file that somebody cuts short meanwhile is an error,
// not a crash. Where mapping is not possible the same calls read.
//
// What a file holds is no business of this package.
package mapfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// ErrChanged means that a file became shorter, or its disk unreadable, while it
// was being read.
var ErrChanged = errors.New("the file changed or became unreadable while it was read")

// ErrNotRegular means that a path is a folder, a pipe or the like.
var ErrNotRegular = errors.New("not a regular file")

// File is an open file of fixed size. Its methods may be called concurrently.
type File struct {
	f    *os.File
	size int64

	mu   sync.RWMutex // held for reading while bytes are lent
	data []byte       // the mapping; nil when there is none
}

// Open opens a regular file for reading. Errors wrap ErrNotRegular, or
// fs.ErrNotExist and its like.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("open %q: %w", path, ErrNotRegular), f.Close())
	}
	file := &File{f: f, size: info.Size()}
	if size := int(file.size); size > 0 && int64(size) == file.size {
		// A file system that cannot map still reads.
		if data, err := mapped(f, size); err == nil {
			file.data = data
		}
	}
	return file, nil
}

// Size returns the number of bytes there were when the file was opened.
func (f *File) Size() int64 { return f.size }

// ReadAt reads without the mapping.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Close ends the mapping, after the bytes that are lent have come back, and
// closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := f.data
	f.data = nil
	if data == nil {
		return f.f.Close()
	}
	return errors.Join(unmap(data), f.f.Close())
}

// View lends the n bytes at off of r to use, which must neither keep nor change
// them. The bytes of a File are not copied; those of anything else are read
// into memory. Bytes past the end are io.ErrUnexpectedEOF.
func View(r io.ReaderAt, off, n int64, use func([]byte) error) error {
	if off < 0 || n < 0 {
		return fmt.Errorf("bytes %d to %d: %w", off, off+n, io.ErrUnexpectedEOF)
	}
	if f, ok := r.(*File); ok {
		return f.view(off, n, use)
	}
	return copied(r, off, n, use)
}

func (f *File) view(off, n int64, use func([]byte) error) error {
	if off > f.size || n > f.size-off {
		return fmt.Errorf("bytes %d to %d of %d: %w", off, off+n, f.size, io.ErrUnexpectedEOF)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.data == nil {
		return copied(f, off, n, use)
	}
	return f.lend(f.data[off:off+n:off+n], use)
}

// lend calls use and turns the fault of a page that is no longer there into an
// error. Any other panic goes on.
func (f *File) lend(b []byte, use func([]byte) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		// Go's own mistakes fault at no address but nil, which has no Addr.
		if _, ok := cause.(interface{ Addr() uintptr }); ok {
			err = fmt.Errorf("%q: %w", f.f.Name(), ErrChanged)
			return
		}
		panic(cause)
	}()
	return use(b)
}

// copied reads the bytes into memory. A file that lies about its size costs no
// more memory than it has bytes.
func copied(r io.ReaderAt, off, n int64, use func([]byte) error) error {
	const step = 64 << 20
	var b []byte
	for int64(len(b)) < n {
		at := len(b)
		b = append(b, make([]byte, min(step, n-int64(at)))...)
		if got, err := r.ReadAt(b[at:], off+int64(at)); got < len(b)-at {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("bytes %d to %d: %w", off, off+n, err)
		}
	}
	return use(b)
}
