package segresnet

import (
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
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
	options, err := blocks.Renamed(options, map[string]string{"dropout_prob": "dropout", "upsample": "upsample_mode"})
	if err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	if err := adapter.Decode(Name, options, &o); err != nil {
		return o, err
	}
	if o.UpsampleMode == "trilinear" {
		o.UpsampleMode = blocks.NonTrainable
	}
	if o.Norm.Name == blocks.NormGroup && o.Norm.Groups != 0 { // said with the norm, as MONAI does
		o.NumGroups, o.Norm.Groups = o.Norm.Groups, 0
	}
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

// norm is the normalisation with its number of groups.
func (o Options) norm() blocks.Norm {
	n := o.Norm
	if n.Name == blocks.NormGroup {
		n.Groups = o.NumGroups
	}
	return n
}

func (o Options) check() error {
	const mostChannels = 4096
	switch {
	case o.InChannels < 1 || o.InChannels > mostChannels:
		return fmt.Errorf("in_channels is %d, must be 1 to %d", o.InChannels, mostChannels)
	case o.OutChannels < 1 || o.OutChannels > mostChannels:
		return fmt.Errorf("out_channels is %d, must be 1 to %d", o.OutChannels, mostChannels)
	case o.NumGroups < 1:
		return fmt.Errorf("num_groups is %d, must be at least 1", o.NumGroups)
	case o.InitFilters < 1 || o.InitFilters > mostChannels:
		return fmt.Errorf("init_filters is %d, must be 1 to %d", o.InitFilters, mostChannels)
	case o.Norm.Name == blocks.NormGroup && o.InitFilters%o.NumGroups != 0:
		return fmt.Errorf("init_filters is %d, must be a multiple of num_groups (%d)", o.InitFilters, o.NumGroups)
	case !(o.Dropout >= 0 && o.Dropout < 1) || math.IsNaN(o.Dropout):
		return fmt.Errorf("dropout is %g, must be at least 0 and below 1", o.Dropout)
	}
	if err := o.norm().Check(o.InitFilters); err != nil {
		return err
	}
	if err := o.Act.Check(); err != nil {
		return err
	}
	if err := blocks.CheckUpsample(o.UpsampleMode); err != nil {
		return err
	}
	return o.checkBlocks()
}

func (o Options) checkBlocks() error {
	const mostLevels = 8
	if n := len(o.BlocksDown); n < 1 || n > mostLevels {
		return fmt.Errorf("blocks_down has %d levels, must have 1 to %d", n, mostLevels)
	}
	if len(o.BlocksUp) != len(o.BlocksDown)-1 {
		return fmt.Errorf("blocks_up has %d levels, must have one less than blocks_down (%d)", len(o.BlocksUp), len(o.BlocksDown))
	}
	if err := blocks.CheckCounts("blocks_down", o.BlocksDown); err != nil {
		return err
	}
	return blocks.CheckCounts("blocks_up", o.BlocksUp)
}
