// Package swinunetr is Swin UNETR (Hatamizadeh et al., "Swin UNETR: Swin
// Transformers for Semantic Segmentation of Brain Tumors in MRI Images", 2022)
// and SwinUNETR-V2 (He et al., 2023) as MONAI 1.4.0 implements them: a
// transformer whose attention stays within windows of 7×7×7 tokens, shifted in
// every other block, and a convolutional decoder. The parameters have MONAI's
// names, so MONAI's weights load, and give the same numbers.
package swinunetr

import (
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "swinunetr"

// divisor is what spatial sizes must be multiples of: the patch embedding and
// the four stages halve them.
const divisor = 32

// Model is a configured Swin UNETR. It holds no weights and may be shared.
type Model struct {
	adapter.Base
	options Options
}

// New makes the network that the options describe; those left out keep their
// defaults. The error wraps adapter.ErrOption.
//
// An option patch_merging that nobody gave stays empty in Config, so that a
// network made of those options is as careful with foreign weights as this one.
func New(options map[string]any) (*Model, error) {
	o, err := decode(options)
	if err != nil {
		return nil, err
	}
	return build(o, declare(o))
}

func build(o Options, params []nn.Param) (*Model, error) {
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	return &Model{options: o, Base: adapter.NewBase(adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels,
		Divisor: [3]int{divisor, divisor, divisor},
	}, params)}, nil
}

// settled is the same network with patch_merging spelled out among its options,
// for files that must mean the same for ever.
func (m *Model) settled() (*Model, error) {
	o := m.options
	o.PatchMerging = o.merging()
	return build(o, m.TrainableParameters())
}

// ExportONNX writes the network with its weights as an ONNX model for images of
// the size that spec says: windows and their masks depend on it.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	settled, err := m.settled()
	if err != nil {
		return err
	}
	return onnx.Export(w, settled, s, spec)
}
