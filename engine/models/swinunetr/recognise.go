package swinunetr

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of the network that has exactly these
// parameters, or ok=false when none has. The way of merging patches leaves no
// trace and is never guessed: LoadCheckpoint will ask for it. What else leaves
// none is at its default: dropout, normalize. Weights of a normalisation without
// running statistics are taken for instance normalisation's, since MONAI gives
// group normalisation no default number of groups.
func Recognise(shapes map[string]nn.Shape) (options map[string]any, ok bool) {
	first, last := shapes["swinViT.patch_embed.proj.weight"], shapes[headName+".weight"]
	if len(first) != 5 || len(last) != 5 {
		return nil, false
	}
	var depths, heads []int
	for i := range stages {
		stage := fmt.Sprintf("swinViT.layers%d.0.blocks.", i+1)
		table := shapes[stage+"0.attn.relative_position_bias_table"]
		if len(table) != 2 {
			return nil, false
		}
		depths = append(depths, blocks.Count(shapes, stage+"%d.norm1.weight", 0))
		heads = append(heads, table[1])
	}
	_, v2 := shapes["swinViT.layers1c.0.layer.conv1.conv.weight"]
	options = map[string]any{
		"in_channels": first[1], "out_channels": last[0], "feature_size": first[0],
		"depths": depths, "num_heads": heads, "use_v2": v2, "norm_name": recogniseNorm(shapes),
	}
	m, err := New(options)
	if err != nil || !adapter.Fits(m.TrainableParameters(), shapes) {
		return nil, false
	}
	return options, true
}

// recogniseNorm returns the value of the option norm_name.
func recogniseNorm(shapes map[string]nn.Shape) any {
	const norm = "encoder1.layer.norm1"
	_, running := shapes[norm+".running_mean"]
	_, affine := shapes[norm+".weight"]
	name, usual := blocks.NormInstance, false
	if running {
		name, usual = blocks.NormBatch, true
	}
	if affine == usual {
		return name
	}
	return []any{name, map[string]any{"affine": affine}}
}
