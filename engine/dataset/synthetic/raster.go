package synthetic

import "math"

// canvas is what trees are drawn into, x fastest.
type canvas struct {
	shape   [3]int
	spacing [3]float64
	label   []uint8
	// cover is how much of a voxel is vessel, with a soft edge one voxel wide;
	// dye is that times the brightness of the nearest vessel.
	cover, dye []float32
}

func newCanvas(shape [3]int, spacing [3]float64) *canvas {
	n := shape[0] * shape[1] * shape[2]
	return &canvas{
		shape: shape, spacing: spacing,
		label: make([]uint8, n), cover: make([]float32, n), dye: make([]float32, n),
	}
}

// draw adds a tree.
func (c *canvas) draw(t *Tree) {
	for _, e := range t.Edges {
		c.segment(t.Nodes[e[0]], t.Nodes[e[1]], t.glow[e[0]], t.glow[e[1]])
	}
}

// segment draws one segment of a centreline into the voxels around it.
func (c *canvas) segment(a, b Node, glowA, glowB float64) {
	edge := min(c.spacing[0], c.spacing[1], c.spacing[2])
	reach := max(a.radius(), b.radius()) + edge
	var low, high [3]int
	for i := range 3 {
		low[i] = max(0, int(math.Ceil((min(a[i], b[i])-reach)/c.spacing[i])))
		high[i] = min(c.shape[i]-1, int(math.Floor((max(a[i], b[i])+reach)/c.spacing[i])))
	}
	for z := low[2]; z <= high[2]; z++ {
		for y := low[1]; y <= high[1]; y++ {
			row := c.shape[0] * (y + c.shape[1]*z)
			for x := low[0]; x <= high[0]; x++ {
				p := vec{float64(x) * c.spacing[0], float64(y) * c.spacing[1], float64(z) * c.spacing[2]}
				depth, t := wall(p, a, b)
				if depth >= 0 {
					c.label[row+x] = 1
				}
				// The soft edge rises from 0 at half a voxel outside the wall to
				// 1 at half a voxel inside.
				soft := float32(min(1, max(0, 0.5+depth/edge)))
				if soft > c.cover[row+x] {
					c.cover[row+x] = soft
					c.dye[row+x] = soft * float32(glowA+t*(glowB-glowA))
				}
			}
		}
	}
}

// wall gives how deep a point lies within a segment (negative outside), and
// where along it.
func wall(p vec, a, b Node) (depth, t float64) {
	axis := b.at().sub(a.at())
	if n := axis.dot(axis); n > 0 {
		t = min(1, max(0, p.sub(a.at()).dot(axis)/n))
	}
	nearest := a.at().add(axis.scale(t))
	return a.radius() + t*(b.radius()-a.radius()) - p.sub(nearest).norm(), t
}

// fraction gives the share of voxels that are vessel.
func (c *canvas) fraction() float64 {
	n := 0
	for _, v := range c.label {
		n += int(v)
	}
	return float64(n) / float64(len(c.label))
}
