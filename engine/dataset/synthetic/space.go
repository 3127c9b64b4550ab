package synthetic

// space is where trees grow: a box, and what already stands in it.
type space struct {
	low, high vec // the faces of the outermost voxels
	leastR    float64
	greatestR float64
	gap       float64 // least distance between vessel walls
	cell      float64
	cells     map[[3]int][]obstacle
}

// obstacle is a node that other branches must not touch.
type obstacle struct {
	at     vec
	r      float64
	branch int // unique over all trees
}

func newSpace(shape [3]int, spacing [3]float64, leastR, greatestR float64) *space {
	s := &space{leastR: leastR, greatestR: greatestR, cells: map[[3]int][]obstacle{}}
	for i := range 3 {
		s.low[i] = -spacing[i] / 2
		s.high[i] = (float64(shape[i]) - 0.5) * spacing[i]
	}
	s.gap = vec(spacing).norm()
	s.cell = 2*greatestR + s.gap
	return s
}

func (s *space) contains(p vec) bool {
	for i := range p {
		if p[i] < s.low[i] || p[i] > s.high[i] {
			return false
		}
	}
	return true
}

func (s *space) volume() float64 {
	d := s.high.sub(s.low)
	return d[0] * d[1] * d[2]
}

func (s *space) key(p vec) [3]int {
	var k [3]int
	for i := range p {
		k[i] = int((p[i] - s.low[i] + 8*s.cell) / s.cell)
	}
	return k
}

func (s *space) add(o obstacle) {
	k := s.key(o.at)
	s.cells[k] = append(s.cells[k], o)
}

// free tells whether a ball keeps its distance from all branches but those
// that near names.
func (s *space) free(p vec, r float64, near func(branch int, at vec) bool) bool {
	k := s.key(p)
	for dx := -1; dx <= 1; dx++ {
		for dy := -1; dy <= 1; dy++ {
			for dz := -1; dz <= 1; dz++ {
				for _, o := range s.cells[[3]int{k[0] + dx, k[1] + dy, k[2] + dz}] {
					if p.sub(o.at).norm() < r+o.r+s.gap && !near(o.branch, o.at) {
						return false
					}
				}
			}
		}
	}
	return true
}
