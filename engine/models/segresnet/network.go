package segresnet

import (
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// The last activation's two names: MONAI keeps the module in two places.
const (
	finalAct  = "conv_final.1"
	secondAct = "act_mod"
)

// further returns the other name of a declared tensor.
func further(name string) []string {
	if rest, ok := strings.CutPrefix(name, finalAct+"."); ok {
		return []string{secondAct + "." + rest}
	}
	return nil
}

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) []nn.Param {
	var d blocks.Declaration
	o.first().Declare(&d, "convInit.conv")
	for i, count := range o.BlocksDown {
		if i > 0 {
			o.halve(i).Declare(&d, fmt.Sprintf("down_layers.%d.0.conv", i))
		}
		for j := range count {
			o.declareBlock(&d, fmt.Sprintf("down_layers.%d.%d", i, j+1), o.width(i))
		}
	}
	for i, count := range o.BlocksUp {
		for j := range count {
			o.declareBlock(&d, fmt.Sprintf("up_layers.%d.%d", i, j), o.width(o.below(i)-1))
		}
	}
	for i := range o.BlocksUp {
		o.narrow(i).Declare(&d, fmt.Sprintf("up_samples.%d.0.conv", i))
		o.enlarge(i).Declare(&d, fmt.Sprintf("up_samples.%d.1", i))
	}
	var final blocks.Declaration
	o.norm().Declare(&final, "conv_final.0", o.InitFilters)
	o.Act.Declare(&final, finalAct)
	o.last().Declare(&final, "conv_final.2.conv")
	if !o.UseConvFinal {
		d.Keep(final.Params()...)
		return d.Params()
	}
	return append(d.Params(), final.Params()...)
}

func (o Options) declareBlock(d *blocks.Declaration, name string, channels int) {
	o.norm().Declare(d, name+".norm1", channels)
	o.norm().Declare(d, name+".norm2", channels)
	o.Act.Declare(d, name+".act")
	keep(channels).Declare(d, name+".conv1.conv")
	keep(channels).Declare(d, name+".conv2.conv")
}

// width is the number of channels of a level, 0 being the finest.
func (o Options) width(level int) int { return o.InitFilters << level }

// below is the level that the decoder's i-th step starts from.
func (o Options) below(i int) int { return len(o.BlocksDown) - 1 - i }

func (o Options) first() blocks.Conv {
	return blocks.Conv{In: o.InChannels, Out: o.InitFilters, Kernel: blocks.Cube(3)}
}

// halve comes before the blocks of a level of the encoder.
func (o Options) halve(level int) blocks.Conv {
	return blocks.Conv{In: o.width(level - 1), Out: o.width(level), Kernel: blocks.Cube(3), Stride: blocks.Cube(2)}
}

// narrow halves the channels before the decoder's i-th step enlarges them.
func (o Options) narrow(i int) blocks.Conv {
	level := o.below(i)
	return blocks.Conv{In: o.width(level), Out: o.width(level - 1), Kernel: blocks.Cube(1)}
}

func (o Options) enlarge(i int) blocks.Upsample {
	channels := o.width(o.below(i) - 1)
	return blocks.Upsample{Mode: o.UpsampleMode, In: channels, Out: channels, Scale: blocks.Cube(2), Bias: true}
}

func (o Options) last() blocks.Conv {
	return blocks.Conv{In: o.InitFilters, Out: o.OutChannels, Kernel: blocks.Cube(1), Bias: true}
}

// keep changes neither channels nor size.
func keep(channels int) blocks.Conv {
	return blocks.Conv{In: channels, Out: channels, Kernel: blocks.Cube(3)}
}
