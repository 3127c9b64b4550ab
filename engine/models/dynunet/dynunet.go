// Package dynunet is the U-Net of nnU-Net as MONAI 1.4.0 implements it under the
// name DynUNet: kernels and strides are chosen level by level and axis by axis,
// so that the network suits anisotropic volumes (Isensee et al., "nnU-Net: a
// self-configuring method for deep learning-based biomedical image
// segmentation", 2021; residual blocks and heads of deep supervision after
// Futrega et al., "Optimized U-Net for brain tumor segmentation", 2021). It has
// MONAI's parameter names, so MONAI's weights load, and MONAI's numbers.
package dynunet

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "dynunet"

// Model is a configured DynUNet. It holds no weights and may be shared.
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
	// MONAI's state_dict repeats the blocks under skip_layers.
	repeated := func(name string) []string { return further(name, o.deepest()) }
	return &Model{options: o, Base: aliases.NewBase(config, declare(o), repeated)}, nil
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
