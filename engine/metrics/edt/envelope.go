package edt

import "math"

// envelope finds the lower envelope of the parabolas f[v] + (s·(i−v))² over the
// integers 0 … n−1. Divided by s² and less i², which all share, a parabola is the
// line h[v] − 2·i·v with h[v] = f[v]/s² + v², so that two of them cross at
// (h[q]−h[v]) / 2(q−v).
type envelope[T Number] struct {
	inverse float64   // 1/s²
	half    []float64 // half[k] is 1/(2k)
	squares []T       // squares[n−1+k] is (s·k)²
	apex    []int32   // of the parabolas on the envelope, from left to right
	start   []float64 // the first integer at which each is the lowest
	height  []float64 // h of each
	step    []int32   // scratch space of steps
	none    T         // stands for an infinite sample
}

func newEnvelope[T Number](n int, spacing float64) *envelope[T] {
	e := &envelope[T]{
		inverse: 1 / (spacing * spacing), half: make([]float64, n+1), squares: make([]T, 2*n-1),
		apex: make([]int32, n), start: make([]float64, n), height: make([]float64, n), step: make([]int32, n),
		none: unreached[T](),
	}
	for k := range n {
		e.half[k+1] = 1 / (2 * float64(k+1))
		d := float64(k) * spacing
		e.squares[n-1+k], e.squares[n-1-k] = T(d*d), T(d*d)
	}
	return e
}

// build finds the envelope of the samples and returns how many parabolas it is
// made of. Infinite samples raise none. A stack of parabolas, from which each
// new one removes those that it leaves no integer, needs branches that are
// guessed wrongly half of the time; two sweeps without any come first, and
// leave over little more than the envelope.
func (e *envelope[T]) build(f []T) int {
	half, apex, start, height := e.half, e.apex, e.start, e.height
	limit := float64(len(f))
	k, top := 0, 0
	var hTop, from float64
	n := e.sweep(f, e.dents(f))
	for i, h := range height[:n] {
		c := apex[i]
		q := int(c)
		at := 0.0
		for k > 0 {
			// The first integer where q is lower than top, if whole.
			at = (h-hTop)*half[q-top] + 1
			if at >= from+1 {
				break
			}
			k--
			at = 0
			if k > 0 {
				top, hTop, from = int(apex[k-1]), height[k-1], start[k-1]
			}
		}
		if at >= limit {
			continue
		}
		from = float64(int(at))
		apex[k], start[k], height[k] = c, from, h
		top, hTop = q, h
		k++
	}
	return k
}

// dents lists in apex the samples that are below the line between their
// neighbours, the first and the last, and perhaps infinite ones.
func (e *envelope[T]) dents(f []T) int {
	n := len(f)
	list := e.apex
	if n < 3 {
		for i := range f {
			list[i] = int32(i)
		}
		return n
	}
	list[0] = 0
	k := 1
	bend := 2 / e.inverse
	before, here := float64(f[0]), float64(f[1])
	for i, v := range f[2:] {
		after := float64(v)
		above := (here - before) + (here - after) - bend
		list[k] = int32(i + 1)
		k += int(math.Float64bits(above) >> 63)
		before, here = here, after
	}
	list[k] = int32(n - 1)
	return k + 1
}

// sweep drops from the first n of the list the infinite samples, and those that
// are at no integer lower than both the one before and the one after. It notes
// the height of the others.
func (e *envelope[T]) sweep(f []T, n int) int {
	list, height, half := e.apex[:n], e.height[:n], e.half
	limit := float64(len(f))
	k, q := 0, -1
	var h float64
	var from int64 // the first integer where q is lower than the one before
	for _, c := range list {
		v := f[c]
		if v == e.none {
			continue
		}
		x := float64(c)
		after := float64(v)*e.inverse + x*x
		if q < 0 {
			q, h = int(c), after
			continue
		}
		to := int64(limit)
		if at := (after-h)*half[int(c)-q] + 1; at < limit {
			to = max(0, int64(at))
		}
		list[k], height[k] = int32(q), h
		k += int(uint64(from-to) >> 63)
		q, h, from = int(c), after, to
	}
	if q >= 0 {
		list[k], height[k] = int32(q), h
		k++
	}
	return k
}

// evaluate writes the envelope of k > 0 parabolas over the samples f at every
// integer.
func (e *envelope[T]) evaluate(f, out []T, k int) {
	step, squares := e.steps(k), e.squares
	out = out[:len(step)]
	v, at := 0, len(f)-1
	for i, s := range step {
		v += int(s)
		at -= int(s)
		out[i] = f[v] + squares[at]
		at++
	}
}

// steps is how far the lowest of k parabolas lies from the one before, at every
// integer, so that a loop over these has no branch to guess wrongly either.
func (e *envelope[T]) steps(k int) []int32 {
	clear(e.step)
	step, start := e.step, e.start[:k]
	before := int32(0)
	for j, apex := range e.apex[:k] {
		step[int(start[j])] = apex - before
		before = apex
	}
	return step
}
