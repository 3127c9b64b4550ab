package dynunet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) []nn.Param {
	var d declaration
	f, k := o.Filters, o.KernelSize
	deepest := len(f) - 1
	in := o.InChannels
	for i := range f {
		d.block(blockName(i, deepest), in, f[i], k[i])
		in = f[i]
	}
	for i := range deepest {
		// upsamples.0 climbs out of the bottleneck.
		level := deepest - i
		name := fmt.Sprintf("upsamples.%d", i)
		s := o.UpsampleKernelSize[level-1]
		d.add(name+".transp_conv.conv.weight", nn.Shape{f[level], f[level-1], s[0], s[1], s[2]},
			levels.KaimingNormal(f[level-1]*s[0]*s[1]*s[2]))
		d.block(name+".conv_block", 2*f[level-1], f[level-1], k[level])
	}
	d.conv("output_block.conv.conv", f[0], o.OutChannels, levels.Size{1, 1, 1})
	d.add("output_block.conv.conv.bias", nn.Shape{o.OutChannels}, nn.Zeros())
	return d.params
}

// blockName is the name of the encoder's block at a level.
func blockName(level, deepest int) string {
	switch level {
	case 0:
		return "input_block"
	case deepest:
		return "bottleneck"
	default:
		return fmt.Sprintf("downsamples.%d", level-1)
	}
}

// declaration collects parameters.
type declaration struct{ params []nn.Param }

func (d *declaration) add(name string, shape nn.Shape, init nn.Init) {
	d.params = append(d.params, nn.Param{Name: name, Shape: shape, Init: init})
}

func (d *declaration) conv(name string, in, out int, k levels.Size) {
	d.add(name+".weight", nn.Shape{out, in, k[0], k[1], k[2]}, levels.KaimingNormal(in*k[0]*k[1]*k[2]))
}

func (d *declaration) norm(name string, channels int) {
	d.add(name+".weight", nn.Shape{channels}, nn.Ones())
	d.add(name+".bias", nn.Shape{channels}, nn.Zeros())
}

func (d *declaration) block(name string, in, out int, k levels.Size) {
	d.conv(name+".conv1.conv", in, out, k)
	d.conv(name+".conv2.conv", out, out, k)
	d.norm(name+".norm1", out)
	d.norm(name+".norm2", out)
}
