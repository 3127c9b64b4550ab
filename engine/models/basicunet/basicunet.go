// Package basicunet is the U-Net of Falk et al., "U-Net: deep learning for cell
// counting, detection, and morphometry" (2019), as MONAI 1.4.0's BasicUNet has
// it: the same parameter names, so MONAI's weights load, and the same numbers.
package basicunet

import (
	"fmt"
	"io"
	"math"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "basicunet"

// MONAI's slope of the leaky ReLU, PyTorch's epsilon, and the levels.
const slope, epsilon, levels, divisor = 0.1, 1e-5, 5, 1 << 4

// Options are what can be chosen, by MONAI's names where it has one.
type Options struct {
	InChannels  int     `json:"in_channels" jsonschema:"channels of the image"`
	OutChannels int     `json:"out_channels" jsonschema:"classes, background included"`
	InitFilters int     `json:"init_filters" jsonschema:"channels of the first two levels; each level below has twice as many"`
	Dropout     float64 `json:"dropout" jsonschema:"probability that an element is dropped while training"`
}

// Defaults returns MONAI's defaults.
func Defaults() Options { return Options{InChannels: 1, OutChannels: 2, InitFilters: 32} }

// Small is a configuration for a computer without an accelerator.
func Small() map[string]any { return map[string]any{"init_filters": 8} }

// Model is a configured network. It holds no weights and may be shared.
type Model struct {
	adapter.Base
	options Options
}

// New makes the network that the options describe.
func New(options map[string]any) (*Model, error) {
	o := Defaults()
	if err := adapter.Decode(Name, options, &o); err != nil {
		return nil, err
	}
	if o.InChannels < 1 || o.OutChannels < 1 || o.InitFilters < 1 || math.IsNaN(o.Dropout) || o.Dropout < 0 || o.Dropout >= 1 {
		return nil, fmt.Errorf("%w: %s: %+v: channels must be at least 1 and dropout at least 0 and below 1", adapter.ErrOption, Name, o)
	}
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	return &Model{adapter.NewBase(adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: [3]int{divisor, divisor, divisor},
	}, declare(o)), o}, nil
}

// Recognise returns the options of the network with parameters of these shapes.
func Recognise(shapes map[string]nn.Shape) (map[string]any, bool) {
	first, last := shapes["conv_0.conv_0.conv.weight"], shapes["final_conv.weight"]
	if len(first) != 5 || len(last) != 5 {
		return nil, false
	}
	options := map[string]any{"in_channels": first[1], "init_filters": first[0], "out_channels": last[0]}
	m, err := New(options)
	return options, err == nil && adapter.Fits(m.TrainableParameters(), shapes)
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}

// Forward describes the network: four times halve the size, four times double
// it and set the encoder's features beside. Sizes are multiples of 16.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	two := [3]int{2, 2, 2}
	x := g.Segment("conv_0", func() nn.Value { return m.twoConv(g, in.Image, "conv_0") })
	var skips []nn.Value
	for i := 1; i < levels; i++ {
		skips = append(skips, x)
		name := fmt.Sprintf("down_%d.convs", i)
		x = g.Segment(name, func() nn.Value {
			return m.twoConv(g, g.Apply(nn.Pool{Function: nn.PoolMax, Kernel: two, Stride: two}, x), name)
		})
	}
	for i := levels - 1; i > 0; i-- {
		name := fmt.Sprintf("upcat_%d", i)
		x = g.Segment(name, func() nn.Value {
			deconv := name + ".upsample.deconv"
			up := nn.ConvTranspose3d(g, x, deconv+".weight", deconv+".bias", nn.ConvTranspose{Stride: two, Dilation: [3]int{1, 1, 1}, Groups: 1})
			return m.twoConv(g, nn.Join(g, 1, skips[i-1], up), name+".convs")
		})
	}
	return nn.Outputs{Logits: convolve(g, x, "final_conv", 0)}, nil
}

// twoConv is twice: convolve, normalise, drop, activate.
func (m *Model) twoConv(g nn.Graph, x nn.Value, name string) nn.Value {
	for i := range 2 {
		unit := fmt.Sprintf("%s.conv_%d", name, i)
		x = nn.InstanceNorm(g, convolve(g, x, unit+".conv", 1), unit+".adn.N.weight", unit+".adn.N.bias", epsilon)
		x = nn.LeakyReLU(g, nn.Dropout(g, x, m.options.Dropout, false), slope)
	}
	return x
}

func convolve(g nn.Graph, x nn.Value, name string, padding int) nn.Value {
	one, around := [3]int{1, 1, 1}, [3]int{padding, padding, padding}
	return nn.Conv3d(g, x, name+".weight", name+".bias", nn.Conv{Stride: one, Padding: around, Dilation: one, Groups: 1})
}

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) (params []nn.Param) {
	add := func(name string, shape nn.Shape, init nn.Init) {
		params = append(params, nn.Param{Name: name, Shape: shape, Init: init})
	}
	conv := func(name string, weight nn.Shape, out int) {
		init := nn.KaimingUniform(int(weight[1:].Elements())) // PyTorch's, for weight and bias
		add(name+".weight", weight, init)
		add(name+".bias", nn.Shape{out}, init)
	}
	twoConv := func(name string, in, out int) {
		for i := range 2 {
			unit := fmt.Sprintf("%s.conv_%d", name, i)
			conv(unit+".conv", nn.Shape{out, in, 3, 3, 3}, out)
			add(unit+".adn.N.weight", nn.Shape{out}, nn.Ones())
			add(unit+".adn.N.bias", nn.Shape{out}, nn.Zeros())
			in = out
		}
	}
	width := func(level int) int { return o.InitFilters << max(0, level-1) }
	twoConv("conv_0", o.InChannels, width(0))
	for i := range levels - 1 {
		twoConv(fmt.Sprintf("down_%d.convs", i+1), width(i), width(i+1))
	}
	for i := levels - 1; i > 0; i-- {
		name, up := fmt.Sprintf("upcat_%d", i), width(i-1)
		conv(name+".upsample.deconv", nn.Shape{width(i), up, 2, 2, 2}, up)
		twoConv(name+".convs", width(i-1)+up, width(i-1))
	}
	conv("final_conv", nn.Shape{o.OutChannels, width(0), 1, 1, 1}, o.OutChannels)
	return params
}
