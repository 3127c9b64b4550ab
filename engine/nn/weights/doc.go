// Package weights reads the files in which people keep trained weights,
// whatever made them: safetensors, NumPy's .npz, and the zip, legacy and
// TorchScript files of PyTorch. It finds the weights inside (checkpoints wrap
// them in dictionaries and prefixes), says what it did, and never executes
// anything a file contains.
//
// Which network the weights belong to is engine/models's business.
package weights

import (
	"errors"
	"slices"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn/npz"
	"github.com/minivess/minivess/engine/nn/pickle"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// What can be wrong with a file of weights. Errors of the readers below
// (safetensors.ErrFormat, npz.ErrFormat, pickle.ErrFormat, pickle.ErrRefused)
// are wrapped too.
var (
	// ErrUnknown means that a file is in no format known here.
	ErrUnknown = errors.New("not a file of weights that minivess can read")
	// ErrBranch means that a file holds no weights, or several sets of which
	// none is the obvious one.
	ErrBranch = errors.New("no single set of weights in the file")
	// ErrTensor means that a tensor cannot be had as a plain array.
	ErrTensor = errors.New("tensor cannot be read")
	// ErrNonFinite means that weights are NaN or infinite.
	ErrNonFinite = errors.New("weights that are not finite")
)

// The formats, as File.Format reports them. Write takes the first two.
const (
	Safetensors   = "safetensors"
	NPZ           = "npz"
	PyTorch       = "pytorch"        // a zip file by torch.save
	PyTorchLegacy = "pytorch-legacy" // by torch.save before 1.6, or on request
	TorchScript   = "torchscript"    // a zip file by torch.jit.save
)

// BadFile reports whether an error is about what a file holds, rather than about
// the disk or the caller: its format, its weights, its size.
func BadFile(err error) bool {
	return slices.ContainsFunc([]error{
		ErrUnknown, ErrBranch, ErrTensor, ErrNonFinite, safetensors.ErrFormat, npz.ErrFormat, npz.ErrType, npz.ErrLimit,
		pickle.ErrFormat, pickle.ErrRefused, pickle.ErrLimit, mapfile.ErrChanged, mapfile.ErrNotRegular,
	}, func(target error) bool { return errors.Is(err, target) })
}
