package plainunet

import (
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// Forward describes the network: an encoder of stages whose first convolution
// divides the size by the stage's stride, and a decoder that enlarges by
// transposed convolutions and joins the encoder's features. Spatial sizes must
// be multiples of the product of all strides.
//
// With deep supervision every other stage of the decoder has an auxiliary head
// of its own size, finest first, as nnU-Net returns them.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	o, deepest := m.options, m.options.deepest()
	x, skips := m.turned(g, in.Image, false), make([]nn.Value, 0, deepest+1)
	for s, count := range o.ConvPerStage {
		stride := o.Strides[s]
		x = g.Segment(fmt.Sprintf("encoder.stages.%d", s), func() nn.Value {
			x := x
			for i := range count {
				x = m.block(g, x, encoderBlock(s, i), s, stride)
				stride = levels.Size(blocks.Cube(1))
			}
			return x
		})
		skips = append(skips, x)
	}
	var heads []nn.Value
	for s, count := range o.ConvPerStageDecoder {
		level := deepest - 1 - s
		x = g.Segment(fmt.Sprintf("decoder.stages.%d", s), func() nn.Value {
			up := m.enlarge(g, x, upName(s), o.Strides[level+1])
			x := nn.Join(g, 1, up, skips[level])
			for i := range count {
				x = m.block(g, x, decoderBlock(s, i), level, levels.Size(blocks.Cube(1)))
			}
			return x
		})
		if o.DeepSupervision || level == 0 {
			one := blocks.Cube(1)
			h := nn.Conv3d(g, x, headName(s)+".weight", headName(s)+".bias", nn.Conv{Stride: one, Dilation: one, Groups: 1})
			heads = append(heads, m.turned(g, h, true))
		}
	}
	slices.Reverse(heads)
	return nn.Outputs{Logits: heads[0], Auxiliary: heads[1:]}, nil
}

// turned brings an image's axes into the network's order, or back.
func (m *Model) turned(g nn.Graph, x nn.Value, back bool) nn.Value {
	order := m.options.order()
	if order == [3]int{0, 1, 2} {
		return x
	}
	axes := []int{0, 1, 0, 0, 0}
	for to, from := range order {
		if back {
			axes[2+from] = 2 + to
		} else {
			axes[2+to] = 2 + from
		}
	}
	return nn.Transpose(g, x, axes...)
}

// block convolves with the kernel of a level, drops channels, normalises and
// activates; with nonlin_first the last two change places.
func (m *Model) block(g nn.Graph, x nn.Value, name string, level int, stride levels.Size) nn.Value {
	o, k := m.options, m.options.KernelSizes[level]
	x = nn.Conv3d(g, x, name+".conv.weight", m.bias(name+".conv"), nn.Conv{
		Stride: stride, Padding: [3]int{k[0] / 2, k[1] / 2, k[2] / 2}, Dilation: blocks.Cube(1), Groups: 1,
	})
	x = nn.Dropout(g, x, o.Dropout, true)
	if o.NonlinFirst {
		return o.Norm.Apply(g, o.Nonlin.Apply(g, x, name+".nonlin"), name+".norm")
	}
	return o.Nonlin.Apply(g, o.Norm.Apply(g, x, name+".norm"), name+".nonlin")
}

// enlarge is a transposed convolution whose kernel is its stride.
func (m *Model) enlarge(g nn.Graph, x nn.Value, name string, stride levels.Size) nn.Value {
	return nn.ConvTranspose3d(g, x, name+".weight", m.bias(name),
		nn.ConvTranspose{Stride: stride, Dilation: blocks.Cube(1), Groups: 1})
}

// bias is the name of a convolution's bias, "" when there is none.
func (m *Model) bias(name string) string {
	if !m.options.ConvBias {
		return ""
	}
	return name + ".bias"
}
