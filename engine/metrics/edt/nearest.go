package edt

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// Sink takes what a search finds: the query voxel at x in a row (y + ny*z), and
// how many voxels away along each axis the nearest target is, without sign.
// Each query is reported once. A sink is used by one goroutine at a time.
type Sink interface {
	Found(x, row, dx, dy, dz int)
}

// Scratch keeps memory from one Nearest to the next. Its zero value is ready; it
// is used by one at a time.
type Scratch struct {
	narrow []uint16
	wide   []int32
}

// Nearest finds the nearest target of every query, both of one shape, with at
// least one target. It is Squared without its result: what is kept is 2 bytes a
// voxel (4 if the volume has 32768 slices or more), and only planes and rows
// that hold queries are looked at. Offsets are exact up to ties within the
// rounding of float64. Every goroutine asks sinks for one of its own. Scratch may
// be nil.
func Nearest(ctx context.Context, queries, targets *bitmask.Volume, spacing [3]float64, threads int, scratch *Scratch, sinks func() Sink) error {
	if queries.Shape != targets.Shape {
		return fmt.Errorf("%w: queries %v, targets %v", ErrShape, queries.Shape, targets.Shape)
	}
	if scratch == nil {
		scratch = &Scratch{}
	}
	if 2*targets.Shape[2] <= math.MaxUint16 {
		return nearest(ctx, queries, targets, spacing, threads, &scratch.narrow, sinks)
	}
	return nearest(ctx, queries, targets, spacing, threads, &scratch.wide, sinks)
}

func nearest[S uint16 | int32](ctx context.Context, queries, targets *bitmask.Volume, spacing [3]float64, threads int, scratch *[]S, sinks func() Sink) error {
	if n := targets.Shape[0] * targets.Rows(); cap(*scratch) < n {
		*scratch = make([]S, n)
	}
	steps := (*scratch)[:targets.Shape[0]*targets.Rows()]
	if err := scanBits(ctx, targets, steps, threads); err != nil {
		return err
	}
	nz := targets.Shape[2]
	squares := make([]float64, 2*nz)
	for k := range squares {
		squares[k] = math.Inf(1)
		if k < nz {
			d := float64(k) * spacing[2]
			squares[k] = d * d
		}
	}
	return rows.EachBy(ctx, nz, 1, threads, func() func(from, to int) error {
		f := newFinder(queries, steps, squares, spacing, sinks())
		return func(from, to int) error {
			for z := from; z < to; z++ {
				f.plane(z)
			}
			return nil
		}
	})
}

// scanBits counts the slices to the nearest target of the same column; nz and
// more mean that there is none.
func scanBits[S uint16 | int32](ctx context.Context, targets *bitmask.Volume, steps []S, threads int) error {
	nx, ny, nz := targets.Shape[0], targets.Shape[1], targets.Shape[2]
	return rows.Each(ctx, ny, 1, threads, func(from, to int) error {
		for y := from; y < to; y++ {
			for z := range nz {
				row := steps[(z*ny+y)*nx:][:nx]
				if z == 0 {
					for x := range row {
						row[x] = S(nz)
					}
				} else {
					before := steps[((z-1)*ny+y)*nx:][:nx]
					for x, s := range before {
						row[x] = s + 1
					}
				}
				for w, word := range targets.Row(y + ny*z) {
					for ; word != 0; word &= word - 1 {
						row[w*64+bits.TrailingZeros64(word)] = 0
					}
				}
			}
			for z := nz - 2; z >= 0; z-- {
				row := steps[(z*ny+y)*nx:][:nx]
				for x, s := range steps[((z+1)*ny+y)*nx:][:nx] {
					row[x] = min(row[x], s+1)
				}
			}
		}
		return nil
	})
}

// finder finds the nearest targets of the queries of one plane at a time.
type finder[S uint16 | int32] struct {
	queries *bitmask.Volume
	steps   []S
	squares []float64
	y, x    *envelope[float64]
	columns []float64 // the gathered columns, one after the other
	lowest  []float64 // squared distance within the same x, of the plane
	nearest []int32   // and the y where that is reached
	sink    Sink
}

func newFinder[S uint16 | int32](queries *bitmask.Volume, steps []S, squares []float64, spacing [3]float64, sink Sink) *finder[S] {
	nx, ny := queries.Shape[0], queries.Shape[1]
	return &finder[S]{
		queries: queries, steps: steps, squares: squares, sink: sink,
		y: newEnvelope[float64](ny, spacing[1]), x: newEnvelope[float64](nx, spacing[0]),
		columns: make([]float64, columns*ny), lowest: make([]float64, nx*ny), nearest: make([]int32, nx*ny),
	}
}

func (f *finder[S]) plane(z int) {
	nx, ny := f.queries.Shape[0], f.queries.Shape[1]
	gathered := false
	for y := range ny {
		if !f.queries.Any(y + ny*z) {
			continue
		}
		if !gathered {
			for x := 0; x < nx; x += columns {
				f.block(z, x, min(columns, nx-x))
			}
			gathered = true
		}
		f.row(f.queries.Row(y+ny*z), y, z)
	}
}

// block finds the nearest targets along y and z for width columns from x on.
func (f *finder[S]) block(z, x, width int) {
	nx, ny := f.queries.Shape[0], f.queries.Shape[1]
	for y := range ny {
		for c, s := range f.steps[(z*ny+y)*nx+x:][:width] {
			f.columns[c*ny+y] = f.squares[s]
		}
	}
	for c := range width {
		column := f.columns[c*ny:][:ny]
		k := f.y.build(column)
		if k == 0 {
			for y := range ny {
				f.lowest[y*nx+x+c] = math.Inf(1)
			}
			continue
		}
		v, at := 0, x+c
		for y, s := range f.y.steps(k) {
			v += int(s)
			f.lowest[at] = column[v] + f.y.squares[ny-1+y-v]
			f.nearest[at] = int32(v)
			at += nx
		}
	}
}

// row reports the queries of one row.
func (f *finder[S]) row(asked []uint64, y, z int) {
	nx, ny := f.queries.Shape[0], f.queries.Shape[1]
	k := f.x.build(f.lowest[y*nx:][:nx])
	apex, start := f.x.apex[:k], f.x.start[:k]
	j := 0
	for w, word := range asked {
		for ; word != 0; word &= word - 1 {
			x := w*64 + bits.TrailingZeros64(word)
			for j+1 < k && start[j+1] <= float64(x) {
				j++
			}
			at := int(apex[j])
			from := int(f.nearest[y*nx+at])
			dz := int(f.steps[(z*ny+from)*nx+at])
			f.sink.Found(x, y+ny*z, abs(x-at), abs(y-from), dz)
		}
	}
}

func abs(n int) int { return max(n, -n) }
