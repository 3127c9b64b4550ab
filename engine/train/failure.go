package train

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"unicode"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
	"github.com/minivess/minivess/engine/volume"
)

var (
	// ErrStopped says that the job was told to stop and saved its state.
	ErrStopped = errors.New("stopped; the state is saved")
	// ErrBadSpec says that job.json cannot be run as it is.
	ErrBadSpec = runs.ErrBadSpec
)

// The codes of runs.Failed that a worker writes.
const (
	CodeNaNLoss      = "nan_loss"
	CodeNoForeground = "no_foreground"
	CodeDiskFull     = "disk_full"
	CodeBadInput     = "bad_input"
	CodeBadSpec      = "bad_spec"
	CodeCheckpoint   = "corrupt_checkpoint"
	CodeOutOfMemory  = "out_of_memory"
	CodeInternal     = "internal"
)

// Failure is an error with the code and the hint that go into the journal.
type Failure struct {
	Code string
	Hint string
	Err  error
}

// Error is the error's own text.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the error inside.
func (f *Failure) Unwrap() error { return f.Err }

func fail(code, hint string, err error) error { return &Failure{Code: code, Hint: hint, Err: err} }

// explain finds code and hint of any error.
func explain(err error) runs.Failed {
	if f, ok := errors.AsType[*Failure](err); ok {
		return failed(f.Code, f.Hint, err)
	}
	switch text := err.Error(); {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return failed(CodeDiskFull, "free some space, then resume the run: the previous checkpoint is whole", err)
	case errors.Is(err, ErrBadSpec):
		return failed(CodeBadSpec, "launch the run again with a configuration that says what is meant", err)
	case errors.Is(err, patches.ErrNoForeground):
		return failed(CodeNoForeground, "check the labels: every voxel of every training volume is background", err)
	case badInput(err):
		return failed(CodeBadInput, "check the dataset with dataset_validate, mend or leave out the file, and launch again", err)
	case errors.Is(err, safetensors.ErrFormat):
		return failed(CodeCheckpoint, "", err)
	case strings.Contains(text, "allocate memory"), strings.Contains(text, "out of memory"):
		return failed(CodeOutOfMemory, "lower train.batch_size, train.patch_size or train.cache_megabytes", err)
	default:
		return failed(CodeInternal, "see worker.log in the run's folder", err)
	}
}

func badInput(err error) bool {
	for _, target := range []error{
		patches.ErrMismatch, patches.ErrClass, patches.ErrNoVolumes, volume.ErrNotNIfTI, volume.ErrHeader, volume.ErrDim,
		volume.ErrUnsupported, volume.ErrTruncated, volume.ErrCorrupt, volume.ErrTooLarge, volume.ErrNonFinite,
		volume.ErrNotLabels, volume.ErrName, fs.ErrNotExist, fs.ErrPermission,
		metrics.ErrSpacing, metrics.ErrShape, metrics.ErrLabel, probability.ErrLabel, probability.ErrShape,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func failed(code, hint string, err error) runs.Failed {
	return runs.Failed{Code: code, Error: plain(err.Error()), Hint: hint}
}

// plain takes terminal escapes and other control characters out of a message
// that may quote file names. Line breaks stay.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// panicked turns a recovered value into a failure.
func panicked(value any) error {
	return fail(CodeInternal, "this is a mistake in minivess; worker.log in the run's folder has the details", fmt.Errorf("panic: %v", value))
}
