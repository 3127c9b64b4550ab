package dynunet

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
)

// The limits of what is a plausible network. MONAI needs three levels.
const fewestLevels, mostLevels = 3, 10

// widest is where MONAI stops doubling the width of 3D networks.
const widest = 320

// Options are what can be chosen, under the names of MONAI's arguments.
type Options struct {
	InChannels  int `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels int `json:"out_channels" jsonschema:"channels of the logits, one a class"`
	// InitFilters is not an argument of MONAI's: it is filters[0].
	InitFilters        int               `json:"init_filters" jsonschema:"channels of the first level; each level below has twice as many, up to 320"`
	Filters            []int             `json:"filters" jsonschema:"channels level by level, in place of init_filters"`
	Strides            []levels.Size     `json:"strides" jsonschema:"what each level divides the size by: a number, or [x, y, z]; the first must be 1, and sizes multiples of the product"`
	KernelSize         []levels.Size     `json:"kernel_size" jsonschema:"convolution kernels level by level: an odd number, or [x, y, z]; 3 unless given"`
	UpsampleKernelSize []levels.Size     `json:"upsample_kernel_size" jsonschema:"kernels of the transposed convolutions; must be the strides without the first"`
	Dropout            float64           `json:"dropout" jsonschema:"probability that an element is dropped after each convolution while training, 0 for none"`
	NormName           blocks.Norm       `json:"norm_name" jsonschema:"normalisation: instance (without weights), batch, group, or a pair such as [\"instance\", {\"affine\": true}]"`
	ActName            blocks.Activation `json:"act_name" jsonschema:"activation: leakyrelu, relu, prelu, elu, selu, gelu, swish, mish and others, or a pair such as [\"leakyrelu\", {\"negative_slope\": 0.1}]"`
	DeepSupervision    bool              `json:"deep_supervision" jsonschema:"whether coarser levels have heads of their own while training"`
	DeepSuprNum        int               `json:"deep_supr_num" jsonschema:"how many such heads, from the second finest level down"`
	ResBlock           bool              `json:"res_block" jsonschema:"whether the encoder's blocks are residual; strides are then at most 2"`
	TransBias          bool              `json:"trans_bias" jsonschema:"whether the transposed convolutions have a bias"`
}

// Defaults returns MONAI's defaults. MONAI leaves the levels to the caller; here
// they are nnU-Net's usual six, with the widths that both give them.
func Defaults() Options {
	const count, first = 6, 32
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: first,
		Filters: levels.Widths(first, count, widest), Strides: levels.Halving(count),
		KernelSize: levels.Same(3, count), UpsampleKernelSize: levels.Same(2, count-1),
		NormName:    blocks.Norm{Name: blocks.NormInstance}.WithAffine(true),
		ActName:     blocks.Activation{Name: blocks.LeakyReLU},
		DeepSuprNum: 1,
	}
}

// Small returns the options of a network that a computer without an accelerator
// trains in minutes: four levels, with eight channels at the first.
func Small() map[string]any {
	return map[string]any{"init_filters": 8, "strides": []int{1, 2, 2, 2}}
}

// resolve reads the options and fills in what they leave out: the number of
// levels is that of the lists that are given.
func resolve(given map[string]any) (Options, error) {
	defaults := Defaults()
	o := defaults
	o.Filters, o.Strides, o.KernelSize, o.UpsampleKernelSize = nil, nil, nil, nil
	if err := adapter.Decode(Name, given, &o); err != nil {
		return Options{}, err
	}
	count := levels.Count(len(defaults.Strides), len(o.Strides), len(o.KernelSize), len(o.Filters))
	if o.Strides == nil {
		o.Strides = levels.Halving(count)
	}
	if o.KernelSize == nil {
		o.KernelSize = levels.Same(3, count)
	}
	if o.UpsampleKernelSize == nil {
		o.UpsampleKernelSize = slices.Clone(o.Strides[min(1, len(o.Strides)):])
	}
	if o.Filters == nil {
		o.Filters = levels.Widths(o.InitFilters, count, widest)
	} else if _, ok := given["init_filters"]; !ok && len(o.Filters) > 0 {
		o.InitFilters = o.Filters[0]
	}
	if len(o.Filters) > len(o.Strides) {
		o.Filters = o.Filters[:len(o.Strides)] // as MONAI does
	}
	if err := o.check(); err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

func (o Options) deepest() int { return len(o.Strides) - 1 }

func (o Options) divisor() [3]int { return levels.Product(o.Strides) }

// heads is the number of auxiliary heads.
func (o Options) heads() int {
	if !o.DeepSupervision {
		return 0
	}
	return o.DeepSuprNum
}

func (o Options) check() error {
	if err := cmp.Or(
		blocks.CheckChannels("in_channels", o.InChannels), blocks.CheckChannels("out_channels", o.OutChannels), blocks.CheckChannels("init_filters", o.InitFilters),
		blocks.CheckDropout(o.Dropout), o.checkLevels(),
	); err != nil {
		return err
	}
	if n := o.deepest() - 1; o.DeepSupervision && (o.DeepSuprNum < 1 || o.DeepSuprNum > n) {
		return fmt.Errorf("deep_supr_num is %d, must be 1 to %d with %d levels", o.DeepSuprNum, n, len(o.Strides))
	}
	return o.ActName.Check()
}

func (o Options) checkLevels() error {
	n := len(o.Strides)
	switch {
	case n < fewestLevels || n > mostLevels:
		return fmt.Errorf("strides has %d levels, must have %d to %d", n, fewestLevels, mostLevels)
	case len(o.KernelSize) != n:
		return fmt.Errorf("kernel_size has %d levels, strides has %d: give one for each", len(o.KernelSize), n)
	case len(o.Filters) < n:
		return fmt.Errorf("filters has %d levels, strides has %d: give one for each", len(o.Filters), n)
	case o.InitFilters != o.Filters[0]:
		return fmt.Errorf("init_filters is %d but filters begins with %d: leave one of them out", o.InitFilters, o.Filters[0])
	case o.Strides[0] != levels.Size(blocks.Cube(1)):
		return fmt.Errorf("strides begins with %v, must begin with 1: the logits have the size of the image", o.Strides[0])
	case !slices.Equal(o.UpsampleKernelSize, o.Strides[1:]):
		return fmt.Errorf("upsample_kernel_size is %v, must be %v: the strides without the first", o.UpsampleKernelSize, o.Strides[1:])
	}
	for i, filters := range o.Filters {
		if filters < 1 || filters > blocks.MostChannels {
			return fmt.Errorf("%d filters at level %d, must be 1 to %d", filters, i, blocks.MostChannels)
		}
		if err := o.NormName.Check(filters); err != nil {
			return err
		}
		if err := levels.Check(i, o.KernelSize[i], o.Strides[i]); err != nil {
			return err
		}
		for axis, k := range o.KernelSize[i] {
			if s := o.Strides[i][axis]; s > k+1 {
				return fmt.Errorf("stride %v at level %d: %d is too large for a kernel of %d", o.Strides[i], i, s, k)
			}
		}
		if o.ResBlock && slices.Max(o.Strides[i][:]) > 2 {
			return fmt.Errorf("stride %v at level %d: with res_block it must be at most 2", o.Strides[i], i)
		}
	}
	return nil
}
