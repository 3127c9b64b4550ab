// Package unet is the residual U-Net of Kerfoot et al., "Left-ventricle
// quantification using residual U-Net" (2018), as MONAI 1.4.0's UNet implements
// it: the same parameter names, so the weights of MONAI's bundles load, and the
// same numbers.
package unet

import (
	"cmp"
	"fmt"
	"io"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "unet"

// Options are what can be chosen, by MONAI's names where it has one.
type Options struct {
	InChannels  int               `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels int               `json:"out_channels" jsonschema:"channels of the logits, one a class"`
	InitFilters int               `json:"init_filters" jsonschema:"channels of the first level; each level below has twice as many, unless channels says otherwise"`
	Channels    []int             `json:"channels" jsonschema:"channels of every level, the bottom last; empty means from init_filters, one level more than strides"`
	Strides     []int             `json:"strides" jsonschema:"by how much each level but the bottom divides the size"`
	NumResUnits int               `json:"num_res_units" jsonschema:"convolutions in a residual unit; 0 means plain convolutions without short cuts"`
	Norm        blocks.Norm       `json:"norm" jsonschema:"normalisation: instance (without weights), batch, group, or a pair such as [\"instance\", {\"affine\": true}]"`
	Act         blocks.Activation `json:"act" jsonschema:"activation: prelu, relu, leakyrelu, elu, gelu, swish, mish, or a pair of name and arguments"`
	Dropout     float64           `json:"dropout" jsonschema:"probability that an element is dropped while training, 0 for none"`
	Bias        bool              `json:"bias" jsonschema:"whether convolutions have biases"`
}

// Defaults returns MONAI's defaults, with the channels and strides of its
// tutorials, for which it has none.
func Defaults() Options {
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: 16, Channels: []int{}, Strides: []int{2, 2, 2, 2}, NumResUnits: 2,
		Norm: blocks.Norm{Name: blocks.NormInstance}, Act: blocks.Activation{Name: blocks.PReLU}, Bias: true,
	}
}

// Small returns the options of a configuration that a computer without an
// accelerator trains in minutes.
func Small() map[string]any { return map[string]any{"init_filters": 8, "strides": []int{2, 2, 2}} }

// Model is a configured U-Net. It holds no weights and may be shared.
type Model struct {
	adapter.Base
	options Options
}

// New makes the network that the options describe.
func New(options map[string]any) (*Model, error) {
	o := Defaults()
	if err := adapter.Decode(Name, options, &o); err != nil {
		return nil, err
	}
	if len(o.Channels) == 0 && len(o.Strides) < mostLevels {
		for i := range len(o.Strides) + 1 {
			o.Channels = append(o.Channels, o.InitFilters<<i)
		}
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	o.InitFilters = o.Channels[0]
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	d := 1
	for _, s := range o.Strides {
		d *= s
	}
	var declared blocks.Declaration
	o.declare(&declared, "model", o.InChannels, o.OutChannels, 0)
	return &Model{adapter.NewBase(adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: blocks.Cube(d),
	}, declared.Params()), o}, nil
}

// mostLevels and mostUnits bound what makes sense.
const mostLevels, mostUnits = 9, 16

func (o Options) check() error {
	if err := cmp.Or(
		blocks.CheckChannels("in_channels", o.InChannels), blocks.CheckChannels("out_channels", o.OutChannels), blocks.CheckChannels("init_filters", o.InitFilters),
		blocks.CheckDropout(o.Dropout),
	); err != nil {
		return err
	}
	switch {
	case len(o.Strides) < 1 || len(o.Strides) >= mostLevels:
		return fmt.Errorf("strides has %d levels, must have 1 to %d", len(o.Strides), mostLevels-1)
	case len(o.Channels) != len(o.Strides)+1:
		return fmt.Errorf("channels has %d levels, must have one more than strides (%d)", len(o.Channels), len(o.Strides))
	case o.NumResUnits < 0 || o.NumResUnits > mostUnits:
		return fmt.Errorf("num_res_units is %d, must be 0 to %d", o.NumResUnits, mostUnits)
	}
	for i, c := range o.Channels {
		if c < 1 || c > blocks.MostChannels {
			return fmt.Errorf("channels has %d, must be 1 to %d", c, blocks.MostChannels)
		}
		if err := o.Norm.Check(c); err != nil {
			return err
		}
		if i < len(o.Strides) && (o.Strides[i] < 1 || o.Strides[i] > 4) {
			return fmt.Errorf("strides has %d, must be 1 to 4", o.Strides[i])
		}
	}
	return o.Act.Check()
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
