package infer

import (
	"context"
	"fmt"
)

// sweep goes through the windows in order of x and keeps sums only for the
// slab that windows still to come can reach: planes before it are final.
type sweep struct {
	x        []float32
	shape    [3]int // of the volume
	padded   [3]int // at least the window
	offset   [3]int // where the volume begins in the padded one
	o        Options
	channels int
	classes  int
	windows  [][3]int
	weights  []float32

	slab   []float32 // classes × window.x × padded.y × padded.z, a ring over x
	norm   []float32 // window.x × padded.y × padded.z
	slabAt int       // first x in the slab
}

func newSweep(x []float32, shape [3]int, o Options, classes int) (*sweep, error) {
	if o.Mode == "" {
		o.Mode = Gaussian
	}
	o.Batch = max(o.Batch, 1)
	for i := range shape {
		if shape[i] < 1 || o.Window[i] < 1 {
			return nil, fmt.Errorf("%w: volume %v, window %v: every side must be at least 1", ErrInput, shape, o.Window)
		}
	}
	n := volume(shape)
	switch {
	case len(x) == 0 || len(x)%n != 0:
		return nil, fmt.Errorf("%w: %d values for a volume of %v", ErrInput, len(x), shape)
	case classes < 1:
		return nil, fmt.Errorf("%w: %d classes", ErrInput, classes)
	case !(o.Overlap >= 0 && o.Overlap < 1):
		return nil, fmt.Errorf("%w: overlap %v: must be at least 0 and below 1", ErrInput, o.Overlap)
	case o.Mode != Gaussian && o.Mode != Constant:
		return nil, fmt.Errorf("%w: mode %q: must be gaussian or constant", ErrInput, o.Mode)
	}
	s := &sweep{x: x, shape: shape, o: o, channels: len(x) / n, classes: classes}
	for i := range shape {
		s.padded[i] = max(shape[i], o.Window[i])
		s.offset[i] = (s.padded[i] - shape[i]) / 2
	}
	s.windows = Windows(shape, o.Window, o.Overlap)
	s.weights = Importance(o.Window, o.Mode)
	s.norm = make([]float32, o.Window[0]*s.padded[1]*s.padded[2])
	s.slab = make([]float32, classes*len(s.norm))
	return s, nil
}

// emit takes one finished plane of one class: y×z values at volume plane ix.
type emit func(ix, class int, row []float32)

func (s *sweep) run(ctx context.Context, p Predictor, done emit) error {
	size := volume(s.o.Window)
	patches := make([]float32, s.o.Batch*s.channels*size)
	// Batches of even size: a last one of a single window would be much slower
	// for each window, since libtorch computes small single images by another,
	// slower kernel.
	batches := (len(s.windows) + s.o.Batch - 1) / s.o.Batch
	for b := range batches {
		first := b * len(s.windows) / batches
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := s.windows[first : (b+1)*len(s.windows)/batches]
		in := patches[:len(batch)*s.channels*size]
		for i, w := range batch {
			s.extract(in[i*s.channels*size:][:s.channels*size], w)
		}
		logits, err := p(ctx, in, len(batch), s.o.Window)
		if err != nil {
			return fmt.Errorf("predict windows %d to %d of %d: %w", first+1, first+len(batch), len(s.windows), err)
		}
		if len(logits) != len(batch)*s.classes*size {
			return fmt.Errorf("%w: the predictor gave %d values, want %d (%d windows × %d classes × %v)",
				ErrInput, len(logits), len(batch)*s.classes*size, len(batch), s.classes, s.o.Window)
		}
		for i, w := range batch {
			s.advance(w[0], done)
			s.add(logits[i*s.classes*size:][:s.classes*size], w)
		}
		if s.o.Progress != nil {
			s.o.Progress(first+len(batch), len(s.windows))
		}
	}
	s.advance(s.padded[0], done)
	return nil
}

// extract copies a window out of the volume; what lies outside is zero.
func (s *sweep) extract(dst []float32, at [3]int) {
	w, i := s.o.Window, 0
	z0 := at[2] - s.offset[2]
	from, to := max(0, -z0), min(w[2], s.shape[2]-z0)
	for c := range s.channels {
		for dx := range w[0] {
			x := at[0] + dx - s.offset[0]
			for dy := range w[1] {
				y := at[1] + dy - s.offset[1]
				row := dst[i : i+w[2]]
				i += w[2]
				if x < 0 || x >= s.shape[0] || y < 0 || y >= s.shape[1] {
					clear(row)
					continue
				}
				clear(row[:from])
				src := ((c*s.shape[0]+x)*s.shape[1] + y) * s.shape[2]
				copy(row[from:to], s.x[src+z0+from:src+z0+to])
				clear(row[to:])
			}
		}
	}
}

// add puts one window's weighted logits into the slab.
func (s *sweep) add(logits []float32, at [3]int) {
	w := s.o.Window
	size := volume(w)
	for dx := range w[0] {
		plane := ((at[0] + dx) % w[0]) * s.padded[1] * s.padded[2]
		for dy := range w[1] {
			row := plane + (at[1]+dy)*s.padded[2] + at[2]
			src := (dx*w[1] + dy) * w[2]
			weights := s.weights[src : src+w[2]]
			norm := s.norm[row : row+w[2]]
			for i, v := range weights {
				norm[i] += v
			}
			for c := range s.classes {
				in := logits[c*size+src:][:len(weights)]
				sum := s.slab[c*len(s.norm)+row:][:len(weights)]
				for i, v := range weights {
					sum[i] += v * in[i]
				}
			}
		}
	}
}

// advance emits the planes before x, which no later window reaches, and clears
// them for reuse.
func (s *sweep) advance(x int, done emit) {
	plane := s.padded[1] * s.padded[2]
	row := make([]float32, 0, s.shape[1]*s.shape[2])
	for ; s.slabAt < x; s.slabAt++ {
		ring := (s.slabAt % s.o.Window[0]) * plane
		norm := s.norm[ring : ring+plane]
		ix := s.slabAt - s.offset[0]
		for c := range s.classes {
			sum := s.slab[c*len(s.norm)+ring:][:plane]
			if ix >= 0 && ix < s.shape[0] {
				done(ix, c, s.mean(row[:0], sum, norm))
			}
			clear(sum)
		}
		clear(norm)
	}
}

// mean divides sums by weights, cropping the padding off.
func (s *sweep) mean(row, sum, norm []float32) []float32 {
	for y := range s.shape[1] {
		first := (y+s.offset[1])*s.padded[2] + s.offset[2]
		for z := first; z < first+s.shape[2]; z++ {
			row = append(row, sum[z]/norm[z])
		}
	}
	return row
}
