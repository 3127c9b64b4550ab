package segresnet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Forward describes the network: an encoder that halves the size level by
// level, and a decoder that doubles it and adds the encoder's features. Spatial
// sizes must be multiples of 2^(levels-1), 8 by default.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	o := m.options
	x := o.first().Apply(g, in.Image, "convInit.conv")
	x = nn.Dropout(g, x, o.Dropout, true)
	var skips []nn.Value
	for i, count := range o.BlocksDown {
		name := fmt.Sprintf("down_layers.%d", i)
		x = g.Segment(name, func() nn.Value {
			x := x
			if i > 0 {
				x = o.halve(i).Apply(g, x, name+".0.conv")
			}
			for j := range count {
				x = o.block(g, x, fmt.Sprintf("%s.%d", name, j+1))
			}
			return x
		})
		skips = append(skips, x)
	}
	for i, count := range o.BlocksUp {
		skip := skips[o.below(i)-1]
		name := fmt.Sprintf("up_layers.%d", i)
		x = g.Segment(name, func() nn.Value {
			x := o.narrow(i).Apply(g, x, fmt.Sprintf("up_samples.%d.0.conv", i))
			x = nn.Add(g, o.enlarge(i).Apply(g, x, fmt.Sprintf("up_samples.%d.1", i)), skip)
			for j := range count {
				x = o.block(g, x, fmt.Sprintf("%s.%d", name, j))
			}
			return x
		})
	}
	if o.UseConvFinal {
		x = g.Segment("conv_final", func() nn.Value {
			x := o.Act.Apply(g, o.norm().Apply(g, x, "conv_final.0"), finalAct)
			return o.last().Apply(g, x, "conv_final.2.conv")
		})
	}
	return nn.Outputs{Logits: x}, nil
}

// block is the pre-activation residual block: twice normalise, activate,
// convolve, then add what came in. Both activations share their parameter.
func (o Options) block(g nn.Graph, x nn.Value, name string) nn.Value {
	y := x
	for _, n := range []string{"1", "2"} {
		y = o.Act.Apply(g, o.norm().Apply(g, y, name+".norm"+n), name+".act")
		y = keep(y.Dim(1)).Apply(g, y, name+".conv"+n+".conv")
	}
	return nn.Add(g, y, x)
}
