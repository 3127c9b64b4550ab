package swinunetr

import "github.com/minivess/minivess/engine/nn"

const (
	// side is the number of tokens of a full window along each axis.
	side = 7
	// span is the number of distances between two tokens along one axis.
	span = 2*side - 1
	// tableRows is the number of all distances.
	tableRows = span * span * span
	// fullWindow is the number of tokens of a full window.
	fullWindow = side * side * side
)

// tiling says how a grid of tokens is cut into windows: their sizes, by how
// much they are shifted, and the grid's sizes once it is padded.
type tiling struct {
	grid, window, shift, padded [3]int
}

// tile cuts a grid. A window is not larger than the grid, and along an axis
// that it fills there is nothing to shift.
func tile(grid [3]int, shifted bool) tiling {
	t := tiling{grid: grid}
	for i, n := range grid {
		t.window[i] = min(n, side)
		if shifted && n > side {
			t.shift[i] = side / 2
		}
		t.padded[i] = (n + t.window[i] - 1) / t.window[i] * t.window[i]
	}
	return t
}

// shifts reports whether windows are shifted along any axis.
func (t tiling) shifts() bool { return t.shift != [3]int{} }

// pads reports whether the grid is padded along any axis.
func (t tiling) pads() bool { return t.padded != t.grid }

// tokens is the number of tokens of a window.
func (t tiling) tokens() int { return t.window[0] * t.window[1] * t.window[2] }

// counts are the numbers of windows along the axes.
func (t tiling) counts() [3]int {
	var out [3]int
	for i := range out {
		out[i] = t.padded[i] / t.window[i]
	}
	return out
}

// enter pads tokens (N, X, Y, Z, C) with zeros and rolls them so that the
// shifted windows lie on the grid of the unshifted ones.
func (t tiling) enter(g nn.Graph, x nn.Value) nn.Value {
	if t.pads() {
		after := make([]int, 5)
		for i := range t.grid {
			after[1+i] = t.padded[i] - t.grid[i]
		}
		x = g.Apply(nn.Pad{Before: make([]int, 5), After: after}, x)
	}
	if t.shifts() {
		x = nn.Shifted(g, x, 0, -t.shift[0], -t.shift[1], -t.shift[2], 0)
	}
	return x
}

// leave undoes enter.
func (t tiling) leave(g nn.Graph, x nn.Value) nn.Value {
	if t.shifts() {
		x = nn.Shifted(g, x, 0, t.shift[0], t.shift[1], t.shift[2], 0)
	}
	for i, n := range t.grid {
		if n != t.padded[i] {
			x = nn.Take(g, x, 1+i, 0, n, 1)
		}
	}
	return x
}

// parts is the number of regions that a shifted window can hold: what was
// rolled from the far end along each shifted axis does not belong with the
// rest.
func (t tiling) parts() int {
	n := 1
	for _, s := range t.shift {
		if s > 0 {
			n *= 2
		}
	}
	return n
}

// regions returns, window by window and token by token, the region 0 to
// parts()-1 in which a token of a shifted window lies.
func (t tiling) regions() []int {
	counts := t.counts()
	out := make([]int, 0, counts[0]*counts[1]*counts[2]*t.tokens())
	for window := range indices(counts) {
		for token := range indices(t.window) {
			region := 0
			for i, s := range t.shift {
				if s == 0 {
					continue
				}
				region *= 2
				if window[i]*t.window[i]+token[i] >= t.padded[i]-s {
					region++
				}
			}
			out = append(out, region)
		}
	}
	return out
}

// indices yields every position of a grid, the last axis fastest.
func indices(size [3]int) func(yield func([3]int) bool) {
	return func(yield func([3]int) bool) {
		for x := range size[0] {
			for y := range size[1] {
				for z := range size[2] {
					if !yield([3]int{x, y, z}) {
						return
					}
				}
			}
		}
	}
}

// relativePositions returns, for each pair of the first n tokens of a full
// window, the row of the table of biases that their distance has. MONAI uses
// these also for smaller windows, whose tokens lie elsewhere.
func relativePositions(n int) []int64 {
	tokens := make([][3]int, 0, fullWindow)
	for at := range indices([3]int{side, side, side}) {
		tokens = append(tokens, at)
	}
	out := make([]int64, 0, n*n)
	for _, a := range tokens[:n] {
		for _, b := range tokens[:n] {
			row := 0
			for i := range a {
				row = row*span + a[i] - b[i] + side - 1
			}
			out = append(out, int64(row))
		}
	}
	return out
}
