package segresnetds

import (
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Forward describes the network: an encoder that halves the size level by
// level, along the axes that are fine enough, and a decoder that doubles it and
// adds the encoder's features. The logits have the image's size; with dsdepth
// above 1 the auxiliary heads are those of the next coarser levels, finest
// first. Spatial sizes must be multiples of Config().Divisor.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	n := m.network
	x := n.first().Apply(g, in.Image, "encoder.conv_init")
	x = nn.Dropout(g, x, n.options.Dropout, true)
	skips := make([]nn.Value, 0, len(n.scales))
	for level, count := range n.options.BlocksDown {
		name := fmt.Sprintf("encoder.layers.%d", level)
		x = g.Segment(name, func() nn.Value {
			x := x
			if level > 0 {
				x = n.halve(level-1).Apply(g, x, fmt.Sprintf("encoder.layers.%d.downsample", level-1))
			}
			return n.blocks(g, x, name, count, level)
		})
		skips = append(skips, x)
	}
	heads := n.decode(g, x, skips)
	slices.Reverse(heads)
	return nn.Outputs{Logits: heads[0], Auxiliary: heads[1:]}, nil
}

// decode returns the heads, coarsest first.
func (n network) decode(g nn.Graph, x nn.Value, skips []nn.Value) (heads []nn.Value) {
	if n.deepest() == 0 {
		return []nn.Value{n.head(0).Apply(g, x, "up_layers.0.head")}
	}
	for i, count := range n.options.BlocksUp {
		name, level := fmt.Sprintf("up_layers.%d", i), n.level(i)
		x = g.Segment(name, func() nn.Value {
			x := nn.Add(g, n.enlarge(i).Apply(g, x, name+".upsample"), skips[level])
			return n.blocks(g, x, name, count, level)
		})
		if n.supervised(i) {
			heads = append(heads, n.head(level).Apply(g, x, name+".head"))
		}
	}
	return heads
}

// blocks are pre-activation residual blocks: twice normalise, activate,
// convolve, then add what came in.
func (n network) blocks(g nn.Graph, x nn.Value, layer string, count, level int) nn.Value {
	for j := range count {
		name := fmt.Sprintf("%s.blocks.%d", layer, j)
		y := x
		for _, k := range []string{"1", "2"} {
			y = n.options.Act.Apply(g, n.norm.Apply(g, y, name+".norm"+k), name+".act"+k)
			y = n.keep(level).Apply(g, y, name+".conv"+k)
		}
		x = nn.Add(g, y, x)
	}
	return x
}
