package dynunet

import (
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// Forward describes the network: an encoder whose blocks divide the size by
// their stride, and a decoder that enlarges by transposed convolutions and joins
// the encoder's features. Spatial sizes must be multiples of the product of all
// strides; MONAI asks for twice that along one axis at least, because training
// through an instance normalisation of a single voxel teaches nothing.
//
// With deep supervision the auxiliary heads are MONAI's before it enlarges them
// to the size of the logits (by nearest neighbours) and stacks them: each has the
// size of its level, finest first.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	o, deepest := m.options, m.options.deepest()
	x, skips := in.Image, make([]nn.Value, 0, deepest+1)
	for i := range o.Strides {
		name := blockName(i, deepest)
		x = g.Segment(name, func() nn.Value { return m.block(g, x, name, i, o.Strides[i], o.ResBlock) })
		skips = append(skips, x)
	}
	var auxiliary []nn.Value
	for level := deepest - 1; level >= 0; level-- {
		name := upName(level, deepest)
		x = g.Segment(name, func() nn.Value {
			up := m.enlarge(g, x, name+".transp_conv.conv", o.Strides[level+1])
			return m.block(g, nn.Join(g, 1, up, skips[level]), name+".conv_block", level+1, levels.Size(blocks.Cube(1)), false)
		})
		if level > 0 && level <= o.heads() {
			auxiliary = append(auxiliary, m.head(g, x, level))
		}
	}
	slices.Reverse(auxiliary)
	return nn.Outputs{Logits: m.head(g, x, 0), Auxiliary: auxiliary}, nil
}

// block convolves, normalises and activates twice, with the kernel of that
// level. The first convolution divides the size by the stride. A residual block
// adds what came in before it activates for the second time.
func (m *Model) block(g nn.Graph, x nn.Value, name string, level int, stride levels.Size, residual bool) nn.Value {
	o, kernel, one := m.options, m.options.KernelSize[level], levels.Size(blocks.Cube(1))
	y := o.NormName.Apply(g, m.conv(g, x, name+".conv1.conv", kernel, stride), name+".norm1")
	y = o.ActName.Apply(g, y, name+".lrelu")
	y = o.NormName.Apply(g, m.conv(g, y, name+".conv2.conv", kernel, one), name+".norm2")
	if residual {
		if shortcut(x.Dim(1), y.Dim(1), stride) {
			x = o.NormName.Apply(g, m.conv(g, x, name+".conv3.conv", one, stride), name+".norm3")
		}
		y = nn.Add(g, y, x)
	}
	return o.ActName.Apply(g, y, name+".lrelu")
}

// conv is a convolution without bias. Dropout follows as in MONAI, element by
// element.
func (m *Model) conv(g nn.Graph, x nn.Value, name string, kernel, stride levels.Size) nn.Value {
	x = nn.Conv3d(g, x, name+".weight", "", nn.Conv{
		Stride: stride, Padding: padding(kernel, stride), Dilation: blocks.Cube(1), Groups: 1,
	})
	return nn.Dropout(g, x, m.options.Dropout, false)
}

// padding is MONAI's: half of what the kernel exceeds the stride by, rounded up.
func padding(kernel, stride levels.Size) (p [3]int) {
	for axis := range p {
		p[axis] = (kernel[axis] - stride[axis] + 1) / 2
	}
	return p
}

// enlarge is a transposed convolution whose kernel is its stride.
func (m *Model) enlarge(g nn.Graph, x nn.Value, name string, stride levels.Size) nn.Value {
	bias := ""
	if m.options.TransBias {
		bias = name + ".bias"
	}
	x = nn.ConvTranspose3d(g, x, name+".weight", bias, nn.ConvTranspose{Stride: stride, Dilation: blocks.Cube(1), Groups: 1})
	return nn.Dropout(g, x, m.options.Dropout, false)
}

// head makes logits out of a level's features. MONAI drops elements even of
// those.
func (m *Model) head(g nn.Graph, x nn.Value, level int) nn.Value {
	one, name := blocks.Cube(1), headName(level)+".conv.conv"
	x = nn.Conv3d(g, x, name+".weight", name+".bias", nn.Conv{Stride: one, Dilation: one, Groups: 1})
	return nn.Dropout(g, x, m.options.Dropout, false)
}
