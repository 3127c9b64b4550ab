package segresnetds

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// network is what the options come to.
type network struct {
	options Options
	norm    blocks.Norm
	scales  [][3]int // of every level of the encoder
}

func (o Options) network() network {
	return network{options: o, norm: o.norm(), scales: scales(o.Resolution, len(o.BlocksDown))}
}

// divisor is by what the network divides each axis on the way down.
func (n network) divisor() [3]int {
	d := blocks.Cube(1)
	for _, scale := range n.scales[:len(n.scales)-1] {
		for axis, s := range scale {
			d[axis] *= s
		}
	}
	return d
}

// declare lists the parameters in the order of MONAI's state_dict.
func (n network) declare() []nn.Param {
	var d blocks.Declaration
	n.first().Declare(&d, "encoder.conv_init")
	for i, count := range n.options.BlocksDown {
		name := fmt.Sprintf("encoder.layers.%d", i)
		for j := range count {
			n.declareBlock(&d, fmt.Sprintf("%s.blocks.%d", name, j), i)
		}
		if i < n.deepest() {
			n.halve(i).Declare(&d, name+".downsample")
		}
	}
	for i, count := range n.options.BlocksUp {
		name := fmt.Sprintf("up_layers.%d", i)
		n.enlarge(i).Declare(&d, name+".upsample")
		for j := range count {
			n.declareBlock(&d, fmt.Sprintf("%s.blocks.%d", name, j), n.level(i))
		}
		if n.supervised(i) {
			n.head(n.level(i)).Declare(&d, name+".head")
		}
	}
	if n.deepest() == 0 {
		n.head(0).Declare(&d, "up_layers.0.head")
	}
	return d.Params()
}

func (n network) declareBlock(d *blocks.Declaration, name string, level int) {
	for _, k := range []string{"1", "2"} {
		n.norm.Declare(d, name+".norm"+k, n.width(level))
		n.options.Act.Declare(d, name+".act"+k)
		n.keep(level).Declare(d, name+".conv"+k)
	}
}

// deepest is the last level, 0 being the finest.
func (n network) deepest() int { return len(n.scales) - 1 }

// level is the one that the decoder's i-th step arrives at.
func (n network) level(i int) int { return n.deepest() - 1 - i }

// supervised reports whether the decoder's i-th step has a head.
func (n network) supervised(i int) bool { return n.level(i) < n.options.DSDepth }

// width is the number of channels of a level.
func (n network) width(level int) int { return n.options.InitFilters << level }

func (n network) first() blocks.Conv {
	return blocks.Conv{In: n.options.InChannels, Out: n.options.InitFilters, Kernel: kernel(n.scales[0])}
}

// keep changes neither channels nor size.
func (n network) keep(level int) blocks.Conv {
	return blocks.Conv{In: n.width(level), Out: n.width(level), Kernel: kernel(n.scales[level])}
}

// halve leads from a level of the encoder to the next.
func (n network) halve(level int) blocks.Conv {
	return blocks.Conv{In: n.width(level), Out: n.width(level + 1), Kernel: kernel(n.scales[level]), Stride: n.scales[level]}
}

// enlarge starts the decoder's i-th step.
func (n network) enlarge(i int) blocks.Upsample {
	level := n.level(i)
	return blocks.Upsample{
		Mode: n.options.UpsampleMode, In: n.width(level + 1), Out: n.width(level),
		Scale: n.scales[level], Kernel: kernel(n.scales[level]),
	}
}

// head makes logits out of a level's features.
func (n network) head(level int) blocks.Conv {
	return blocks.Conv{In: n.width(level), Out: n.options.OutChannels, Kernel: blocks.Cube(1), Bias: true}
}
