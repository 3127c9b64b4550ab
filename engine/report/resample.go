package report

import "math"

// plane is a rectangle of pixels, rows first: index = column + w*row. A pixel
// is as large as the spacing says.
type plane struct {
	w, h    int
	spacing [2]float64 // of columns and rows
	grey    []float64
	class   []byte
}

// span is which samples along an axis make one pixel, and how much of each.
type span struct {
	first  int
	weight []float64 // sum is 1
}

// spans lay size pixels over n samples: fewer pixels average all samples that
// they cover, more repeat the nearest.
func spans(n, size int) []span {
	out := make([]span, size)
	step := float64(n) / float64(size)
	for i := range out {
		if size >= n {
			out[i] = span{min(n-1, int((float64(i)+0.5)*step)), []float64{1}}
			continue
		}
		from, to := float64(i)*step, min(float64(n), float64(i+1)*step)
		s := span{first: int(from)}
		for j := s.first; j < n && float64(j) < to; j++ {
			if covered := min(to, float64(j+1)) - max(from, float64(j)); covered > 1e-9 {
				s.weight = append(s.weight, covered/step)
			}
		}
		out[i] = s
	}
	return out
}

// greatestZoom is how large a voxel is drawn at most, in pixels.
const greatestZoom = 8

// size gives the picture's sides and how many pixels the smaller side of a
// voxel has: in proportion to what is shown, a whole number of pixels a voxel
// where the voxel is square and there is room.
func (p plane) size(maxSide int) (w, h int, zoom float64) {
	pixel := min(p.spacing[0], p.spacing[1])
	wide, high := float64(p.w)*p.spacing[0]/pixel, float64(p.h)*p.spacing[1]/pixel
	zoom = float64(maxSide) / max(wide, high)
	if zoom >= 1 {
		zoom = min(greatestZoom, math.Floor(zoom))
	}
	side := func(v float64) int { return min(maxSide, max(1, int(math.Round(v*zoom)))) }
	return side(wide), side(high), zoom
}

// scaled draws the plane with sides of w and h pixels. Grey is averaged over
// what a pixel covers; of the classes that it covers the greatest counts, and
// background only where there is nothing else, so that thin vessels stay.
func (p plane) scaled(w, h int) plane {
	out := plane{w: w, h: h, grey: make([]float64, w*h), class: make([]byte, w*h)}
	columns, rows := spans(p.w, w), spans(p.h, h)
	for y, r := range rows {
		for x, c := range columns {
			var grey float64
			var cover [classCount]float64
			for j, rw := range r.weight {
				line := (r.first + j) * p.w
				for i, cw := range c.weight {
					at := line + c.first + i
					grey += rw * cw * p.grey[at]
					cover[p.class[at]] += rw * cw
				}
			}
			out.grey[y*w+x] = grey
			out.class[y*w+x] = dominant(cover)
		}
	}
	return out
}

// dominant is the class other than background that covers most; an error goes
// before what agrees where they cover the same.
func dominant[N int | float64](cover [classCount]N) byte {
	best := none
	for _, k := range []byte{missed, wrong, agreed} {
		if cover[k] > 0 && (best == none || cover[k] > cover[best]) {
			best = k
		}
	}
	return best
}
