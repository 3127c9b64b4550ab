// Package npz reads and writes NumPy's .npz files: zip files of arrays, each
// with a small header. Files are interchangeable with numpy.savez,
// numpy.savez_compressed and numpy.load. Nothing in a file is trusted, and
// arrays of pickled objects are refused.
//
// What the arrays mean does not belong here.
package npz

import (
	"errors"
	"fmt"
)

// What can be wrong with a file.
var (
	// ErrFormat means that a file is malformed, truncated or contradicts itself.
	ErrFormat = errors.New("not a valid .npz file")
	// ErrType means that an array's elements are of a type that weights cannot have.
	ErrType = errors.New("element type of a .npz array")
	// ErrLimit means that a file unpacks to far more than it has bytes.
	ErrLimit = errors.New("the .npz file is packed like no weights are")
)

// Limits on what a file may ask for.
const (
	// MaxArrays is the largest number of arrays.
	MaxArrays = 100_000
	// MaxRatio is how many times its own size a file may unpack to, beyond
	// freeBytes. Weights hardly compress at all.
	MaxRatio  = 64
	freeBytes = 64 << 20
	// maxHeader bounds an array's header; NumPy's own limit is lower.
	maxHeader = 1 << 16
	maxAxes   = 16
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
