package report

import (
	"context"
	"fmt"
	"math"
)

// box is the part of a volume that is shown, high exclusive.
type box struct{ low, high [3]int }

// leastSide is how many voxels are shown along an axis at least, where there
// are as many.
const leastSide = 48

// crop is the box around all structures with a margin, or the whole volume
// when the margin is negative or there is no structure.
func (c *classified) crop(margin int) box {
	b := box{high: c.shape}
	if margin < 0 || c.high == [3]int{} {
		return b
	}
	for a, n := range c.shape {
		side := min(n, max(c.high[a]-c.low[a]+2*margin, leastSide))
		low := (c.low[a] + c.high[a] - side) / 2
		b.low[a] = max(0, min(low, n-side))
		b.high[a] = b.low[a] + side
	}
	return b
}

// painter cuts planes out of a scene.
type painter struct {
	scene     Scene
	found     *classified
	low, high float64 // percentiles
	window    window  // of the slices
	shown     box
	side      int // longest, in pixels
	packing   buffer
}

// axesOf are the axes of a plane's columns and rows, by the axis it lacks.
func axesOf(across int) [2]int {
	return [3][2]int{{1, 2}, {0, 2}, {0, 1}}[across]
}

func planeName(across int) string { return [3]string{"yz", "xz", "xy"}[across] }

// cut gives the plane at index along the axis across.
func (p *painter) cut(across, index int) plane {
	axes := axesOf(across)
	return p.plane(axes, func(at [3]int) (float64, byte) {
		at[across] = index
		i := p.index(at)
		return p.window.value(float64(p.scene.Image[i])), p.found.class[i]
	})
}

// project gives the greatest finite intensity along z, and the class that most
// of the voxels along z have, background aside.
func (p *painter) project() plane {
	return p.plane(axesOf(2), func(at [3]int) (float64, byte) {
		greatest := float32(math.Inf(-1))
		var count [classCount]int
		for z := range p.scene.Shape[2] {
			at[2] = z
			i := p.index(at)
			if v := p.scene.Image[i]; finite(v) {
				greatest = max(greatest, v)
			}
			count[p.found.class[i]]++
		}
		return float64(greatest), dominant(count)
	})
}

func (p *painter) index(at [3]int) int {
	return at[0] + p.scene.Shape[0]*(at[1]+p.scene.Shape[1]*at[2])
}

func (p *painter) plane(axes [2]int, sample func(at [3]int) (float64, byte)) plane {
	low, high := p.shown.low, p.shown.high
	out := plane{
		w: high[axes[0]] - low[axes[0]], h: high[axes[1]] - low[axes[1]],
		spacing: [2]float64{p.scene.Spacing[axes[0]], p.scene.Spacing[axes[1]]},
	}
	out.grey, out.class = make([]float64, out.w*out.h), make([]byte, out.w*out.h)
	at := low
	for row := range out.h {
		at[axes[1]] = low[axes[1]] + row
		for column := range out.w {
			at[axes[0]] = low[axes[0]] + column
			out.grey[row*out.w+column], out.class[row*out.w+column] = sample(at)
		}
	}
	return out
}

// extent says how much of the volume a plane shows.
func (p *painter) extent(axes [2]int) string {
	side := func(a int) float64 { return float64(p.shown.high[a]-p.shown.low[a]) * p.scene.Spacing[a] }
	return fmt.Sprintf("%.4g × %.4g %s", side(axes[0]), side(axes[1]), UnitName(p.scene.Unit))
}

// slice draws one plane in all three layers.
func (p *painter) slice(across, index int, why string) (View, error) {
	pl := p.cut(across, index)
	var in Counts
	for _, k := range pl.class {
		switch k {
		case agreed:
			in.Agreed++
		case missed:
			in.Missed++
		case wrong:
			in.False++
		}
	}
	v := View{Plane: planeName(across), Slice: index}
	v.Caption = fmt.Sprintf("%c = %d of 0–%d, %s. Voxels that agree: %d, missed: %d, false: %d. Shown: %s.",
		"xyz"[across], index, p.scene.Shape[across]-1, why, in.Agreed, in.Missed, in.False, p.extent(axesOf(across)))
	return p.layers(v, pl, p.window, []string{LayerImage, LayerOutlines, LayerErrors})
}

// projection draws what lies along z.
func (p *painter) projection() (View, error) {
	v := View{Plane: planeName(2), Slice: -1}
	v.Caption = fmt.Sprintf("All %d slices seen along z: the greatest intensity, and whether most of the structure along z agrees, is missed or is false. Shown: %s.",
		p.scene.Shape[2], p.extent(axesOf(2)))
	pl := p.project()
	w := newWindow(pl.grey, p.low, p.high) // the greatest of many is bright everywhere in the slices' window
	for i, v := range pl.grey {
		pl.grey[i] = w.value(v)
	}
	return p.layers(v, pl, w, []string{LayerImage, LayerErrors})
}

// views draws what tells most. In what order is the reader's: the most telling
// first.
func (p *painter) views(ctx context.Context) ([]View, error) {
	var out []View
	errors := p.found.counts.Missed + p.found.counts.False
	why := func(worst string) string {
		switch {
		case errors > 0:
			return worst
		case p.found.counts.Agreed > 0:
			return "where most structure is"
		}
		return "the middle"
	}
	first := p.found.axes[2].most()
	v, err := p.slice(2, first, why("the slice with most error"))
	if err != nil {
		return nil, err
	}
	out = append(out, v)
	if p.scene.Shape[2] == 1 {
		return out, nil
	}
	worst, err := p.found.largestPiece(ctx)
	if err != nil {
		return nil, err
	}
	if at := worst.areas.most(); 2*worst.areas.errors[first] < worst.areas.errors[at] { // else the first view shows it
		if v, err = p.slice(2, at, fmt.Sprintf("through the largest %s piece (%d voxels)", worst.word, worst.size)); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	across := p.acrossSlices()
	if v, err = p.slice(across, p.found.axes[across].most(), why("the plane across the slices with most error")); err != nil {
		return nil, err
	}
	out = append(out, v)
	if v, err = p.projection(); err != nil {
		return nil, err
	}
	return append(out, v), nil
}

// acrossSlices picks y (the xz plane) or x (the yz plane), by which shows the
// greater area of error.
func (p *painter) acrossSlices() int {
	area := func(across int) float64 {
		t, axes := p.found.axes[across], axesOf(across)
		return float64(t.errors[t.most()]) * p.scene.Spacing[axes[0]] * p.scene.Spacing[axes[1]]
	}
	if area(0) > area(1) {
		return 0
	}
	return 1
}
