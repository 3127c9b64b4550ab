package swinunetr

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

const (
	// patchSize is the number of voxels along each axis that make one token.
	patchSize = 2
	// mlpRatio is how much wider a block's perceptron is inside.
	mlpRatio = 4
	// epsilon is PyTorch's default for normalisations.
	epsilon = 1e-5
	// indexName ends the name of a block's index buffer.
	indexName = "attn.relative_position_index"
)

// transformer computes the features of the five levels, channels first: the
// embedded patches, and what each stage makes of them at half the size and
// twice the channels. Inside, tokens are (N, X, Y, Z, C), so that everything
// but the windows works on contiguous channels.
func (m *Model) transformer(g nn.Graph, image nn.Value) []nn.Value {
	o, rates := m.options, m.options.pathRates()
	x := g.Segment("swinViT.patch_embed", func() nn.Value {
		embed := nn.Conv{Stride: [3]int{patchSize, patchSize, patchSize}, Dilation: [3]int{1, 1, 1}, Groups: 1}
		x := nn.Conv3d(g, image, "swinViT.patch_embed.proj.weight", "swinViT.patch_embed.proj.bias", embed)
		return channelsLast(g, nn.Dropout(g, x, o.DropRate, false))
	})
	features := []nn.Value{m.feature(g, x)}
	for i := range stages {
		x = m.stage(g, x, i, rates[i])
		features = append(features, m.feature(g, x))
	}
	return features
}

// feature is what the decoder gets to see of tokens.
func (m *Model) feature(g nn.Graph, x nn.Value) nn.Value {
	if m.options.Normalize {
		x = nn.LayerNorm(g, x, "", "", 1, epsilon)
	}
	return channelsFirst(g, x)
}

// stage is a number of transformer blocks and a merging of patches.
func (m *Model) stage(g nn.Graph, x nn.Value, i int, rates []float64) nn.Value {
	o := m.options
	if o.UseV2 {
		name := fmt.Sprintf("swinViT.layers%dc.0.layer", i+1)
		x = g.Segment(name, func() nn.Value {
			block := residual{in: o.width(i), out: o.width(i), norm: stageNorm()}
			return channelsLast(g, block.apply(g, channelsFirst(g, x), name))
		})
	}
	name := fmt.Sprintf("swinViT.layers%d.0", i+1)
	grid := [3]int{x.Dim(1), x.Dim(2), x.Dim(3)}
	plain, shifted := tile(grid, false), tile(grid, true)
	a := attention{heads: o.NumHeads[i], width: o.width(i), drop: o.AttnDropRate, rows: biasRows(plain.tokens())}
	for j, rate := range rates {
		block := fmt.Sprintf("%s.blocks.%d", name, j)
		t := plain
		if j%2 == 1 {
			t = shifted
		}
		x = g.Segment(block, func() nn.Value { return m.block(g, x, block, a, t, rate) })
	}
	return g.Segment(name+".downsample", func() nn.Value { return m.merge(g, x, name+".downsample") })
}

// block is attention within windows and a perceptron, each added to what came
// in; rate is the probability with which either is skipped.
func (m *Model) block(g nn.Graph, x nn.Value, name string, a attention, t tiling, rate float64) nn.Value {
	drop := m.options.DropRate
	y := t.enter(g, layerNorm(g, x, name+".norm1"))
	y = t.leave(g, a.apply(g, y, name, t))
	y = nn.Dropout(g, named(g, y, name+".attn.proj"), drop, false)
	x = nn.Add(g, nn.DropPath(g, y, rate), x)
	y = nn.GELU(g, named(g, layerNorm(g, x, name+".norm2"), name+".mlp.linear1"))
	y = named(g, nn.Dropout(g, y, drop, false), name+".mlp.linear2")
	return nn.Add(g, nn.DropPath(g, nn.Dropout(g, y, drop, false), rate), x)
}

// biasRows are the rows of the table of biases for each pair of n tokens.
func biasRows(n int) []int {
	positions := relativePositions(n)
	rows := make([]int, len(positions))
	for i, p := range positions {
		rows[i] = int(p)
	}
	return rows
}

// neighbours is the number of tokens that are merged into one.
const neighbours = 8

// merge joins eight neighbouring tokens, normalises them, and halves the number
// of their channels.
func (m *Model) merge(g nn.Graph, x nn.Value, name string) nn.Value {
	parts := make([]nn.Value, 0, neighbours)
	for _, start := range mergingOrder(m.options.merging()) {
		part := x
		for i, from := range start {
			part = nn.Take(g, part, 1+i, from, part.Dim(1+i), 2)
		}
		parts = append(parts, part)
	}
	x = layerNorm(g, nn.Join(g, -1, parts...), name+".norm")
	return linear(g, x, g.Param(name+".reduction.weight"), nn.Value{})
}

// mergingOrder lists which neighbour (x, y, z) comes where.
func mergingOrder(merging string) [neighbours][3]int {
	switch merging {
	case Legacy:
		return [...][3]int{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}}
	case V2:
		return [...][3]int{{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1}, {1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {1, 1, 1}}
	default:
		return [...][3]int{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}, {1, 1, 1}}
	}
}

func layerNorm(g nn.Graph, x nn.Value, name string) nn.Value {
	return nn.LayerNorm(g, x, name+".weight", name+".bias", 1, epsilon)
}

// named applies the linear layer of that name to the last axis.
func named(g nn.Graph, x nn.Value, name string) nn.Value {
	return linear(g, x, g.Param(name+".weight"), g.Param(name+".bias"))
}

// linear multiplies the last axis by a weight (out, in) and adds a bias (out),
// unless there is none.
func linear(g nn.Graph, x, weight, bias nn.Value) nn.Value {
	x = nn.MatMul(g, x, nn.Transpose(g, weight, 1, 0))
	if bias.Valid() {
		x = nn.Add(g, x, bias)
	}
	return x
}

func channelsLast(g nn.Graph, x nn.Value) nn.Value { return nn.Transpose(g, x, 0, 2, 3, 4, 1) }

func channelsFirst(g nn.Graph, x nn.Value) nn.Value { return nn.Transpose(g, x, 0, 4, 1, 2, 3) }
