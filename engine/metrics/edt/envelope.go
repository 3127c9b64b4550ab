package edt

import "math"

// envelope finds the lower envelope of the parabolas f[v] + (s·(i−v))² over the
// integers 0 … n−1. Divided by s² and less i², which all share, a parabola is the
// line h[v] − 2·i·v with h[v] = f[v]/s² + v², so that two of them cross at
// (h[q]−h[v]) / 2(q−v).
type envelope struct {
	squared float64   // s²
	inverse float64   // 1/s²
	half    []float64 // half[k] is 1/(2k)
	apex    []int32   // lines on the envelope, from left to right
	start   []float64 // the first integer at which each is the lowest
	height  []float64 // h of each
	owner   []int32   // at that integer, the apex plus one; elsewhere 0
}

func newEnvelope(n int, spacing float64) *envelope {
	e := &envelope{
		squared: spacing * spacing, inverse: 1 / (spacing * spacing),
		half: make([]float64, n+1), apex: make([]int32, n), start: make([]float64, n),
		height: make([]float64, n), owner: make([]int32, n),
	}
	for k := 1; k <= n; k++ {
		e.half[k] = 1 / (2 * float64(k))
	}
	return e
}

// build finds the envelope of the samples and returns how many parabolas it is
// made of. Infinite samples raise none.
func (e *envelope) build(f []float64) int {
	n := len(f)
	half, apex, start, height := e.half, e.apex[:n], e.start[:n], e.height[:n]
	limit := float64(n - 1)
	k := 0
	var top, hTop, from float64
	for q, fq := range f {
		if fq > math.MaxFloat64 {
			continue
		}
		x := float64(q)
		h := fq*e.inverse + x*x
		at := -1.0
		for k > 0 {
			at = (h - hTop) * half[q-int(top)]
			if at >= from {
				break
			}
			k--
			at = -1
			if k > 0 {
				top, hTop, from = float64(apex[k-1]), height[k-1], start[k-1]
			}
		}
		if at >= limit {
			continue
		}
		from = 0
		if k > 0 {
			from = float64(int(at) + 1)
		}
		apex[k], start[k], height[k] = int32(q), from, h
		top, hTop = x, h
		k++
	}
	return k
}

// owners marks where each of the envelope's k parabolas begins, so that a loop
// over the integers has no branch to guess wrongly. The caller clears it.
func (e *envelope) owners(k int) []int32 {
	for j := range k {
		e.owner[int(e.start[j])] = e.apex[j] + 1
	}
	return e.owner
}
