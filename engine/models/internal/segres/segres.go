// Package segres is what the options of SegResNet and of its variant with deep
// supervision have in common.
package segres

import (
	"cmp"
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
)

// Common are the options that both have.
type Common struct {
	InChannels, OutChannels, InitFilters int
	BlocksDown, BlocksUp                 []int
	Dropout                              float64
	Norm                                 blocks.Norm // with its number of groups
	NumGroups                            int
	Act                                  blocks.Activation
	UpsampleMode                         string
}

// Decode reads a model's options into a struct: "dropout_prob" is taken for
// dropout, and "upsample" for upsample_mode.
func Decode(model string, options map[string]any, into any) error {
	options, err := blocks.Renamed(options, map[string]string{"dropout_prob": "dropout", "upsample": "upsample_mode"})
	if err != nil {
		return fmt.Errorf("%w: %s: %w", adapter.ErrOption, model, err)
	}
	return adapter.Decode(model, options, into)
}

// Settle brings to one form what can be said in two: "trilinear" is
// nontrainable, and the groups may be said with the normalisation, as MONAI does.
func Settle(norm *blocks.Norm, groups *int, upsample *string) {
	if *upsample == "trilinear" {
		*upsample = blocks.NonTrainable
	}
	if norm.Name == blocks.NormGroup && norm.Groups != 0 {
		*groups, norm.Groups = norm.Groups, 0
	}
}

// Grouped is a normalisation with that number of groups, if it has any.
func Grouped(norm blocks.Norm, groups int) blocks.Norm {
	if norm.Name == blocks.NormGroup {
		norm.Groups = groups
	}
	return norm
}

// Check refuses options that make no network.
func (c Common) Check() error {
	if c.NumGroups < 1 {
		return fmt.Errorf("num_groups is %d, must be at least 1", c.NumGroups)
	}
	if c.Norm.Name == blocks.NormGroup && c.InitFilters%c.NumGroups != 0 {
		return fmt.Errorf("init_filters is %d, must be a multiple of num_groups (%d)", c.InitFilters, c.NumGroups)
	}
	return cmp.Or(
		blocks.CheckChannels("in_channels", c.InChannels), blocks.CheckChannels("out_channels", c.OutChannels), blocks.CheckChannels("init_filters", c.InitFilters),
		blocks.CheckDropout(c.Dropout), c.Norm.Check(c.InitFilters), c.Act.Check(), blocks.CheckUpsample(c.UpsampleMode), c.checkBlocks(),
	)
}

func (c Common) checkBlocks() error {
	const mostLevels = 8
	if n := len(c.BlocksDown); n < 1 || n > mostLevels {
		return fmt.Errorf("blocks_down has %d levels, must have 1 to %d", n, mostLevels)
	}
	if len(c.BlocksUp) != len(c.BlocksDown)-1 {
		return fmt.Errorf("blocks_up has %d levels, must have one less than blocks_down (%d)", len(c.BlocksUp), len(c.BlocksDown))
	}
	return cmp.Or(blocks.CheckCounts("blocks_down", c.BlocksDown), blocks.CheckCounts("blocks_up", c.BlocksUp))
}
