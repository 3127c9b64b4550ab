package report

import "context"

// What a voxel, or a pixel, is by the two masks. The order is that of the
// palette's rows.
const (
	none byte = iota
	agreed
	missed
	wrong // "false" is taken
	classCount
)

// tally says what lies in each plane along one axis.
type tally struct {
	errors, structure []int // voxels a plane
}

func newTally(n int) tally { return tally{errors: make([]int, n), structure: make([]int, n)} }

// most is the plane with the most errors; without any that with the most
// structure, and without that the middle one. The first of equals counts.
func (t tally) most() int {
	for _, counts := range [][]int{t.errors, t.structure} {
		best := 0
		for i, n := range counts {
			if n > counts[best] {
				best = i
			}
		}
		if counts[best] > 0 {
			return best
		}
	}
	return len(t.errors) / 2
}

// classified is a scene voxel by voxel.
type classified struct {
	shape     [3]int
	class     []byte
	counts    Counts
	axes      [3]tally // planes along x, y and z
	low, high [3]int   // box around everything but background, high exclusive
	confused  int      // voxels where both maps hold a structure, but not the same
}

// classify compares the two masks. All slices of the scene have been checked.
func classify(ctx context.Context, s Scene) (*classified, error) {
	c := &classified{shape: s.Shape, class: make([]byte, len(s.Reference)), low: s.Shape}
	for a := range c.axes {
		c.axes[a] = newTally(s.Shape[a])
	}
	i := 0
	for z := range s.Shape[2] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for y := range s.Shape[1] {
			for x := range s.Shape[0] {
				r, p := s.Reference[i], s.Prediction[i]
				if k := classOf(r, p, s.Label); k != none {
					c.class[i] = k
					c.add(k, [3]int{x, y, z})
					if k == agreed && r != p {
						c.confused++
					}
				}
				i++
			}
		}
	}
	return c, nil
}

func classOf(r, p, label uint8) byte {
	inR, inP := r != 0, p != 0
	if label != 0 {
		inR, inP = r == label, p == label
	}
	switch {
	case inR && inP:
		return agreed
	case inR:
		return missed
	case inP:
		return wrong
	}
	return none
}

func (c *classified) add(k byte, at [3]int) {
	switch k {
	case agreed:
		c.counts.Agreed++
	case missed:
		c.counts.Missed++
	case wrong:
		c.counts.False++
	}
	for a, v := range at {
		c.low[a], c.high[a] = min(c.low[a], v), max(c.high[a], v+1)
		c.axes[a].structure[v]++
		if k != agreed {
			c.axes[a].errors[v]++
		}
	}
}

// piece is connected voxels that are all missed or all false.
type piece struct {
	size  int
	word  string // missed or false
	areas tally  // voxels by slice along z
}

// largestPiece finds the largest 6-connected piece, the first of equals; it has
// no voxels when there is no error.
func (c *classified) largestPiece(ctx context.Context) (piece, error) {
	f := flood{classified: c, seen: make([]bool, len(c.class)), area: make([]int, c.shape[2])}
	best := piece{word: "missed", areas: newTally(c.shape[2])}
	for i, k := range c.class {
		if k <= agreed || f.seen[i] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return piece{}, err
		}
		size := f.from(i)
		if size <= best.size {
			continue
		}
		best.size, best.word = size, "missed"
		if k == wrong {
			best.word = "false"
		}
		copy(best.areas.errors, f.area)
	}
	return best, nil
}

// flood visits pieces breadth first, so that it holds no more of one than its
// front.
type flood struct {
	*classified
	seen        []bool
	area        []int // voxels of the last piece by slice along z
	front, next []int
}

// from visits the piece that holds voxel i and gives its size.
func (f *flood) from(i int) int {
	clear(f.area)
	f.seen[i] = true
	f.front = append(f.front[:0], i)
	size := 0
	for len(f.front) > 0 {
		f.next = f.next[:0]
		for _, at := range f.front {
			f.area[at/(f.shape[0]*f.shape[1])]++
			f.spread(at)
		}
		size += len(f.front)
		f.front, f.next = f.next, f.front
	}
	return size
}

// spread adds the neighbours of the same class that were not seen yet.
func (f *flood) spread(at int) {
	step := [3]int{1, f.shape[0], f.shape[0] * f.shape[1]}
	for a := range step {
		v := at / step[a] % f.shape[a]
		for _, d := range [2]int{-1, 1} {
			to := at + d*step[a]
			if v+d < 0 || v+d >= f.shape[a] || f.seen[to] || f.class[to] != f.class[at] {
				continue
			}
			f.seen[to] = true
			f.next = append(f.next, to)
		}
	}
}
