package swinunetr

import (
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// attention is what the attention of one stage needs to know.
type attention struct {
	heads, width int
	drop         float64
	rows         []int // of the table of biases, for each pair of a window's tokens
}

// dim is the number of channels of one head.
func (a attention) dim() int { return a.width / a.heads }

// apply lets the tokens (N, X, Y, Z, C) of each window attend to each other. The
// grid is padded and rolled; the result, of the same shape, is not yet
// projected: that is cheaper without the padding.
func (a attention) apply(g nn.Graph, x nn.Value, name string, t tiling) nn.Value {
	q, k, v := a.project(g, x, name, t)
	if t.shifts() {
		q, k = a.separate(g, q, k, t)
	}
	scores := nn.Add(g, nn.MatMul(g, q, nn.Transpose(g, k, 0, 1, 3, 2)), a.bias(g, name, t.tokens()))
	weights := nn.Dropout(g, nn.Softmax(g, scores, -1), a.drop, false)
	return a.assemble(g, nn.MatMul(g, weights, v), t)
}

// project makes queries, keys and values (N·windows, heads, tokens, dim). One
// permutation both cuts the windows out and separates the heads.
func (a attention) project(g nn.Graph, x nn.Value, name string, t tiling) (q, k, v nn.Value) {
	c, w := t.counts(), t.window
	x = linear(g, x, a.scaled(g, name+".attn.qkv.weight"), a.scaled(g, name+".attn.qkv.bias"))
	x = nn.View(g, x, 0, c[0], w[0], c[1], w[1], c[2], w[2], 3, a.heads, a.dim())
	x = nn.Transpose(g, x, 7, 0, 1, 3, 5, 8, 2, 4, 6, 9)
	x = nn.View(g, x, 3, -1, a.heads, t.tokens(), a.dim())
	part := func(i int) nn.Value {
		return nn.View(g, nn.Take(g, x, 0, i, i+1, 1), -1, a.heads, t.tokens(), a.dim())
	}
	return part(0), part(1), part(2)
}

// scaled multiplies the rows of a parameter that make queries by 1/√dim: far
// fewer numbers than the queries are.
func (a attention) scaled(g nn.Graph, name string) nn.Value {
	p := g.Param(name)
	shape := nn.Shape{3 * a.width}
	if p.Rank() > 1 {
		shape = append(shape, 1)
	}
	values := make([]float32, 3*a.width)
	for i := range values {
		values[i] = 1
		if i < a.width {
			values[i] = float32(1 / math.Sqrt(float64(a.dim())))
		}
	}
	return nn.Mul(g, p, g.Apply(nn.Constant{Shape: shape, Values: values}))
}

// blocked is what MONAI adds to the score of two tokens that must not attend to
// each other.
const blocked = -100

// separate lengthens queries and keys so that the score of two tokens in
// different regions of a shifted window is lower by 100, exactly. MONAI adds a
// mask instead, with one number for each pair of tokens of each window: at
// 96×96×96 voxels that mask alone has 40 million.
//
// Region r of n appends to a key 10 at place r, and to a query -10 at all other
// places: their product is 0 within a region and -100 otherwise.
func (a attention) separate(g nn.Graph, q, k nn.Value, t tiling) (nn.Value, nn.Value) {
	const root = 10
	parts, regions, counts := t.parts(), t.regions(), t.counts()
	length := a.dim() + parts
	key := make([]float32, len(regions)*length)
	for i, r := range regions {
		key[i*length+a.dim()+r] = root
	}
	query := make([]float32, length)
	for i := range parts {
		query[a.dim()+i] = blocked / root
	}
	windows := counts[0] * counts[1] * counts[2]
	keys := g.Apply(nn.Constant{Shape: nn.Shape{windows, 1, t.tokens(), length}, Values: key})
	queries := nn.Add(g, keys, g.Apply(nn.Constant{Shape: nn.Shape{length}, Values: query}))
	lengthen := func(x, by nn.Value) nn.Value {
		x = g.Apply(nn.Pad{Before: make([]int, 4), After: []int{0, 0, 0, parts}}, x)
		x = nn.Add(g, nn.View(g, x, -1, windows, a.heads, t.tokens(), length), by)
		return nn.View(g, x, -1, a.heads, t.tokens(), length)
	}
	return lengthen(q, queries), lengthen(k, keys)
}

// bias is what the distance of two tokens adds to their score: (heads, tokens,
// tokens).
func (a attention) bias(g nn.Graph, name string, tokens int) nn.Value {
	b := g.Apply(nn.Gather{Indices: a.rows}, g.Param(name+".attn.relative_position_bias_table"))
	// Making it flat puts each head's numbers side by side in memory, once,
	// instead of every time that they are added to a window's.
	b = nn.View(g, nn.Transpose(g, b, 1, 0), -1)
	return nn.View(g, b, a.heads, tokens, tokens)
}

// assemble puts heads and windows together: (N·windows, heads, tokens, dim) to
// (N, X, Y, Z, C).
func (a attention) assemble(g nn.Graph, x nn.Value, t tiling) nn.Value {
	c, w, p := t.counts(), t.window, t.padded
	x = nn.View(g, x, -1, c[0], c[1], c[2], a.heads, w[0], w[1], w[2], a.dim())
	x = nn.Transpose(g, x, 0, 1, 5, 2, 6, 3, 7, 4, 8)
	return nn.View(g, x, 0, p[0], p[1], p[2], a.width)
}
