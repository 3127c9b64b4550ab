package volume

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// The errors of resampling.
var (
	// ErrApart means that two volumes have no place in common.
	ErrApart = errors.New("volumes do not overlap in space")
	// ErrAffine means an affine that cannot be inverted.
	ErrAffine = errors.New("unusable affine")
)

// Coverage says how far a volume and the grid that it was resampled onto
// cover each other.
type Coverage struct {
	// Outside is how many of the volume's voxels that are not 0 have their
	// centre outside of the grid, so that they are lost; Voxels is how many are
	// not 0 at all.
	Outside, Voxels int
	// Uncovered is how many voxels of the grid have their centre outside of the
	// volume and were set to 0; Grid is how many there are.
	Uncovered, Grid int
}

// ResampleLabels puts labels onto another grid: each voxel takes the label of
// the one that its centre lies in. A centre on the border of two belongs to the
// one with the greater index; the positions agree with SimpleITK's
// sitkNearestNeighbor. What lies outside of the labels becomes 0. Positions are
// compared through both affines, in the grid's unit, an unstated unit being
// taken for the other's; those within 10⁻⁴ of a voxel of a centre or a border
// count as on it, as headers store affines in single precision. Threads bounds
// the goroutines used; 0 means GOMAXPROCS. Errors wrap ErrApart, ErrAffine,
// ErrDim or the context's error.
func ResampleLabels(ctx context.Context, l *Labels, onto Grid, threads int) (*Labels, Coverage, error) {
	data, covered, err := resample(ctx, l.Data, l.Grid(), onto, threads, nearest[uint8])
	if err != nil {
		return nil, Coverage{}, err
	}
	return &Labels{Shape: onto.Shape, Spacing: onto.Spacing, Unit: onto.Unit, Affine: onto.Affine, Data: data}, covered, nil
}

// Resample puts an image onto another grid as ResampleLabels does, but with
// values interpolated linearly between voxels' centres; within half a voxel of
// the volume's faces they are those of the face. It agrees with SimpleITK's
// sitkLinear.
func Resample(ctx context.Context, v *Volume, onto Grid, threads int) (*Volume, Coverage, error) {
	data, covered, err := resample(ctx, v.Data, v.Grid(), onto, threads, linear)
	if err != nil {
		return nil, Coverage{}, err
	}
	return &Volume{Shape: onto.Shape, Spacing: onto.Spacing, Unit: onto.Unit, Affine: onto.Affine, Data: data}, covered, nil
}

// resample fills a grid with what pick finds at each position in the source.
func resample[T uint8 | float32](ctx context.Context, src []T, from, onto Grid, threads int, pick func(src []T, shape [3]int, at [3]float64) T) ([]T, Coverage, error) {
	for axis, n := range onto.Shape {
		if n <= 0 {
			return nil, Coverage{}, fmt.Errorf("%w: the grid has %d voxels along %c", ErrDim, n, "xyz"[axis])
		}
	}
	back, err := between(onto, from)
	if err != nil {
		return nil, Coverage{}, err
	}
	forth, err := between(from, onto)
	if err != nil {
		return nil, Coverage{}, err
	}
	shape := onto.Shape
	covered := Coverage{Grid: shape[0] * shape[1] * shape[2]}
	dst := make([]T, covered.Grid)
	missed := make([]int, shape[2])
	err = planes(ctx, shape[2], threads, func(z int) {
		for y := range shape[1] {
			row := dst[shape[0]*(y+shape[1]*z):][:shape[0]]
			for x := range row {
				at := back.of(x, y, z)
				if !inside(at, from.Shape) {
					missed[z]++
					continue
				}
				row[x] = pick(src, from.Shape, at)
			}
		}
	})
	if err != nil {
		return nil, Coverage{}, err
	}
	for _, n := range missed {
		covered.Uncovered += n
	}
	if covered.Uncovered == covered.Grid {
		return nil, Coverage{}, fmt.Errorf("%w: no voxel of the grid (%v) lies in the volume (%v); one of the affines is wrong", ErrApart, onto, from)
	}
	covered.Voxels, covered.Outside, err = lost(ctx, src, from.Shape, forth, shape, threads)
	return dst, covered, err
}

// lost counts the voxels that are not 0, and those of them whose centre lies
// outside of the grid.
func lost[T uint8 | float32](ctx context.Context, src []T, shape [3]int, forth mapping, grid [3]int, threads int) (voxels, outside int, err error) {
	some, out := make([]int, shape[2]), make([]int, shape[2])
	err = planes(ctx, shape[2], threads, func(z int) {
		for y := range shape[1] {
			for x, v := range src[shape[0]*(y+shape[1]*z):][:shape[0]] {
				if v == 0 {
					continue
				}
				some[z]++
				if !inside(forth.of(x, y, z), grid) {
					out[z]++
				}
			}
		}
	})
	for z := range some {
		voxels, outside = voxels+some[z], outside+out[z]
	}
	return voxels, outside, err
}

// planes calls work for each plane, several at a time.
func planes(ctx context.Context, n, threads int, work func(z int)) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	group := errgroup.Group{}
	group.SetLimit(threads)
	for z := range n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("resampling: %w", err)
			}
			work(z)
			return nil
		})
	}
	return group.Wait()
}

// mapping leads from the voxels of one grid to positions in another's, in
// voxels.
type mapping [3][4]float64

// between makes the mapping from one grid to another.
func between(from, to Grid) (mapping, error) {
	inverse, ok := inverted(to.Affine)
	if !ok {
		return mapping{}, fmt.Errorf("%w: %v has no inverse, so its voxels have no place; mend the header", ErrAffine, to.Affine)
	}
	scale, _ := factor(from.Unit, to.Unit)
	var m mapping
	for i := range 3 {
		for j := range 4 {
			for k := range 3 {
				m[i][j] += inverse[i][k] * scale * from.Affine[k][j]
			}
		}
		m[i][3] += inverse[i][3]
		for j := range 4 {
			if !finite(m[i][j]) {
				return m, fmt.Errorf("%w: %v; mend the header", ErrAffine, from.Affine)
			}
		}
	}
	return m, nil
}

// of is the position of a voxel.
func (m *mapping) of(x, y, z int) [3]float64 {
	var at [3]float64
	for i := range at {
		at[i] = snapped(m[i][0]*float64(x) + m[i][1]*float64(y) + m[i][2]*float64(z) + m[i][3])
	}
	return at
}

// snap is how near to a voxel's centre or border, in voxels, a position
// counts as on it.
const snap = 1e-4

func snapped(at float64) float64 {
	if half := math.Floor(2*at+0.5) / 2; math.Abs(at-half) < snap {
		return half
	}
	return at
}

// inside tells whether a position lies in one of the voxels of a volume.
func inside(at [3]float64, shape [3]int) bool {
	for axis, v := range at {
		if !(v >= -0.5 && v < float64(shape[axis])-0.5) {
			return false
		}
	}
	return true
}

// nearest is the voxel that a position inside of the volume lies in.
func nearest[T any](src []T, shape [3]int, at [3]float64) T {
	x, y, z := int(math.Floor(at[0]+0.5)), int(math.Floor(at[1]+0.5)), int(math.Floor(at[2]+0.5))
	return src[x+shape[0]*(y+shape[1]*z)]
}

// linear interpolates between the eight centres around a position.
func linear(src []float32, shape [3]int, at [3]float64) float32 {
	var low, high [3]int
	var part [3]float64
	for axis, v := range at {
		v = min(max(v, 0), float64(shape[axis]-1))
		low[axis] = int(v)
		part[axis] = v - float64(low[axis])
		high[axis] = min(low[axis]+1, shape[axis]-1)
	}
	along := func(y, z int) float64 {
		row := shape[0] * (y + shape[1]*z)
		return mix(float64(src[row+low[0]]), float64(src[row+high[0]]), part[0])
	}
	near := mix(along(low[1], low[2]), along(high[1], low[2]), part[1])
	far := mix(along(low[1], high[2]), along(high[1], high[2]), part[1])
	return float32(mix(near, far, part[2]))
}

func mix(a, b, part float64) float64 { return a + (b-a)*part }

// inverted inverts an affine, its last row being (0, 0, 0, 1).
func inverted(a [4][4]float64) (mapping, bool) {
	m := [3][3]float64{[3]float64(a[0][:3]), [3]float64(a[1][:3]), [3]float64(a[2][:3])}
	det := determinant(m)
	size := 1.0
	for j := range 3 {
		size *= math.Sqrt(m[0][j]*m[0][j] + m[1][j]*m[1][j] + m[2][j]*m[2][j])
	}
	if !finite(det) || math.Abs(det) <= 1e-9*size {
		return mapping{}, false
	}
	var out mapping
	for i := range 3 {
		for j := range 3 {
			p, q, r, s := (j+1)%3, (j+2)%3, (i+1)%3, (i+2)%3
			out[i][j] = (m[p][r]*m[q][s] - m[p][s]*m[q][r]) / det
		}
	}
	for i := range 3 {
		for k := range 3 {
			out[i][3] -= out[i][k] * a[k][3]
		}
	}
	return out, true
}
