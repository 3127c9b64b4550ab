package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/weights"
)

// What can go wrong beside what the packages that write and read say.
var (
	// ErrFormat means that there is no such format.
	ErrFormat = errors.New("unknown format")
	// ErrExists means that a file is there already and was not to be replaced.
	ErrExists = onnx.ErrExists
	// ErrSource means that a run has nothing that can be exported.
	ErrSource = errors.New("nothing to export")
	// ErrCheck means that what was written does not do what it should. It was
	// removed.
	ErrCheck = errors.New("the exported file failed its check")
)

// Format is a kind of file.
type Format string

// The formats. The three ONNX ones differ in how weights are stored.
const (
	ONNX        Format = "onnx"
	ONNXHalf    Format = "onnx-fp16"
	ONNXInt8    Format = "onnx-int8"
	Safetensors Format = "safetensors"
	NPZ         Format = "npz"
)

// Formats lists them.
func Formats() []Format { return []Format{ONNX, ONNXHalf, ONNXInt8, Safetensors, NPZ} }

// Check refuses a format that there is not.
func (f Format) Check() error {
	if slices.Contains(Formats(), f) {
		return nil
	}
	var names []string
	for _, g := range Formats() {
		names = append(names, string(g))
	}
	return fmt.Errorf("%w %q: there is %s", ErrFormat, string(f), strings.Join(names, ", "))
}

// FileName is what a file of the format is called when nobody says.
func (f Format) FileName() string {
	switch f {
	case ONNXHalf:
		return "model-fp16.onnx"
	case ONNXInt8:
		return "model-int8.onnx"
	case Safetensors:
		return "model.safetensors"
	case NPZ:
		return "model.npz"
	default:
		return "model.onnx"
	}
}

// precision is how an ONNX format stores weights; ok is false for the formats
// that are bare weights.
func (f Format) precision() (p onnx.Precision, ok bool) {
	switch f {
	case ONNX:
		return onnx.Float32, true
	case ONNXHalf:
		return onnx.Float16, true
	case ONNXInt8:
		return onnx.Int8, true
	default:
		return "", false
	}
}

// weightsFormat is the name that package weights has for a format.
func (f Format) weightsFormat() string {
	if f == NPZ {
		return weights.NPZ
	}
	return weights.Safetensors
}
