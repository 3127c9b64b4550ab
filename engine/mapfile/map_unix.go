//go:build unix

package mapfile

import (
	"os"
	"syscall"
)

// mapped maps the first size bytes of f.
func mapped(f *os.File, size int) ([]byte, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var data []byte
	var failed error
	err = raw.Control(func(fd uintptr) {
		data, failed = syscall.Mmap(int(fd), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	})
	if err != nil {
		return nil, err
	}
	return data, failed
}

func unmap(data []byte) error { return syscall.Munmap(data) }
