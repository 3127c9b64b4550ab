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
	if err := adapter.CheckSize(m.config, in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	o := m.options
	x := conv3(g, in.Image, "convInit.conv.weight", 1)
	x = nn.Dropout(g, x, o.Dropout, true)
	var skips []nn.Value
	for i, blocks := range o.BlocksDown {
		name := fmt.Sprintf("down_layers.%d", i)
		x = g.Segment(name, func() nn.Value {
			x := x
			if i > 0 {
				x = conv3(g, x, name+".0.conv.weight", 2)
			}
			for j := range blocks {
				x = m.block(g, x, fmt.Sprintf("%s.%d", name, j+1))
			}
			return x
		})
		skips = append(skips, x)
	}
	for i, blocks := range o.BlocksUp {
		skip := skips[len(skips)-2-i]
		x = g.Segment(fmt.Sprintf("up_layers.%d", i), func() nn.Value {
			x := nn.Add(g, m.enlarge(g, x, fmt.Sprintf("up_samples.%d", i)), skip)
			for j := range blocks {
				x = m.block(g, x, fmt.Sprintf("up_layers.%d.%d", i, j))
			}
			return x
		})
	}
	x = g.Segment("conv_final", func() nn.Value {
		return conv1(g, m.activated(g, x, "conv_final.0"), "conv_final.2.conv.weight", "conv_final.2.conv.bias")
	})
	return nn.Outputs{Logits: x}, nil
}

// block is the pre-activation residual block: twice normalise, activate,
// convolve, then add what came in.
func (m *Model) block(g nn.Graph, x nn.Value, name string) nn.Value {
	y := conv3(g, m.activated(g, x, name+".norm1"), name+".conv1.conv.weight", 1)
	y = conv3(g, m.activated(g, y, name+".norm2"), name+".conv2.conv.weight", 1)
	return nn.Add(g, y, x)
}

func (m *Model) activated(g nn.Graph, x nn.Value, norm string) nn.Value {
	return nn.ReLU(g, nn.GroupNorm(g, x, norm+".weight", norm+".bias", m.options.NumGroups, epsilon))
}

// enlarge halves the channels and doubles the size.
func (m *Model) enlarge(g nn.Graph, x nn.Value, name string) nn.Value {
	x = conv1(g, x, name+".0.conv.weight", "")
	if m.options.Upsample == Trilinear {
		return nn.Upsample(g, x, nn.ResizeTrilinear, 2)
	}
	two, one := [3]int{2, 2, 2}, [3]int{1, 1, 1}
	return nn.ConvTranspose3d(g, x, name+".1.deconv.weight", name+".1.deconv.bias",
		nn.ConvTranspose{Stride: two, Dilation: one, Groups: 1})
}

// conv3 is a 3×3×3 convolution that keeps the size (or divides it by stride).
func conv3(g nn.Graph, x nn.Value, weight string, stride int) nn.Value {
	one := [3]int{1, 1, 1}
	return nn.Conv3d(g, x, weight, "", nn.Conv{Stride: [3]int{stride, stride, stride}, Padding: one, Dilation: one, Groups: 1})
}

// conv1 mixes channels voxel by voxel.
func conv1(g nn.Graph, x nn.Value, weight, bias string) nn.Value {
	one := [3]int{1, 1, 1}
	return nn.Conv3d(g, x, weight, bias, nn.Conv{Stride: one, Dilation: one, Groups: 1})
}
