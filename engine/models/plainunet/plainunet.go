// Package plainunet is the plain U-Net of nnU-Net v2 (Isensee et al., "nnU-Net: a
// self-configuring method for deep learning-based biomedical image
// segmentation", 2021) as the package dynamic-network-architectures 0.4.4
// implements it under the name PlainConvUNet: the same parameter names, so that
// nnU-Net's checkpoints load, and the same numbers.
//
// nnU-Net reads images with the axes (z, y, x) and this program with (x, y, z):
// weights that nnU-Net trained want the option axes to be "zyx".
package plainunet

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "plainunet"

// Model is a configured plain U-Net. It holds no weights and may be shared.
type Model struct {
	aliases.Base
	options Options
}

// New makes the network that the options describe; those left out keep their
// defaults. The error wraps adapter.ErrOption.
func New(options map[string]any) (*Model, error) {
	o, err := resolve(options)
	if err != nil {
		return nil, err
	}
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	config := adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: o.divisor(),
	}
	// nnU-Net's state_dict repeats the layers under all_modules, and the encoder
	// under decoder.encoder.
	return &Model{options: o, Base: aliases.NewBase(config, declare(o), o.modules().further)}, nil
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
