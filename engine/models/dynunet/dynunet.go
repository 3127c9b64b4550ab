// Package dynunet is the U-Net of nnU-Net as MONAI 1.4.0 implements it under the
// name DynUNet: kernels and strides are chosen level by level and axis by axis,
// so that the network suits anisotropic volumes (Isensee et al., "nnU-Net: a
// self-configuring method for deep learning-based biomedical image
// segmentation", 2021; the residual blocks and heads of deep supervision are
// those of Futrega et al., "Optimized U-Net for brain tumor segmentation",
// 2021). It has MONAI's parameter names, so MONAI's weights load, and MONAI's
// numbers.
package dynunet

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "dynunet"

// Model is a configured DynUNet. It holds no weights and may be shared.
type Model struct {
	options Options
	config  adapter.Config
	params  []nn.Param
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
	return &Model{options: o, params: declare(o), config: adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: o.divisor(),
	}}, nil
}

// Config describes the model.
func (m *Model) Config() adapter.Config { return m.config }

// TrainableParameters lists the parameters under MONAI's names.
func (m *Model) TrainableParameters() []nn.Param { return m.params }

// LoadCheckpoint reads weights that fit this network exactly.
func (m *Model) LoadCheckpoint(path string) (*nn.State, error) {
	return adapter.LoadCheckpoint(path, m.config, m.params)
}

// SaveCheckpoint writes weights, atomically.
func (m *Model) SaveCheckpoint(path string, s *nn.State, meta map[string]string) error {
	return adapter.SaveCheckpoint(path, m.config, m.params, s, meta)
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
