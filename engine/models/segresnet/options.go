package segresnet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/segres"
)

// Options are what can be chosen. The defaults are MONAI's, and so are the names
// where it has them; "dropout_prob" is taken for dropout, "upsample" for
// upsample_mode and "trilinear" for nontrainable.
type Options struct {
	InChannels   int               `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels  int               `json:"out_channels" jsonschema:"channels of the logits, one a class"`
	InitFilters  int               `json:"init_filters" jsonschema:"channels of the first level, a multiple of num_groups; each level below has twice as many"`
	BlocksDown   []int             `json:"blocks_down" jsonschema:"residual blocks at each level of the encoder; sizes must be multiples of 2^(levels-1)"`
	BlocksUp     []int             `json:"blocks_up" jsonschema:"residual blocks at each level of the decoder, which has one level less, deepest first"`
	Dropout      float64           `json:"dropout" jsonschema:"probability that a channel is dropped after the first convolution while training, 0 for none"`
	Norm         blocks.Norm       `json:"norm" jsonschema:"normalisation: group, instance (without weights), batch, or a pair such as [\"instance\", {\"affine\": true}]"`
	NumGroups    int               `json:"num_groups" jsonschema:"number of groups of group normalisation"`
	Act          blocks.Activation `json:"act" jsonschema:"activation: relu, relu6, leakyrelu, prelu, elu, celu, selu, gelu, swish, mish, sigmoid, tanh, or a pair such as [\"leakyrelu\", {\"negative_slope\": 0.1}]"`
	UpsampleMode string            `json:"upsample_mode" jsonschema:"how the decoder enlarges feature maps: nontrainable (trilinear), deconv, deconvgroup or pixelshuffle"`
	UseConvFinal bool              `json:"use_conv_final" jsonschema:"false leaves the last convolution out: the output is then init_filters feature maps"`
}

// Defaults returns MONAI's defaults.
func Defaults() Options {
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: 8,
		BlocksDown: []int{1, 2, 2, 4}, BlocksUp: []int{1, 1, 1},
		Norm: blocks.Norm{Name: blocks.NormGroup}, NumGroups: 8, Act: blocks.Activation{Name: blocks.ReLU},
		UpsampleMode: blocks.NonTrainable, UseConvFinal: true,
	}
}

// Small returns the options of a configuration that a computer without an
// accelerator trains in minutes: none, the defaults are that.
func Small() map[string]any { return map[string]any{} }

// decode reads, checks and completes the options.
func decode(options map[string]any) (Options, error) {
	o := Defaults()
	if err := segres.Decode(Name, options, &o); err != nil {
		return o, err
	}
	segres.Settle(&o.Norm, &o.NumGroups, &o.UpsampleMode)
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

// norm is the normalisation with its number of groups.
func (o Options) norm() blocks.Norm { return segres.Grouped(o.Norm, o.NumGroups) }

func (o Options) check() error {
	return segres.Common{
		InChannels: o.InChannels, OutChannels: o.OutChannels, InitFilters: o.InitFilters, BlocksDown: o.BlocksDown, BlocksUp: o.BlocksUp,
		Dropout: o.Dropout, Norm: o.norm(), NumGroups: o.NumGroups, Act: o.Act, UpsampleMode: o.UpsampleMode,
	}.Check()
}
