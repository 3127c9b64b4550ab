package swinunetr

import (
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// residual is MONAI's UnetResBlock of size 3 and stride 1: two convolutions
// with their normalisations, added to the input, which a third convolution
// brings to the same number of channels when it has another.
type residual struct {
	name    string
	in, out int
	norm    blocks.Norm
	from    int // decoders: channels of what is enlarged
}

// stageNorm is the normalisation of the blocks of SwinUNETR-V2.
func stageNorm() blocks.Norm { return blocks.Norm{Name: blocks.NormInstance} }

// encoders lists the blocks between the transformer and the decoder, in the
// order of the state_dict.
func encoders(o Options) []residual {
	f := o.FeatureSize
	return []residual{
		{name: "encoder1", in: o.InChannels, out: f, norm: o.Norm},
		{name: "encoder2", in: f, out: f, norm: o.Norm},
		{name: "encoder3", in: 2 * f, out: 2 * f, norm: o.Norm},
		{name: "encoder4", in: 4 * f, out: 4 * f, norm: o.Norm},
		{name: "encoder10", in: 16 * f, out: 16 * f, norm: o.Norm},
	}
}

// decoders lists the decoder's blocks, coarse first.
func decoders(o Options) []residual {
	f := o.FeatureSize
	block := func(name string, from, out int) residual {
		return residual{name: name, in: 2 * out, out: out, norm: o.Norm, from: from}
	}
	return []residual{
		block("decoder5", 16*f, 8*f), block("decoder4", 8*f, 4*f), block("decoder3", 4*f, 2*f),
		block("decoder2", 2*f, f), block("decoder1", f, f),
	}
}

// headName is the last convolution's name.
const headName = "out.conv.conv"

// head makes logits of the last features.
func head(o Options) blocks.Conv {
	return blocks.Conv{In: o.FeatureSize, Out: o.OutChannels, Kernel: blocks.Cube(1), Bias: true}
}

// enlarge doubles the size of what comes from below.
func (r residual) enlarge() blocks.ConvTranspose {
	return blocks.ConvTranspose{In: r.from, Out: r.out, Kernel: blocks.Cube(2), Stride: blocks.Cube(2)}
}

func (r residual) convs() (first, second, shortcut blocks.Conv) {
	return blocks.Conv{In: r.in, Out: r.out, Kernel: blocks.Cube(3)},
		blocks.Conv{In: r.out, Out: r.out, Kernel: blocks.Cube(3)},
		blocks.Conv{In: r.in, Out: r.out, Kernel: blocks.Cube(1)}
}

func (r residual) declare(d *blocks.Declaration, prefix string) {
	first, second, shortcut := r.convs()
	first.Declare(d, prefix+".conv1.conv")
	second.Declare(d, prefix+".conv2.conv")
	r.norm.Declare(d, prefix+".norm1", r.out)
	r.norm.Declare(d, prefix+".norm2", r.out)
	if r.in != r.out {
		shortcut.Declare(d, prefix+".conv3.conv")
		r.norm.Declare(d, prefix+".norm3", r.out)
	}
}

// apply takes and gives channels first: (N, in, X, Y, Z) to (N, out, X, Y, Z).
func (r residual) apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	const slope = 0.01
	first, second, shortcut := r.convs()
	y := r.norm.Apply(g, first.Apply(g, x, prefix+".conv1.conv"), prefix+".norm1")
	y = second.Apply(g, nn.LeakyReLU(g, y, slope), prefix+".conv2.conv")
	y = r.norm.Apply(g, y, prefix+".norm2")
	if r.in != r.out {
		x = r.norm.Apply(g, shortcut.Apply(g, x, prefix+".conv3.conv"), prefix+".norm3")
	}
	return nn.LeakyReLU(g, nn.Add(g, y, x), slope)
}
