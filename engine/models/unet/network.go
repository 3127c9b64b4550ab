package unet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// kernel is the size of every convolution but the short cuts that keep the size.
const kernel = 3

// Forward describes the network. Spatial sizes must be multiples of the product
// of the strides.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	return nn.Outputs{Logits: m.options.level(g, in.Image, "model", m.options.OutChannels, 0)}, nil
}

// level divides the size, computes what lies below, sets that beside what it was
// given, and multiplies the size again. The bottom only computes.
func (o Options) level(g nn.Graph, x nn.Value, name string, out, depth int) nn.Value {
	in, width := x.Dim(1), o.Channels[depth]
	if depth == len(o.Strides) {
		return g.Segment(name, func() nn.Value { return o.unit(in, width, 1).apply(g, x, name) })
	}
	stride := o.Strides[depth]
	down := g.Segment(name+".0", func() nn.Value { return o.unit(in, width, stride).apply(g, x, name+".0") })
	below := o.level(g, down, name+".1.submodule", width, depth+1)
	return g.Segment(name+".2", func() nn.Value {
		return o.up(width+below.Dim(1), out, depth).apply(g, nn.Join(g, 1, down, below), name+".2")
	})
}

// declare lists the parameters of a level in the order of MONAI's state_dict.
func (o Options) declare(d *blocks.Declaration, name string, in, out, depth int) {
	width := o.Channels[depth]
	if depth == len(o.Strides) {
		o.unit(in, width, 1).declare(d, name)
		return
	}
	o.unit(in, width, o.Strides[depth]).declare(d, name+".0")
	o.declare(d, name+".1.submodule", width, width, depth+1)
	below := width
	if depth+1 == len(o.Strides) {
		below = o.Channels[depth+1]
	}
	o.up(width+below, out, depth).declare(d, name+".2")
}

// unit is a chain of convolutions, beside a short cut when it is residual.
type unit struct {
	Options
	in, out, stride, count int
	last                   bool // nothing follows its last convolution
}

func (o Options) unit(in, out, stride int) unit {
	return unit{Options: o, in: in, out: out, stride: stride, count: o.NumResUnits}
}

func (u unit) conv(i int) blocks.Conv {
	c := blocks.Conv{In: u.out, Out: u.out, Kernel: blocks.Cube(kernel), Stride: blocks.Cube(1), Bias: u.Bias}
	if i == 0 {
		c.In, c.Stride = u.in, blocks.Cube(u.stride)
	}
	return c
}

// shortCut adapts what comes in to what goes out, when they differ.
func (u unit) shortCut() (c blocks.Conv, needed bool) {
	size := kernel
	if u.stride == 1 {
		size = 1
	}
	c = blocks.Conv{In: u.in, Out: u.out, Kernel: blocks.Cube(size), Stride: blocks.Cube(u.stride), Bias: u.Bias}
	return c, u.stride != 1 || u.in != u.out
}

func (u unit) apply(g nn.Graph, x nn.Value, name string) nn.Value {
	if u.count == 0 {
		return u.activated(g, u.conv(0).Apply(g, x, name+".conv"), name)
	}
	y := x
	for i := range u.count {
		part := fmt.Sprintf("%s.conv.unit%d", name, i)
		y = u.conv(i).Apply(g, y, part+".conv")
		if !u.last || i < u.count-1 {
			y = u.activated(g, y, part)
		}
	}
	if c, needed := u.shortCut(); needed {
		x = c.Apply(g, x, name+".residual")
	}
	return nn.Add(g, y, x)
}

func (u unit) declare(d *blocks.Declaration, name string) {
	if u.count == 0 {
		u.conv(0).Declare(d, name+".conv")
		u.declareActivated(d, name, u.out)
		return
	}
	for i := range u.count {
		part := fmt.Sprintf("%s.conv.unit%d", name, i)
		u.conv(i).Declare(d, part+".conv")
		if !u.last || i < u.count-1 {
			u.declareActivated(d, part, u.out)
		}
	}
	if c, needed := u.shortCut(); needed {
		c.Declare(d, name+".residual")
	}
}

// up is what multiplies the size: a transposed convolution and, in a residual
// network, a residual unit of one convolution. At the top nothing follows the
// last convolution.
type up struct {
	Options
	conv blocks.ConvTranspose
	top  bool
}

func (o Options) up(in, out, depth int) up {
	return up{Options: o, top: depth == 0, conv: blocks.ConvTranspose{
		In: in, Out: out, Kernel: blocks.Cube(kernel), Stride: blocks.Cube(o.Strides[depth]), Bias: o.Bias,
	}}
}

func (u up) unit() unit {
	return unit{Options: u.Options, in: u.conv.Out, out: u.conv.Out, stride: 1, count: 1, last: u.top}
}

func (u up) apply(g nn.Graph, x nn.Value, name string) nn.Value {
	if u.NumResUnits > 0 {
		x = u.activated(g, u.enlarge(g, x, name+".0.conv"), name+".0")
		return u.unit().apply(g, x, name+".1")
	}
	x = u.enlarge(g, x, name+".conv")
	if u.top {
		return x
	}
	return u.activated(g, x, name)
}

// enlarge pads by half the kernel whatever the stride, as MONAI does here.
func (u up) enlarge(g nn.Graph, x nn.Value, name string) nn.Value {
	bias := ""
	if u.Bias {
		bias = name + ".bias"
	}
	s := u.conv.Stride[0]
	return nn.ConvTranspose3d(g, x, name+".weight", bias, nn.ConvTranspose{
		Stride: blocks.Cube(s), Padding: blocks.Cube(kernel / 2), OutputPadding: blocks.Cube(s - 1), Dilation: blocks.Cube(1), Groups: 1,
	})
}

func (u up) declare(d *blocks.Declaration, name string) {
	switch {
	case u.NumResUnits > 0:
		u.conv.Declare(d, name+".0.conv")
		u.declareActivated(d, name+".0", u.conv.Out)
		u.unit().declare(d, name+".1")
	default:
		u.conv.Declare(d, name+".conv")
		if !u.top {
			u.declareActivated(d, name, u.conv.Out)
		}
	}
}

// activated normalises, drops and activates.
func (o Options) activated(g nn.Graph, x nn.Value, name string) nn.Value {
	x = nn.Dropout(g, o.Norm.Apply(g, x, name+".adn.N"), o.Dropout, false)
	return o.Act.Apply(g, x, name+".adn.A")
}

func (o Options) declareActivated(d *blocks.Declaration, name string, channels int) {
	o.Norm.Declare(d, name+".adn.N", channels)
	o.Act.Declare(d, name+".adn.A")
}
