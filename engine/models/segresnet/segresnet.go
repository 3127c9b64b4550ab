// Package segresnet is the segmentation network of Myronenko, "3D MRI brain
// tumor segmentation using autoencoder regularization" (2018), without its
// autoencoder branch, as MONAI 1.4.0 implements it, with all of its options: the
// same parameter names, so MONAI's weights load, and the same numbers.
//
// The variant with deep supervision and voxels that are not cubes is package
// segresnetds.
package segresnet

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "segresnet"

// Model is a configured SegResNet. It holds no weights and may be shared.
type Model struct {
	aliases.Base
	options Options
}

// New makes the network that the options describe; those left out keep their
// defaults. The error wraps adapter.ErrOption.
func New(options map[string]any) (*Model, error) {
	o, err := decode(options)
	if err != nil {
		return nil, err
	}
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	d, channels := 1<<(len(o.BlocksDown)-1), o.OutChannels
	if !o.UseConvFinal {
		channels = o.InitFilters
	}
	// With a trained activation MONAI's state_dict has its last parameter twice.
	return &Model{options: o, Base: aliases.NewBase(adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: channels, Divisor: [3]int{d, d, d},
	}, declare(o), further)}, nil
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
