package segresnetds

import (
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/segres"
)

// Options are what can be chosen. The defaults are MONAI's, and so are the names
// where it has them; "trilinear" is taken for the upsample_mode nontrainable.
type Options struct {
	InChannels   int               `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels  int               `json:"out_channels" jsonschema:"channels of the logits, one a class"`
	InitFilters  int               `json:"init_filters" jsonschema:"channels of the first level; each level below has twice as many"`
	BlocksDown   []int             `json:"blocks_down" jsonschema:"residual blocks at each level of the encoder; sizes must be multiples of 2^(levels-1), or less where resolution says so"`
	BlocksUp     []int             `json:"blocks_up" jsonschema:"residual blocks at each level of the decoder, which has one level less, deepest first; one each when left out"`
	DSDepth      int               `json:"dsdepth" jsonschema:"outputs of deep supervision, counting the full-size one: 1 for none; more than the decoder has levels means one at each"`
	Resolution   []float64         `json:"resolution" jsonschema:"voxel size along x, y and z: coarse axes are neither convolved nor halved until the others are as coarse; all alike when left out"`
	Dropout      float64           `json:"dropout" jsonschema:"probability that a channel is dropped after the first convolution while training, 0 for none; MONAI's network has none"`
	Norm         blocks.Norm       `json:"norm" jsonschema:"normalisation: batch, group, instance (with weights), or a pair such as [\"instance\", {\"affine\": false}]"`
	NumGroups    int               `json:"num_groups" jsonschema:"number of groups of group normalisation"`
	Act          blocks.Activation `json:"act" jsonschema:"activation: relu, relu6, leakyrelu, prelu, elu, celu, selu, gelu, swish, mish, sigmoid, tanh, or a pair such as [\"leakyrelu\", {\"negative_slope\": 0.1}]"`
	UpsampleMode string            `json:"upsample_mode" jsonschema:"how the decoder enlarges feature maps: deconv, deconvgroup, nontrainable (trilinear) or pixelshuffle"`
}

// Defaults returns MONAI's defaults.
func Defaults() Options {
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: 32, BlocksDown: []int{1, 2, 2, 4}, DSDepth: 1,
		Norm: blocks.Norm{Name: blocks.NormBatch}, NumGroups: 8, Act: blocks.Activation{Name: blocks.ReLU},
		UpsampleMode: blocks.Deconv,
	}
}

// Small returns the options of a configuration that a computer without an
// accelerator trains in minutes. Patches there come one or two at a time, too
// few for batch normalisation.
func Small() map[string]any {
	return map[string]any{"init_filters": 8, "norm": blocks.NormInstance, "dsdepth": 2}
}

// decode reads, checks and completes the options.
func decode(options map[string]any) (Options, error) {
	o := Defaults()
	if err := segres.Decode(Name, options, &o); err != nil {
		return o, err
	}
	segres.Settle(&o.Norm, &o.NumGroups, &o.UpsampleMode)
	up := max(len(o.BlocksDown), 1) - 1
	if len(o.BlocksUp) == 0 {
		o.BlocksUp = slices.Repeat([]int{1}, up)
	}
	o.DSDepth = min(o.DSDepth, max(up, 1))
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

// norm is the normalisation with its number of groups; all have weights unless
// told otherwise.
func (o Options) norm() blocks.Norm { return segres.Grouped(o.Norm.WithAffine(true), o.NumGroups) }

func (o Options) check() error {
	common := segres.Common{
		InChannels: o.InChannels, OutChannels: o.OutChannels, InitFilters: o.InitFilters, BlocksDown: o.BlocksDown, BlocksUp: o.BlocksUp,
		Dropout: o.Dropout, Norm: o.norm(), NumGroups: o.NumGroups, Act: o.Act, UpsampleMode: o.UpsampleMode,
	}
	if err := common.Check(); err != nil {
		return err
	}
	if o.DSDepth < 1 {
		return fmt.Errorf("dsdepth is %d, must be at least 1", o.DSDepth)
	}
	if err := o.checkResolution(); err != nil {
		return err
	}
	return o.checkUpsample()
}

func (o Options) checkResolution() error {
	if len(o.Resolution) != 0 && len(o.Resolution) != 3 {
		return fmt.Errorf("resolution has %d numbers, must have 3 (x, y, z) or none", len(o.Resolution))
	}
	for _, r := range o.Resolution {
		if !(r > 0) || math.IsInf(r, 0) {
			return fmt.Errorf("resolution %v must be positive", o.Resolution)
		}
	}
	return nil
}

// checkUpsample refuses what MONAI's network fails at only when it runs: voxels
// are shuffled by the same factor along all axes.
func (o Options) checkUpsample() error {
	scales := o.network().scales
	for _, s := range scales[:len(scales)-1] {
		if o.UpsampleMode == blocks.PixelShuffle && s != blocks.Cube(2) {
			return fmt.Errorf("upsample_mode pixelshuffle doubles all axes alike, resolution %v asks for %v: choose deconv or nontrainable",
				o.Resolution, s)
		}
	}
	return nil
}
