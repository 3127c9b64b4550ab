package edt

// columns is how many neighbouring columns are gathered at once: a cache line
// of float32.
const columns = 16

// planes transforms planes of one size along y, then along x.
type planes[T Number] struct {
	nx, ny int
	y, x   *envelope[T]
	values []T // the gathered columns or a row, one after the other
	result []T // of the columns
}

func newPlanes[T Number](nx, ny int, spacing [3]float64) *planes[T] {
	return &planes[T]{
		nx: nx, ny: ny, y: newEnvelope[T](ny, spacing[1]), x: newEnvelope[T](nx, spacing[0]),
		values: make([]T, max(columns*ny, nx)), result: make([]T, columns*ny),
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
		line := p.values[:p.nx]
		copy(line, row)
		if k := p.x.build(line); k > 0 {
			p.x.evaluate(line, row, k)
		}
	}
}

// block replaces width neighbouring columns by their lower envelopes.
func (p *planes[T]) block(data []T, width int) {
	ny := p.ny
	for y := range ny {
		for c, v := range data[y*p.nx:][:width] {
			p.values[c*ny+y] = v
		}
	}
	for c := range width {
		column, result := p.values[c*ny:][:ny], p.result[c*ny:][:ny]
		if k := p.y.build(column); k > 0 {
			p.y.evaluate(column, result, k)
		} else {
			copy(result, column)
		}
	}
	for y := range ny {
		row := data[y*p.nx:][:width]
		for c := range row {
			row[c] = p.result[c*ny+y]
		}
	}
}
