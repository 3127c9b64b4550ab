//go:build !unix

package mapfile

import (
	"errors"
	"os"
)

// mapped: without mapping every byte is read.
func mapped(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }
