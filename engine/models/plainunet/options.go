package plainunet

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
)

// The limits of what is a plausible network.
const fewestStages, mostStages = 2, 10

// widest is where nnU-Net stops doubling the width of 3D networks.
const widest = 320

// Options are what can be chosen, under the names that nnU-Net's plans give the
// arguments, but for in_channels, out_channels, init_filters, dropout and axes.
// "input_channels" and "num_classes" are taken too.
type Options struct {
	InChannels          int               `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels         int               `json:"out_channels" jsonschema:"channels of the logits, one a class"`
	InitFilters         int               `json:"init_filters" jsonschema:"channels of the first stage; each stage below has twice as many, up to 320"`
	Axes                string            `json:"axes" jsonschema:"order of the axes that the network sees: xyz, or zyx for weights that nnU-Net trained; kernels and strides are in that order"`
	Stages              int               `json:"n_stages" jsonschema:"resolutions, the bottom included"`
	FeaturesPerStage    []int             `json:"features_per_stage" jsonschema:"channels stage by stage, in place of init_filters"`
	KernelSizes         []levels.Size     `json:"kernel_sizes" jsonschema:"convolution kernels stage by stage: an odd number, or one for each axis; 3 unless given"`
	Strides             []levels.Size     `json:"strides" jsonschema:"what each stage divides the size by: a number, or one for each axis; the first must be 1, and sizes multiples of the product"`
	ConvPerStage        []int             `json:"n_conv_per_stage" jsonschema:"convolutions in each stage of the encoder"`
	ConvPerStageDecoder []int             `json:"n_conv_per_stage_decoder" jsonschema:"convolutions in each stage of the decoder, which has one stage less, deepest first"`
	ConvBias            bool              `json:"conv_bias" jsonschema:"whether convolutions have a bias"`
	Norm                blocks.Norm       `json:"norm_op" jsonschema:"normalisation: instance (without weights), batch, group, or a pair such as [\"instance\", {\"affine\": true, \"eps\": 1e-5}]"`
	Dropout             float64           `json:"dropout" jsonschema:"probability that a channel is dropped after each convolution while training, 0 for none"`
	Nonlin              blocks.Activation `json:"nonlin" jsonschema:"activation: leakyrelu, relu, prelu, elu, selu, gelu, swish, mish and others, or a pair such as [\"leakyrelu\", {\"negative_slope\": 0.1}]"`
	NonlinFirst         bool              `json:"nonlin_first" jsonschema:"whether activations come before normalisations"`
	DeepSupervision     bool              `json:"deep_supervision" jsonschema:"whether coarser stages give logits of their own while training"`
}

// Defaults returns what nnU-Net's planner chooses for large isotropic volumes:
// six stages of two convolutions, biased, with instance normalisation and leaky
// ReLUs.
func Defaults() Options {
	const count, first = 6, 32
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: first, Axes: "xyz", Stages: count,
		FeaturesPerStage: levels.Widths(first, count, widest), KernelSizes: levels.Same(3, count), Strides: levels.Halving(count),
		ConvPerStage: twos(count), ConvPerStageDecoder: twos(count - 1), ConvBias: true,
		Norm:   blocks.Norm{Name: blocks.NormInstance}.WithAffine(true),
		Nonlin: blocks.Activation{Name: blocks.LeakyReLU},
	}
}

// Small returns the options of a network that a computer without an accelerator
// trains in minutes: four stages, with eight channels at the first.
func Small() map[string]any { return map[string]any{"init_filters": 8, "n_stages": 4} }

func twos(count int) []int {
	out := make([]int, max(0, count))
	for i := range out {
		out[i] = 2
	}
	return out
}

// resolve reads the options and fills in what they leave out: the number of
// stages is n_stages, or that of the lists that are given.
func resolve(given map[string]any) (Options, error) {
	given, err := blocks.Renamed(given, map[string]string{"input_channels": "in_channels", "num_classes": "out_channels"})
	if err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	o := Defaults()
	usual := o.Stages
	o.Stages, o.FeaturesPerStage, o.KernelSizes, o.Strides, o.ConvPerStage, o.ConvPerStageDecoder = 0, nil, nil, nil, nil, nil
	if err := adapter.Decode(Name, given, &o); err != nil {
		return Options{}, err
	}
	if _, ok := given["n_stages"]; !ok {
		o.Stages = levels.Count(usual, len(o.Strides), len(o.KernelSizes), len(o.FeaturesPerStage), len(o.ConvPerStage))
	}
	if err := o.checkScalars(); err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	if o.Strides == nil {
		o.Strides = levels.Halving(o.Stages)
	}
	if o.KernelSizes == nil {
		o.KernelSizes = levels.Same(3, o.Stages)
	}
	if o.ConvPerStage == nil {
		o.ConvPerStage = twos(o.Stages)
	}
	if o.ConvPerStageDecoder == nil {
		o.ConvPerStageDecoder = twos(o.Stages - 1)
	}
	if o.FeaturesPerStage == nil {
		o.FeaturesPerStage = levels.Widths(o.InitFilters, o.Stages, widest)
	} else if _, ok := given["init_filters"]; !ok && len(o.FeaturesPerStage) > 0 {
		o.InitFilters = o.FeaturesPerStage[0]
	}
	if err := o.checkStages(); err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

func (o Options) deepest() int { return len(o.Strides) - 1 }

// order says which of the image's axes each of the network's is.
func (o Options) order() (order [3]int) {
	for i := range order {
		order[i] = strings.IndexByte("xyz", o.Axes[i])
	}
	return order
}

// divisor is what sizes must be multiples of, axis by axis of the image.
func (o Options) divisor() (d [3]int) {
	for i, n := range levels.Product(o.Strides) {
		d[o.order()[i]] = n
	}
	return d
}

// modules numbers the layers of a block.
func (o Options) modules() modules {
	first := conv + 1
	if o.Dropout > 0 {
		first++
	}
	if o.NonlinFirst {
		return modules{act: first, norm: first + 1}
	}
	return modules{norm: first, act: first + 1}
}

func (o Options) checkScalars() error {
	if err := cmp.Or(
		blocks.CheckChannels("in_channels", o.InChannels), blocks.CheckChannels("out_channels", o.OutChannels), blocks.CheckChannels("init_filters", o.InitFilters),
		blocks.CheckDropout(o.Dropout), o.Nonlin.Check(),
	); err != nil {
		return err
	}
	switch {
	case o.Stages < fewestStages || o.Stages > mostStages:
		return fmt.Errorf("there are %d stages, must be %d to %d", o.Stages, fewestStages, mostStages)
	case len(o.Axes) != 3 || !strings.Contains(o.Axes, "x") || !strings.Contains(o.Axes, "y") || !strings.Contains(o.Axes, "z"):
		return fmt.Errorf("axes is %q, must be xyz, zyx or another order of these letters", o.Axes)
	}
	return nil
}

// checkStages checks the lists, after all of them were filled in.
func (o Options) checkStages() error {
	for _, list := range []struct {
		name      string
		got, want int
	}{
		{"strides", len(o.Strides), o.Stages},
		{"kernel_sizes", len(o.KernelSizes), o.Stages},
		{"features_per_stage", len(o.FeaturesPerStage), o.Stages},
		{"n_conv_per_stage", len(o.ConvPerStage), o.Stages},
		{"n_conv_per_stage_decoder", len(o.ConvPerStageDecoder), o.Stages - 1},
	} {
		if list.got != list.want {
			return fmt.Errorf("%s has %d entries, must have %d for %d stages", list.name, list.got, list.want, o.Stages)
		}
	}
	switch {
	case o.InitFilters != o.FeaturesPerStage[0]:
		return fmt.Errorf("init_filters is %d but features_per_stage begins with %d: leave one of them out", o.InitFilters, o.FeaturesPerStage[0])
	case o.Strides[0] != levels.Size(blocks.Cube(1)):
		return fmt.Errorf("strides begins with %v, must begin with 1: the logits have the size of the image", o.Strides[0])
	}
	for s, features := range o.FeaturesPerStage {
		if features < 1 || features > blocks.MostChannels {
			return fmt.Errorf("%d features at stage %d, must be 1 to %d", features, s, blocks.MostChannels)
		}
		if err := o.Norm.Check(features); err != nil {
			return err
		}
		if err := levels.Check(s, o.KernelSizes[s], o.Strides[s]); err != nil {
			return err
		}
	}
	if err := blocks.CheckCounts("n_conv_per_stage", o.ConvPerStage); err != nil {
		return err
	}
	return blocks.CheckCounts("n_conv_per_stage_decoder", o.ConvPerStageDecoder)
}
