package segresnet

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) []nn.Param {
	var d declaration
	levels := len(o.BlocksDown)
	d.conv("convInit.conv", o.InChannels, o.InitFilters, 3)
	for i, blocks := range o.BlocksDown {
		channels := o.InitFilters << i
		if i > 0 {
			d.conv(fmt.Sprintf("down_layers.%d.0.conv", i), channels/2, channels, 3)
		}
		for j := range blocks {
			d.block(fmt.Sprintf("down_layers.%d.%d", i, j+1), channels)
		}
	}
	for i, blocks := range o.BlocksUp {
		for j := range blocks {
			d.block(fmt.Sprintf("up_layers.%d.%d", i, j), o.InitFilters<<(levels-2-i))
		}
	}
	for i := range o.BlocksUp {
		channels := o.InitFilters << (levels - 2 - i)
		d.conv(fmt.Sprintf("up_samples.%d.0.conv", i), 2*channels, channels, 1)
		if o.Upsample == Deconv {
			name := fmt.Sprintf("up_samples.%d.1.deconv", i)
			// PyTorch counts a transposed convolution's fan-in by its second axis.
			init := nn.KaimingUniform(channels * 8)
			d.add(name+".weight", nn.Shape{channels, channels, 2, 2, 2}, init)
			d.add(name+".bias", nn.Shape{channels}, init)
		}
	}
	d.norm("conv_final.0", o.InitFilters)
	d.conv("conv_final.2.conv", o.InitFilters, o.OutChannels, 1)
	d.add("conv_final.2.conv.bias", nn.Shape{o.OutChannels}, nn.KaimingUniform(o.InitFilters))
	return d.params
}

// declaration collects parameters.
type declaration struct{ params []nn.Param }

func (d *declaration) add(name string, shape nn.Shape, init nn.Init) {
	d.params = append(d.params, nn.Param{Name: name, Shape: shape, Init: init})
}

func (d *declaration) conv(name string, in, out, kernel int) {
	d.add(name+".weight", nn.Shape{out, in, kernel, kernel, kernel}, nn.KaimingUniform(in*kernel*kernel*kernel))
}

func (d *declaration) norm(name string, channels int) {
	d.add(name+".weight", nn.Shape{channels}, nn.Ones())
	d.add(name+".bias", nn.Shape{channels}, nn.Zeros())
}

func (d *declaration) block(name string, channels int) {
	d.norm(name+".norm1", channels)
	d.norm(name+".norm2", channels)
	d.conv(name+".conv1.conv", channels, channels, 3)
	d.conv(name+".conv2.conv", channels, channels, 3)
}
