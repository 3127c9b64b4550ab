package edt

import "math"

// columns is how many neighbouring columns are gathered at once: a cache line
// of float32.
const columns = 16

// planes transforms planes of one size along y, then along x.
type planes[T Number] struct {
	nx, ny int
	y, x   *envelope
	values []float64 // the gathered columns, one after the other
	line   []float64
}

func newPlanes[T Number](nx, ny int, spacing [3]float64) *planes[T] {
	return &planes[T]{
		nx: nx, ny: ny, y: newEnvelope(ny, spacing[1]), x: newEnvelope(nx, spacing[0]),
		values: make([]float64, columns*ny), line: make([]float64, nx),
	}
}

func (p *planes[T]) transform(plane []T) {
	if p.ny > 1 {
		for x := 0; x < p.nx; x += columns {
			p.block(plane[x:], min(columns, p.nx-x))
		}
	}
	if p.nx == 1 {
		return
	}
	for y := range p.ny {
		row := plane[y*p.nx:][:p.nx]
		widen(p.line, row)
		if k := p.x.build(p.line); k > 0 {
			evaluate(p.x, p.line, row, 1, k)
		}
	}
}

// block replaces width neighbouring columns by their lower envelopes.
func (p *planes[T]) block(data []T, width int) {
	none := unreached[T]()
	for y := range p.ny {
		for c, v := range data[y*p.nx:][:width] {
			f := float64(v)
			if v == none {
				f = math.Inf(1)
			}
			p.values[c*p.ny+y] = f
		}
	}
	for c := range width {
		column := p.values[c*p.ny:][:p.ny]
		if k := p.y.build(column); k > 0 {
			evaluate(p.y, column, data[c:], p.nx, k)
		}
	}
}

// widen converts samples, so that none is +Inf.
func widen[T Number](to []float64, from []T) {
	none := unreached[T]()
	to = to[:len(from)]
	for i, v := range from {
		to[i] = float64(v)
		if v == none {
			to[i] = math.Inf(1)
		}
	}
}

// evaluate writes an envelope of k > 0 parabolas over the samples f at every
// integer, stride apart.
func evaluate[T Number](e *envelope, f []float64, data []T, stride, k int) {
	owner := e.owners(k)
	v := owner[0]
	at := 0
	for i := range owner {
		if o := owner[i]; o != 0 {
			v = o
		}
		owner[i] = 0
		d := int(v) - 1 - i
		data[at] = T(f[v-1] + float64(d*d)*e.squared)
		at += stride
	}
}
