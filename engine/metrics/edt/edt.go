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

// What Squared refuses.
var (
	// ErrShape says that the arrays do not have the shape they are said to have.
	ErrShape = errors.New("edt: array does not fit shape")
	// ErrSpacing says that a spacing is not a positive, finite length, or that
	// squared distances are no integers that 32 bits hold.
	ErrSpacing = errors.New("edt: unusable spacing")
)

// Number is what squared distances can be written as.
type Number interface{ float32 | float64 | uint32 }

// Unreached is what Squared writes as uint32 where no voxel is marked.
const Unreached = math.MaxUint32

// Squared writes into dst, for each voxel, the squared Euclidean distance from
// its centre to the centre of the nearest marked (non-zero) voxel, in the
// square of spacing's unit; +Inf everywhere if none is marked. Arrays have
// shape (x, y, z), x fastest; spacing is the voxel's size along x, y and z.
// Threads bounds the goroutines used (0 means GOMAXPROCS).
//
// The type of dst is the precision. float64 equals scipy.ndimage's
// distance_transform_edt to the last bit or nearly so, float32 to six digits
// at half of the memory. uint32 is exact: it wants whole-numbered spacings (in
// a unit that makes them so) whose greatest squared distance fits, refuses
// others with ErrSpacing, and writes Unreached in place of +Inf. Beside dst
// memory grows with a plane of the volume, not with the volume.
//
// The method is separable: a two-way scan along z, then plane by plane, while
// it lies in the cache, along y and x the lower envelope of parabolas
// (Felzenszwalb and Huttenlocher, Theory of Computing 2012; Meijster et al.
// 2000). Time is linear in the voxels.
func Squared[T Number](ctx context.Context, dst []T, marked []uint8, shape [3]int, spacing [3]float64, threads int) error {
	if n, ok := voxels(shape); !ok || len(dst) != n || len(marked) != n {
		return fmt.Errorf("%w: shape %v does not describe %d marks and %d results", ErrShape, shape, len(marked), len(dst))
	}
	if err := checkSpacing(dst, shape, spacing); err != nil {
		return err
	}
	if err := scan(ctx, dst, marked, shape, spacing[2], threads); err != nil {
		return err
	}
	nx, ny, nz := shape[0], shape[1], shape[2]
	return rows.EachBy(ctx, nz, 1, threads, func() func(from, to int) error {
		p := newPlanes[T](nx, ny, spacing)
		return func(from, to int) error {
			for z := from; z < to; z++ {
				p.transform(dst[z*nx*ny : (z+1)*nx*ny])
			}
			return nil
		}
	})
}

func voxels(shape [3]int) (n int, ok bool) {
	n = 1
	for _, side := range shape {
		if side <= 0 || n > math.MaxInt/side {
			return 0, false
		}
		n *= side
	}
	return n, true
}

func checkSpacing[T Number](dst []T, shape [3]int, spacing [3]float64) error {
	var greatest float64
	whole := true
	for axis, s := range spacing {
		if !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("%w: %g along %c must be a positive, finite length", ErrSpacing, s, "xyz"[axis])
		}
		side := float64(shape[axis]-1) * s
		greatest += side * side
		whole = whole && s == math.Trunc(s)
	}
	if _, exact := any(dst).([]uint32); exact && (!whole || greatest >= Unreached) {
		return fmt.Errorf("%w: with %v and shape %v squared distances are no 32-bit integers; use float64", ErrSpacing, spacing, shape)
	}
	return nil
}

// scan writes the squared distance along z to the nearest marked voxel of the
// same column. It takes the sheet of all x and z of one y at a time.
func scan[T Number](ctx context.Context, dst []T, marked []uint8, shape [3]int, spacing float64, threads int) error {
	nx, ny, nz := shape[0], shape[1], shape[2]
	squares := make([]T, 2*nz+2) // of steps; nz and more are none
	for k := range squares {
		squares[k] = unreached[T]()
		if k < nz {
			d := float64(k) * spacing
			squares[k] = T(d * d)
		}
	}
	return rows.EachBy(ctx, ny, 1, threads, func() func(from, to int) error {
		sheet := make([]int32, nx*(nz+1))
		return func(from, to int) error {
			for y := from; y < to; y++ {
				scanSheet(dst, marked, sheet, squares, shape, y)
			}
			return nil
		}
	})
}

func scanSheet[T Number](dst []T, marked []uint8, sheet []int32, squares []T, shape [3]int, y int) {
	nx, ny, nz := shape[0], shape[1], shape[2]
	before := sheet[nz*nx:][:nx] // what lies outside of the volume
	for x := range before {
		before[x] = int32(nz)
	}
	for z := range nz {
		row := sheet[z*nx:][:nx]
		countOn(row, before, marked[(z*ny+y)*nx:][:nx])
		before = row
	}
	after := sheet[nz*nx:][:nx]
	for z := nz - 1; z >= 0; z-- {
		row := sheet[z*nx:][:nx]
		countBack(dst[(z*ny+y)*nx:][:nx], row, after, squares)
		after = row
	}
}

// countOn counts the steps since the last mark.
func countOn(row, before []int32, marks []uint8) {
	row, before = row[:len(marks)], before[:len(marks)]
	for x, m := range marks {
		steps := before[x] + 1
		if m != 0 {
			steps = 0
		}
		row[x] = steps
	}
}

// countBack counts the steps to the nearest mark and writes their squares.
func countBack[T Number](out []T, row, after []int32, squares []T) {
	row, after = row[:len(out)], after[:len(out)]
	for x := range out {
		steps := min(row[x], after[x]+1)
		row[x] = steps
		out[x] = squares[steps]
	}
}

func unreached[T Number]() T {
	var none T
	switch p := any(&none).(type) {
	case *float32:
		*p = float32(math.Inf(1))
	case *float64:
		*p = math.Inf(1)
	case *uint32:
		*p = Unreached
	}
	return none
}
