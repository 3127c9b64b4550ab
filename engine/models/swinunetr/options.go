package swinunetr

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
)

// The ways of merging eight neighbouring tokens into one. All have the same
// parameters, so that weights trained with one load into another without a
// word, and compute something else.
const (
	// Legacy is "merging" of MONAI up to 1.4: two of the eight neighbours come
	// twice and two never.
	Legacy = "legacy"
	// Fixed is "merging" of MONAI 1.5 and later: every neighbour once.
	Fixed = "fixed"
	// V2 is "mergingv2" of every MONAI: every neighbour once, in another order.
	V2 = "v2"
)

// Options are what can be chosen, under the names of MONAI's arguments. The
// defaults are MONAI's.
type Options struct {
	InChannels  int `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels int `json:"out_channels" jsonschema:"classes, background included"`
	FeatureSize int `json:"feature_size" jsonschema:"channels of the first level, a multiple of 12; each level below has twice as many (init_filters means the same)"`
	// Depths and NumHeads have one number for each of the four stages.
	Depths   []int `json:"depths" jsonschema:"transformer blocks at each of the four stages; every other one shifts its windows"`
	NumHeads []int `json:"num_heads" jsonschema:"attention heads at each of the four stages; each divides the channels there"`
	// Norm is the normalisation of the convolutional blocks. Those that UseV2
	// adds are always normalised by instance, as in MONAI.
	Norm            blocks.Norm `json:"norm_name" jsonschema:"normalisation of the convolutional blocks: instance, batch or group, or a pair such as [group, {num_groups: 4}]"`
	DropRate        float64     `json:"drop_rate" jsonschema:"probability that an element of the tokens is dropped while training (dropout means the same)"`
	AttnDropRate    float64     `json:"attn_drop_rate" jsonschema:"probability that an attention weight is dropped while training"`
	DropoutPathRate float64     `json:"dropout_path_rate" jsonschema:"probability that the last transformer block is skipped for a sample while training; it grows from 0 at the first"`
	Normalize       bool        `json:"normalize" jsonschema:"normalise the encoder's features before the decoder takes them"`
	UseV2           bool        `json:"use_v2" jsonschema:"a residual convolutional block before every stage (SwinUNETR-V2)"`
	// PatchMerging is Legacy, Fixed or V2. Empty means that nobody said: a new
	// network is Fixed then, and weights of other origin are refused.
	PatchMerging string `json:"patch_merging" jsonschema:"how tokens are merged: legacy (merging of MONAI up to 1.4), fixed (merging of MONAI 1.5 and later; the default) or v2 (mergingv2). Must be given to load weights that minivess did not save"`
}

// stages is the number of stages of the transformer.
const stages = 4

// Defaults returns MONAI's defaults, and its usual one channel and two classes.
func Defaults() Options {
	return Options{
		InChannels: 1, OutChannels: 2, FeatureSize: 24, Depths: []int{2, 2, 2, 2}, NumHeads: []int{3, 6, 12, 24},
		Norm: blocks.Norm{Name: blocks.NormInstance}, Normalize: true,
	}
}

// Small returns the options of a network that a computer without an accelerator
// trains: half of MONAI's width.
func Small() map[string]any { return map[string]any{"feature_size": 12} }

// decode fills the defaults with what was given and checks the result. Errors
// wrap adapter.ErrOption.
func decode(given map[string]any) (Options, error) {
	o := Defaults()
	// Every model understands these names; the others are MONAI's.
	given, err := blocks.Renamed(given, map[string]string{"init_filters": "feature_size", "dropout": "drop_rate"})
	if err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	if err := adapter.Decode(Name, given, &o); err != nil {
		return o, err
	}
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

func (o Options) check() error {
	const leastWidth = 12
	if err := cmp.Or(blocks.CheckChannels("in_channels", o.InChannels), blocks.CheckChannels("out_channels", o.OutChannels)); err != nil {
		return err
	}
	switch {
	case o.FeatureSize < leastWidth || o.FeatureSize > blocks.MostChannels || o.FeatureSize%leastWidth != 0:
		return fmt.Errorf("feature_size is %d, must be a multiple of %d, at most %d", o.FeatureSize, leastWidth, blocks.MostChannels)
	case len(o.Depths) != stages:
		return fmt.Errorf("depths has %d stages, must have %d", len(o.Depths), stages)
	case len(o.NumHeads) != stages:
		return fmt.Errorf("num_heads has %d stages, must have %d", len(o.NumHeads), stages)
	case !slices.Contains([]string{"", Legacy, Fixed, V2}, o.PatchMerging):
		return fmt.Errorf("patch_merging is %q, must be %s, %s or %s", o.PatchMerging, Legacy, Fixed, V2)
	}
	if err := blocks.CheckCounts("depths", o.Depths); err != nil {
		return err
	}
	for i := range stages {
		if h := o.NumHeads[i]; h < 1 || o.width(i)%h != 0 {
			return fmt.Errorf("num_heads is %d at stage %d, must divide its %d channels", h, i+1, o.width(i))
		}
	}
	for _, rate := range []struct {
		name  string
		value float64
	}{{"drop_rate", o.DropRate}, {"attn_drop_rate", o.AttnDropRate}, {"dropout_path_rate", o.DropoutPathRate}} {
		if !(rate.value >= 0 && rate.value < 1) || math.IsNaN(rate.value) {
			return fmt.Errorf("%s is %g, must be at least 0 and below 1", rate.name, rate.value)
		}
	}
	if err := o.Norm.Check(o.FeatureSize); err != nil {
		return fmt.Errorf("norm_name: %w", err)
	}
	return nil
}

// width is the number of channels at a stage, counted from 0.
func (o Options) width(stage int) int { return o.FeatureSize << stage }

// merging is the way of merging in use.
func (o Options) merging() string {
	if o.PatchMerging == "" {
		return Fixed
	}
	return o.PatchMerging
}

// pathRates returns the probability with which each block is skipped, stage by
// stage: evenly from 0 to DropoutPathRate, in single precision as PyTorch's
// linspace.
func (o Options) pathRates() [stages][]float64 {
	total := 0
	for _, n := range o.Depths {
		total += n
	}
	var out [stages][]float64
	at := 0
	for i, n := range o.Depths {
		for range n {
			out[i] = append(out[i], float64(linspace(float32(o.DropoutPathRate), total, at)))
			at++
		}
	}
	return out
}

// linspace is element i of count numbers from 0 to last.
func linspace(last float32, count, i int) float32 {
	step := last / float32(count-1)
	if i < count/2 {
		return step * float32(i)
	}
	return last - step*float32(count-1-i)
}
