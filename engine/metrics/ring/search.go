package ring

import (
	"math"
	"math/bits"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
)

// window is how far to the left and to the right of a query one look into a
// row reaches, in voxels.
const window = 32

// hopeless is how many voxels of a row after one that the rings left over are
// left over untried, because they lie about as far from any target.
const hopeless = 8

// search looks for the targets of queries.
type search struct {
	ny, nz        int
	words         []uint64
	first, stride int
	spacing       float64             // along x
	squares       [window + 1]float64 // of steps along x
	threads       int
}

func newSearch(targets *bitmask.Volume, spacing [3]float64, threads int) *search {
	s := &search{ny: targets.Shape[1], nz: targets.Shape[2], spacing: spacing[0], threads: threads}
	s.words, s.first, s.stride = targets.Padded()
	for k := range s.squares {
		d := float64(k) * s.spacing
		s.squares[k] = d * d
	}
	return s
}

// row reports the queries of one row and marks those that the rings leave over,
// unless left is nil. It counts the rows looked at and the queries left over.
func (s *search) row(r *rings, queries *bitmask.Volume, row int, left *bitmask.Volume, sink edt.Sink) (visits, missed int) {
	y, z := row%s.ny, row/s.ny
	base := s.first + row*s.stride
	untried := -1
	for w, word := range queries.Row(row) {
		for ; word != 0; word &= word - 1 {
			x := w*64 + bits.TrailingZeros64(word)
			if x > untried {
				dx, at, n := s.nearest(r, x, y, z, base)
				visits += n
				if at >= 0 {
					sink.Found(x, row, dx, abs(int(r.rows[at].dy)), abs(int(r.rows[at].dz)))
					continue
				}
				untried = x + hopeless
			}
			missed++
			if left != nil {
				left.Set(x, row)
			}
		}
	}
	return visits, missed
}

// nearest finds the nearest target of the query at (x, y, z): in which of the
// rings' rows (−1 if none) and how far along x.
func (s *search) nearest(r *rings, x, y, z, base int) (dx, at, visits int) {
	best := r.limit
	at = -1
	from := base + (x-window)>>6
	shift := uint(x-window) & 63
	for i := range r.rows {
		o := &r.rows[i]
		if o.squared >= best {
			return dx, at, i
		}
		if uint(y+int(o.dy)) >= uint(s.ny) || uint(z+int(o.dz)) >= uint(s.nz) {
			continue
		}
		line := (int(o.dz)*s.ny + int(o.dy)) * s.stride
		view := s.words[from+line : from+line+2]
		seen := view[0]>>shift | view[1]<<1<<(63-shift)
		if seen == 0 {
			if d := s.outside(x, base+line, best-o.squared); d > 0 {
				best, dx, at = o.squared+s.square(d), d, i
			}
			continue
		}
		d := min(bits.TrailingZeros64(seen>>window), bits.LeadingZeros64(seen<<(window-1)))
		if candidate := o.squared + s.squares[d]; candidate < best {
			best, dx, at = candidate, d, i
		}
	}
	return dx, at, len(r.rows)
}

func (s *search) square(steps int) float64 {
	d := float64(steps) * s.spacing
	return d * d
}

// outside finds the nearest target of a row that shows none in the window
// around x, if its squared distance along x is less than limit; 0 if none.
func (s *search) outside(x, base int, limit float64) int {
	if s.squares[window] >= limit {
		return 0
	}
	row := s.words[base : base+s.stride-1]
	most := 64 * len(row)
	if steps := math.Sqrt(limit) / s.spacing; steps < float64(most) {
		most = int(steps) + 1
	}
	found := 0
	for i := (x - window - 1) >> 6; i >= 0 && x-i*64-63 <= most; i-- {
		if row[i] != 0 {
			found = x - i*64 - 63 + bits.LeadingZeros64(row[i])
			most = min(most, found)
			break
		}
	}
	for i := (x + window) >> 6; i < len(row) && i*64-x <= most; i++ {
		if row[i] != 0 {
			if d := i*64 + bits.TrailingZeros64(row[i]) - x; found == 0 || d < found {
				found = d
			}
			break
		}
	}
	if found == 0 || s.square(found) >= limit {
		return 0
	}
	return found
}

func abs(n int) int { return max(n, -n) }
