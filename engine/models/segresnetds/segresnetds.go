// Package segresnetds is SegResNet with deep supervision and with kernels and
// strides for voxels that are not cubes, as MONAI 1.4.0's SegResNetDS implements
// it: the same parameter names, so MONAI's weights load, and the same numbers.
// Auto3DSeg trains this network.
//
// The network without either is package segresnet, whose parameters have other
// names.
package segresnetds

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "segresnetds"

// Model is a configured SegResNetDS. It holds no weights and may be shared.
type Model struct {
	adapter.Base
	network network
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
	n := o.network()
	return &Model{network: n, Base: adapter.NewBase(adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: n.divisor(),
	}, n.declare())}, nil
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
