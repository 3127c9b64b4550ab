// Package segresnet is the segmentation network of Myronenko, "3D MRI brain
// tumor segmentation using autoencoder regularization" (2018), without its
// autoencoder branch, as MONAI 1.4.0 implements it, with all of its options: the
// same parameter names, so MONAI's weights load, and the same numbers.
//
// The variant with deep supervision and voxels that are not cubes is package
// segresnetds.
package segresnet

import (
	"fmt"
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "segresnet"

// Model is a configured SegResNet. It holds no weights and may be shared.
type Model struct {
	options Options
	config  adapter.Config
	params  []nn.Param
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
	return &Model{options: o, params: declare(o), config: adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: channels, Divisor: [3]int{d, d, d},
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
	tied, err := m.tie(s)
	if err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	return adapter.SaveCheckpoint(path, m.config, m.params, tied, meta)
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}

// tie gives both names of the last trained activation the same value: MONAI
// registers that module twice, and only conv_final's is trained here.
func (m *Model) tie(s *nn.State) (*nn.State, error) {
	if !m.options.Act.Trained() {
		return s, nil
	}
	out := &nn.State{}
	for t := range s.All() {
		if t.Name == sharedAct+".weight" {
			if trained, ok := s.Get(finalAct + ".weight"); ok {
				t.DType, t.Shape, t.Data = trained.DType, trained.Shape, trained.Data
			}
		}
		if err := out.Add(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}
