package dynunet

import (
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/levels"
)

// The limits of what is a plausible network.
const (
	fewestLevels, mostLevels = 3, 10
	mostChannels             = 4096
	mostKernel               = 15
)

// widest is where MONAI stops doubling the width of 3D networks.
const widest = 320

// Options are what can be chosen, under the names of MONAI's arguments.
type Options struct {
	InChannels  int `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels int `json:"out_channels" jsonschema:"classes, background included"`
	// InitFilters is not an argument of MONAI's: it is filters[0].
	InitFilters int `json:"init_filters" jsonschema:"channels of the first level; each level below has twice as many, up to 320"`
	// Filters are MONAI's filters.
	Filters            []int         `json:"filters" jsonschema:"channels level by level, instead of init_filters"`
	Strides            []levels.Size `json:"strides" jsonschema:"what each level divides the size by, as one number or [x, y, z]; the first is 1"`
	KernelSize         []levels.Size `json:"kernel_size" jsonschema:"convolution kernels level by level, as one odd number or [x, y, z]; 3 by default"`
	UpsampleKernelSize []levels.Size `json:"upsample_kernel_size" jsonschema:"kernels of the transposed convolutions; must be strides without the first"`
	Dropout            float64       `json:"dropout" jsonschema:"probability that an element is dropped after each convolution while training"`
}

// Defaults returns the defaults. MONAI leaves the levels to the caller; these
// are nnU-Net's usual six, with the widths that MONAI and nnU-Net give them.
func Defaults() Options {
	const count, first = 6, 32
	return Options{
		InChannels: 1, OutChannels: 2, InitFilters: first,
		Filters: levels.Widths(first, count, widest), Strides: levels.Halving(count),
		KernelSize: levels.Same(3, count), UpsampleKernelSize: levels.Same(2, count-1),
	}
}

// Small returns the options of a network that a computer without an accelerator
// trains in minutes: four levels, eight channels at the first.
func Small() map[string]any {
	return map[string]any{"init_filters": 8, "strides": []int{1, 2, 2, 2}}
}

// resolve fills in what the options leave out.
func resolve(given map[string]any) (Options, error) {
	defaults := Defaults()
	o := defaults
	o.Filters, o.Strides, o.KernelSize, o.UpsampleKernelSize = nil, nil, nil, nil
	if err := adapter.Decode(Name, given, &o); err != nil {
		return Options{}, err
	}
	count := len(defaults.Strides)
	for _, n := range []int{len(o.Filters), len(o.KernelSize), len(o.Strides)} {
		if n > 0 {
			count = n
		}
	}
	if count >= fewestLevels && count <= mostLevels {
		if len(o.Strides) == 0 {
			o.Strides = levels.Halving(count)
		}
		if len(o.KernelSize) == 0 {
			o.KernelSize = levels.Same(3, count)
		}
		if len(o.UpsampleKernelSize) == 0 {
			o.UpsampleKernelSize = o.Strides[1:]
		}
	}
	if len(o.Filters) > 0 {
		if _, ok := given["init_filters"]; !ok {
			o.InitFilters = o.Filters[0]
		}
	} else if o.InitFilters > 0 && o.InitFilters <= mostChannels && count <= mostLevels {
		o.Filters = levels.Widths(o.InitFilters, count, widest)
	}
	if err := o.check(); err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	return o, nil
}

func (o Options) divisor() [3]int { return levels.Product(o.Strides) }

func (o Options) check() error {
	switch {
	case o.InChannels < 1 || o.InChannels > mostChannels:
		return fmt.Errorf("in_channels is %d, must be 1 to %d", o.InChannels, mostChannels)
	case o.OutChannels < 1 || o.OutChannels > mostChannels:
		return fmt.Errorf("out_channels is %d, must be 1 to %d", o.OutChannels, mostChannels)
	case o.InitFilters < 1 || o.InitFilters > mostChannels:
		return fmt.Errorf("init_filters is %d, must be 1 to %d", o.InitFilters, mostChannels)
	case len(o.Strides) < fewestLevels || len(o.Strides) > mostLevels:
		return fmt.Errorf("strides has %d levels, must have %d to %d", len(o.Strides), fewestLevels, mostLevels)
	case !(o.Dropout >= 0 && o.Dropout < 1) || math.IsNaN(o.Dropout):
		return fmt.Errorf("dropout is %g, must be at least 0 and below 1", o.Dropout)
	}
	return nil
}
