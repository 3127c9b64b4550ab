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
	seen := make([]bool, len(c.class))
	var voxels, best []int
	for i, k := range c.class {
		if k <= agreed || seen[i] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return piece{}, err
		}
		voxels = c.flood(i, seen, voxels[:0])
		if len(voxels) > len(best) {
			voxels, best = best, voxels
		}
	}
	out := piece{size: len(best), word: "missed", areas: newTally(c.shape[2])}
	for _, i := range best {
		out.areas.errors[i/(c.shape[0]*c.shape[1])]++
		if c.class[i] == wrong {
			out.word = "false"
		}
	}
	return out, nil
}

// flood appends the voxels of the piece that holds voxel i.
func (c *classified) flood(i int, seen []bool, voxels []int) []int {
	seen[i] = true
	voxels = append(voxels, i)
	step := [3]int{1, c.shape[0], c.shape[0] * c.shape[1]}
	for next := 0; next < len(voxels); next++ {
		at := voxels[next]
		for a := range step {
			v := at / step[a] % c.shape[a]
			for _, d := range [2]int{-1, 1} {
				to := at + d*step[a]
				if v+d < 0 || v+d >= c.shape[a] || seen[to] || c.class[to] != c.class[i] {
					continue
				}
				seen[to] = true
				voxels = append(voxels, to)
			}
		}
	}
	return voxels
}
