// Package edt computes exact Euclidean distance transforms of 3D volumes with
// anisotropic voxels. What the distances are used for belongs elsewhere.
package edt

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// ErrShape says that the arrays do not have the shape they are said to have.
var ErrShape = errors.New("edt: array does not fit shape")

// columns is how many neighbouring columns are gathered at once, so that a
// cache line fetched for one is used for all.
const columns = 8

// Squared writes into dst, for each voxel, the squared Euclidean distance from
// its centre to the centre of the nearest marked (non-zero) voxel, in the
// square of spacing's unit; +Inf everywhere if none is marked. Arrays have
// shape (x, y, z), x fastest; spacing is the voxel's size along x, y and z and
// must be positive. The sum of squares is formed in the order x, y, z in
// float64, so that distances equal those of scipy.ndimage's
// distance_transform_edt to the last bit or nearly so. Threads bounds the goroutines
// used (0 means GOMAXPROCS).
//
// The method is separable: a two-way scan along x, then along y and z the
// lower envelope of parabolas (Felzenszwalb and Huttenlocher, Theory of
// Computing 2012; Meijster et al. 2000). Time is linear in the voxels.
func Squared(ctx context.Context, dst []float64, marked []uint8, shape [3]int, spacing [3]float64, threads int) error {
	if n := shape[0] * shape[1] * shape[2]; len(dst) != n || len(marked) != n {
		return fmt.Errorf("%w: shape %v means %d voxels, got %d marks and %d results", ErrShape, shape, n, len(marked), len(dst))
	}
	nx, ny, nz := shape[0], shape[1], shape[2]
	slice := nx * ny
	err := rows.Each(ctx, nz, 1, threads, func(from, to int) error {
		along := newEnvelope(ny, spacing[1])
		for z := from; z < to; z++ {
			plane := dst[z*slice : (z+1)*slice]
			for y := range ny {
				row := z*slice + y*nx
				scan(plane[y*nx:(y+1)*nx], marked[row:row+nx], spacing[0])
			}
			for x := 0; x < nx; x += columns {
				along.transform(plane[x:], min(columns, nx-x), nx)
			}
		}
		return nil
	})
	if err != nil || nz == 1 {
		return err
	}
	return rows.Each(ctx, ny, 4, threads, func(from, to int) error {
		along := newEnvelope(nz, spacing[2])
		for y := from; y < to; y++ {
			for x := 0; x < nx; x += columns {
				along.transform(dst[y*nx+x:], min(columns, nx-x), slice)
			}
		}
		return nil
	})
}

// scan writes the squared distance along one row to its nearest marked voxel.
func scan(dst []float64, marked []uint8, spacing float64) {
	last := -1
	for i, m := range marked {
		if m != 0 {
			last = i
		}
		dst[i] = math.Inf(1)
		if last >= 0 {
			d := float64(i-last) * spacing
			dst[i] = d * d
		}
	}
	if last < 0 {
		return
	}
	next := last
	for i := last; i >= 0; i-- {
		if marked[i] != 0 {
			next = i
		}
		d := float64(next-i) * spacing
		dst[i] = min(dst[i], d*d)
	}
}

// envelope is the scratch space for transforming columns of one length.
type envelope struct {
	spacing, inverse float64   // inverse is 1/spacing²
	half             []float64 // half[k] is 1/(2k)
	values           []float64 // the gathered columns, one after the other
	apex             []int     // parabolas on the envelope
	from             []float64 // where each begins to be the lowest
}

func newEnvelope(n int, spacing float64) *envelope {
	e := &envelope{
		spacing: spacing, inverse: 1 / (spacing * spacing),
		half: make([]float64, n+1), values: make([]float64, columns*n),
		apex: make([]int, n), from: make([]float64, n+1),
	}
	for k := 1; k <= n; k++ {
		e.half[k] = 1 / (2 * float64(k))
	}
	return e
}

// transform replaces width neighbouring columns of data, whose elements lie
// stride apart, by their lower envelopes.
func (e *envelope) transform(data []float64, width, stride int) {
	n := len(e.apex)
	for i := range n {
		for c, v := range data[i*stride : i*stride+width] {
			e.values[c*n+i] = v
		}
	}
	for c := range width {
		column := e.values[c*n : (c+1)*n]
		if k := e.build(column); k > 0 {
			e.evaluate(column, data[c:], stride, k)
		}
	}
}

// build finds the parabolas f[v] + (spacing·(i−v))² that are lowest somewhere,
// and returns how many there are. Infinite samples raise none.
func (e *envelope) build(f []float64) int {
	k := 0
	for q, fq := range f {
		if math.IsInf(fq, 1) {
			continue
		}
		at := math.Inf(-1)
		for k > 0 {
			v := e.apex[k-1]
			at = ((fq-f[v])*e.inverse + float64((q-v)*(q+v))) * e.half[q-v]
			if at > e.from[k-1] {
				break
			}
			k--
			at = math.Inf(-1)
		}
		e.apex[k], e.from[k] = q, at
		k++
	}
	return k
}

// evaluate writes the envelope of k parabolas at every index.
func (e *envelope) evaluate(f, data []float64, stride, k int) {
	e.from[k] = math.Inf(1)
	j := 0
	for i := range f {
		for e.from[j+1] < float64(i) {
			j++
		}
		v := e.apex[j]
		d := float64(i-v) * e.spacing
		data[i*stride] = f[v] + d*d
	}
}
