package volume

import (
	"errors"
	"fmt"
)

// The kinds of failure. Every error of this package wraps exactly one of them,
// or an error of the operating system, and names the file.
var (
	// ErrNotNIfTI means that the file is something else.
	ErrNotNIfTI = errors.New("not a NIfTI file")
	// ErrHeader means that the header contradicts itself.
	ErrHeader = errors.New("invalid NIfTI header")
	// ErrDim means that the shape is not that of a 3D volume.
	ErrDim = errors.New("not a 3D volume")
	// ErrUnsupported means a valid file of a kind that is not read.
	ErrUnsupported = errors.New("unsupported NIfTI datatype")
	// ErrTruncated means that the file ends before its voxels do.
	ErrTruncated = errors.New("truncated file")
	// ErrCorrupt means that the gzip stream is damaged.
	ErrCorrupt = errors.New("corrupt gzip stream")
	// ErrTooLarge means that a limit would be exceeded.
	ErrTooLarge = errors.New("volume too large")
	// ErrNonFinite means a voxel that is NaN, infinite or beyond float32.
	ErrNonFinite = errors.New("voxel is not finite")
	// ErrNotLabels means voxels that are not integers from 0 to 255.
	ErrNotLabels = errors.New("not a label volume")
	// ErrRange means a value that the datatype asked for cannot hold.
	ErrRange = errors.New("value out of range")
	// ErrName means a file name without a NIfTI extension.
	ErrName = errors.New("not a NIfTI file name")
)

// failure formats an error that wraps kind and starts with the file's name.
func failure(path string, kind error, format string, args ...any) error {
	return fmt.Errorf("%q: %w: %s", path, kind, fmt.Sprintf(format, args...))
}
