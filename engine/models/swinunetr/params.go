package swinunetr

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// declare lists the parameters in the order of MONAI's state_dict.
func declare(o Options) []nn.Param {
	var d declaration
	index := relativePositions(fullWindow)
	blocks.Conv{In: o.InChannels, Out: o.FeatureSize, Kernel: blocks.Cube(patchSize), Bias: true}.
		Declare(&d.Declaration, "swinViT.patch_embed.proj")
	for i := range stages {
		stage := fmt.Sprintf("swinViT.layers%d.0", i+1)
		for j := range o.Depths[i] {
			d.block(fmt.Sprintf("%s.blocks.%d", stage, j), o.width(i), o.NumHeads[i], index)
		}
		d.linear(stage+".downsample.reduction", neighbours*o.width(i), 2*o.width(i), false)
		d.layerNorm(stage+".downsample.norm", neighbours*o.width(i))
	}
	if o.UseV2 {
		for i := range stages {
			block := residual{in: o.width(i), out: o.width(i), norm: stageNorm()}
			block.declare(&d.Declaration, fmt.Sprintf("swinViT.layers%dc.0.layer", i+1))
		}
	}
	for _, e := range encoders(o) {
		e.declare(&d.Declaration, e.name+".layer")
	}
	for _, e := range decoders(o) {
		e.enlarge().Declare(&d.Declaration, e.name+".transp_conv.conv")
		e.declare(&d.Declaration, e.name+".conv_block")
	}
	head(o).Declare(&d.Declaration, headName)
	return d.Params()
}

// declaration collects parameters.
type declaration struct{ blocks.Declaration }

// block declares one transformer block. Every one has an index buffer of its
// own in the state_dict, with the same content.
func (d *declaration) block(name string, width, heads int, index []int64) {
	const deviation = 0.02
	d.layerNorm(name+".norm1", width)
	d.Add(name+".attn.relative_position_bias_table", nn.Shape{tableRows, heads}, nn.TruncNormal(deviation))
	d.Keep(nn.Param{
		Name: name + "." + indexName, Shape: nn.Shape{fullWindow, fullWindow}, DType: nn.I64,
		Init: nn.Init{Kind: nn.InitInts, Ints: index},
	})
	d.linear(name+".attn.qkv", width, 3*width, true)
	d.linear(name+".attn.proj", width, width, true)
	d.layerNorm(name+".norm2", width)
	d.linear(name+".mlp.linear1", width, mlpRatio*width, true)
	d.linear(name+".mlp.linear2", mlpRatio*width, width, true)
}

func (d *declaration) layerNorm(name string, width int) {
	d.Add(name+".weight", nn.Shape{width}, nn.Ones())
	d.Add(name+".bias", nn.Shape{width}, nn.Zeros())
}

func (d *declaration) linear(name string, in, out int, bias bool) {
	d.Add(name+".weight", nn.Shape{out, in}, nn.KaimingUniform(in))
	if bias {
		d.Add(name+".bias", nn.Shape{out}, nn.KaimingUniform(in))
	}
}
