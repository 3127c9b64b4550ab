package dynunet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// epsilon is PyTorch's default for normalisations.
const epsilon = 1e-5

// Forward describes the network: an encoder whose blocks divide the size by
// their stride, and a decoder that enlarges by transposed convolutions and joins
// the encoder's features, coarse first. Spatial sizes must be multiples of the
// product of all strides.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.config, in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	o := m.options
	deepest := len(o.Strides) - 1
	x, skips := in.Image, make([]nn.Value, 0, deepest+1)
	for i := range o.Strides {
		name := blockName(i, deepest)
		x = g.Segment(name, func() nn.Value { return m.block(g, x, name, o.KernelSize[i], o.Strides[i]) })
		skips = append(skips, x)
	}
	for i := range deepest {
		level, name := deepest-i, fmt.Sprintf("upsamples.%d", i)
		x = g.Segment(name, func() nn.Value {
			x := m.enlarge(g, x, name+".transp_conv.conv", o.UpsampleKernelSize[level-1])
			x = nn.Join(g, 1, x, skips[level-1])
			return m.block(g, x, name+".conv_block", o.KernelSize[level], levels.Size{1, 1, 1})
		})
	}
	return nn.Outputs{Logits: m.head(g, x, "output_block")}, nil
}

// block convolves, normalises and activates twice; the first convolution may
// divide the size.
func (m *Model) block(g nn.Graph, x nn.Value, name string, kernel, stride levels.Size) nn.Value {
	x = m.activated(g, m.conv(g, x, name+".conv1.conv", kernel, stride), name+".norm1")
	return m.activated(g, m.conv(g, x, name+".conv2.conv", kernel, levels.Size{1, 1, 1}), name+".norm2")
}

func (m *Model) activated(g nn.Graph, x nn.Value, norm string) nn.Value {
	const slope = 0.01
	return nn.LeakyReLU(g, nn.InstanceNorm(g, x, norm+".weight", norm+".bias", epsilon), slope)
}

// conv is a convolution without bias; dropout follows as in MONAI, element by
// element.
func (m *Model) conv(g nn.Graph, x nn.Value, name string, kernel, stride levels.Size) nn.Value {
	x = nn.Conv3d(g, x, name+".weight", "", nn.Conv{
		Stride: stride, Padding: padding(kernel, stride), Dilation: [3]int{1, 1, 1}, Groups: 1,
	})
	return nn.Dropout(g, x, m.options.Dropout, false)
}

// padding is MONAI's: half of what the kernel exceeds the stride by, rounded up.
func padding(kernel, stride levels.Size) [3]int {
	var p [3]int
	for axis := range p {
		p[axis] = (kernel[axis] - stride[axis] + 1) / 2
	}
	return p
}

// enlarge is a transposed convolution whose kernel is its stride.
func (m *Model) enlarge(g nn.Graph, x nn.Value, name string, stride levels.Size) nn.Value {
	x = nn.ConvTranspose3d(g, x, name+".weight", "", nn.ConvTranspose{
		Stride: stride, Dilation: [3]int{1, 1, 1}, Groups: 1,
	})
	return nn.Dropout(g, x, m.options.Dropout, false)
}

// head makes logits out of features. MONAI drops elements even of those.
func (m *Model) head(g nn.Graph, x nn.Value, name string) nn.Value {
	one := [3]int{1, 1, 1}
	x = nn.Conv3d(g, x, name+".conv.conv.weight", name+".conv.conv.bias", nn.Conv{Stride: one, Dilation: one, Groups: 1})
	return nn.Dropout(g, x, m.options.Dropout, false)
}
