package edt

// columns is how many neighbouring columns are gathered at once: a cache line
// of float32.
const columns = 16

// planes transforms planes of one size along y, then along x.
type planes[T Number] struct {
	nx, ny    int
	y, x      *envelope[T]
	values    []T // the gathered columns or a row, one after the other
	result    []T // of the columns
	cols, row *lines
}

func newPlanes[T Number](nx, ny int, spacing [3]float64) *planes[T] {
	p := &planes[T]{
		nx: nx, ny: ny, y: newEnvelope[T](ny, spacing[1]), x: newEnvelope[T](nx, spacing[0]),
		values: make([]T, max(columns*ny, nx)), result: make([]T, columns*ny),
	}
	if _, single := any(p.values).([]float32); single {
		p.cols, p.row = newLines(ny, columns, spacing[1]), newLines(nx, 1, spacing[0])
	}
	return p
}

func (p *planes[T]) transform(plane []T) {
	if p.ny > 1 {
		for x := 0; x < p.nx; x += columns {
			width := min(columns, p.nx-x)
			if width < columns || !p.vectorBlock(plane[x:]) {
				p.block(plane[x:], width)
			}
		}
	}
	if p.nx == 1 {
		return
	}
	for y := range p.ny {
		row := plane[y*p.nx:][:p.nx]
		if p.vectorRow(row) {
			continue
		}
		line := p.values[:p.nx]
		copy(line, row)
		if k := p.x.build(line); k > 0 {
			p.x.evaluate(line, row, k)
		}
	}
}

// vectorRow replaces a row by its lower envelope, if vectors can.
func (p *planes[T]) vectorRow(row []T) bool {
	single, ok := any(row).([]float32)
	if !ok || p.row == nil {
		return false
	}
	copy(p.row.samples(), single)
	if !p.row.lowest() {
		return false
	}
	copy(single, p.row.out)
	return true
}

// vectorBlock replaces as many neighbouring columns as are gathered by their
// lower envelopes, if vectors can.
func (p *planes[T]) vectorBlock(data []T) bool {
	single, ok := any(data).([]float32)
	if !ok || p.cols == nil {
		return false
	}
	samples := p.cols.samples()
	for y := range p.ny {
		copy(samples[y*columns:][:columns], single[y*p.nx:])
	}
	if !p.cols.lowest() {
		return false
	}
	for y := range p.ny {
		copy(single[y*p.nx:][:columns], p.cols.out[y*columns:])
	}
	return true
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
