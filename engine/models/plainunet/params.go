package plainunet

import (
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// declare lists the parameters in the order of nnU-Net's state_dict. Heads that
// no output uses are kept with the weights, as nnU-Net does, but not trained.
func declare(o Options) []nn.Param {
	d := declaration{options: o}
	f := o.FeaturesPerStage
	deepest := o.deepest()
	in := o.InChannels
	for s, count := range o.ConvPerStage {
		for i := range count {
			d.block(encoderBlock(s, i), in, f[s], o.KernelSizes[s])
			in = f[s]
		}
	}
	for s, count := range o.ConvPerStageDecoder {
		level := deepest - 1 - s
		in := 2 * f[level]
		for i := range count {
			d.block(decoderBlock(s, i), in, f[level], o.KernelSizes[level])
			in = f[level]
		}
	}
	for s := range deepest {
		level := deepest - 1 - s
		stride := o.Strides[level+1]
		// PyTorch counts a transposed convolution's fan-in by its second axis.
		d.Add(upName(s)+".weight", nn.Shape{f[level+1], f[level], stride[0], stride[1], stride[2]},
			levels.KaimingNormal(f[level]*blocks.Volume(stride)))
		d.bias(upName(s), f[level])
	}
	for s := range deepest {
		d.head(headName(s), f[deepest-1-s], s == deepest-1 || o.DeepSupervision)
	}
	return d.Params()
}

// declaration collects parameters.
type declaration struct {
	blocks.Declaration
	options Options
}

func (d *declaration) block(name string, in, out int, k levels.Size) {
	d.Add(name+".conv.weight", nn.Shape{out, in, k[0], k[1], k[2]}, levels.KaimingNormal(in*blocks.Volume(k)))
	d.bias(name+".conv", out)
	d.options.Norm.Declare(&d.Declaration, name+".norm", out)
	d.options.Nonlin.Declare(&d.Declaration, name+".nonlin")
}

func (d *declaration) bias(name string, channels int) {
	if d.options.ConvBias {
		d.Add(name+".bias", nn.Shape{channels}, nn.Zeros())
	}
}

func (d *declaration) head(name string, in int, used bool) {
	params := []nn.Param{
		{Name: name + ".weight", Shape: nn.Shape{d.options.OutChannels, in, 1, 1, 1}, Init: levels.KaimingNormal(in)},
		{Name: name + ".bias", Shape: nn.Shape{d.options.OutChannels}, Init: nn.Zeros()},
	}
	for _, p := range params {
		if used {
			d.Add(p.Name, p.Shape, p.Init)
		} else {
			d.Keep(p)
		}
	}
}
