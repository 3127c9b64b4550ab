package dynunet

import (
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) []nn.Param {
	d := declaration{options: o}
	f, k, in := o.Filters, o.KernelSize, o.InChannels
	deepest := o.deepest()
	for i := range f {
		d.block(blockName(i, deepest), in, f[i], k[i], o.Strides[i], o.ResBlock)
		in = f[i]
	}
	for level := deepest - 1; level >= 0; level-- {
		name, s := upName(level, deepest), o.Strides[level+1]
		// PyTorch counts a transposed convolution's fan-in by its second axis.
		d.Add(name+".transp_conv.conv.weight", nn.Shape{f[level+1], f[level], s[0], s[1], s[2]},
			levels.KaimingNormal(f[level]*blocks.Volume(s)))
		if o.TransBias {
			d.Add(name+".transp_conv.conv.bias", nn.Shape{f[level]}, nn.Zeros())
		}
		d.block(name+".conv_block", 2*f[level], f[level], k[level+1], levels.Size(blocks.Cube(1)), false)
	}
	for level := range 1 + o.heads() {
		name := headName(level) + ".conv.conv"
		d.conv(name, f[level], o.OutChannels, levels.Size(blocks.Cube(1)))
		d.Add(name+".bias", nn.Shape{o.OutChannels}, nn.Zeros())
	}
	return d.Params()
}

// declaration collects parameters.
type declaration struct {
	blocks.Declaration
	options Options
}

func (d *declaration) conv(name string, in, out int, k levels.Size) {
	d.Add(name+".weight", nn.Shape{out, in, k[0], k[1], k[2]}, levels.KaimingNormal(in*blocks.Volume(k)))
}

func (d *declaration) block(name string, in, out int, kernel, stride levels.Size, residual bool) {
	d.conv(name+".conv1.conv", in, out, kernel)
	d.conv(name+".conv2.conv", out, out, kernel)
	d.options.ActName.Declare(&d.Declaration, name+".lrelu")
	d.options.NormName.Declare(&d.Declaration, name+".norm1", out)
	d.options.NormName.Declare(&d.Declaration, name+".norm2", out)
	if residual && shortcut(in, out, stride) {
		d.conv(name+".conv3.conv", in, out, levels.Size(blocks.Cube(1)))
		d.options.NormName.Declare(&d.Declaration, name+".norm3", out)
	}
}

// shortcut reports whether a residual block needs a convolution beside its two,
// because what comes in has not the shape of what goes out.
func shortcut(in, out int, stride levels.Size) bool {
	return in != out || stride != levels.Size(blocks.Cube(1))
}
