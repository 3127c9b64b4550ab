package metrics

import (
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics/ring"
)

// spread is a list of distances, each with how often it occurs, ascending.
type spread struct {
	distances []float64
	upTo      []int // how many are this or less
	n         int
}

func newSpread(counts []ring.Count) spread {
	s := spread{distances: make([]float64, 0, len(counts)), upTo: make([]int, 0, len(counts))}
	for _, c := range counts {
		s.add(math.Sqrt(c.Squared), c.N)
	}
	return s
}

func (s *spread) add(distance float64, n int) {
	s.n += n
	if last := len(s.distances) - 1; last >= 0 && s.distances[last] == distance {
		s.upTo[last] = s.n
		return
	}
	s.distances, s.upTo = append(s.distances, distance), append(s.upTo, s.n)
}

// pooled is both lists together.
func pooled(a, b spread) spread {
	s := spread{}
	for i, j := 0, 0; i < len(a.distances) || j < len(b.distances); {
		if j == len(b.distances) || i < len(a.distances) && a.distances[i] <= b.distances[j] {
			s.add(a.distances[i], a.times(i))
			i++
			continue
		}
		s.add(b.distances[j], b.times(j))
		j++
	}
	return s
}

// times is how often the i-th distance occurs.
func (s *spread) times(i int) int {
	if i == 0 {
		return s.upTo[0]
	}
	return s.upTo[i] - s.upTo[i-1]
}

// at is the k-th smallest distance, from 0.
func (s *spread) at(k int) float64 {
	i, _ := slices.BinarySearch(s.upTo, k+1)
	return s.distances[i]
}

// percentile is NumPy's default: linear interpolation between the two nearest
// order statistics, q in [0, 100].
func (s spread) percentile(q float64) float64 {
	at := q / 100 * float64(s.n-1)
	k := int(math.Floor(at))
	low := s.at(k)
	if k+1 >= s.n {
		return low
	}
	return low + (s.at(k+1)-low)*(at-float64(k))
}

// within counts the distances of at most reach.
func (s spread) within(reach float64) int {
	i, found := slices.BinarySearch(s.distances, reach)
	if found {
		return s.upTo[i]
	}
	if i == 0 {
		return 0
	}
	return s.upTo[i-1]
}

func (s spread) sum() float64 {
	var total float64
	for i, d := range s.distances {
		total += d * float64(s.times(i))
	}
	return total
}
