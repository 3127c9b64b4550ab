package volume

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// Grid says where a volume's voxels lie in space: voxel (i, j, k) is centred on
// Affine·(i, j, k, 1), in Unit.
type Grid struct {
	Shape   [3]int
	Spacing [3]float64
	Unit    string // "" when the header does not say
	Affine  [4][4]float64
}

// Grid is where the header says that the voxels lie.
func (h *Header) Grid() Grid {
	return Grid{h.Shape(), h.Spacing(), h.Unit(), h.Affine()}
}

// Grid is where the volume's voxels lie.
func (v *Volume) Grid() Grid { return Grid{v.Shape, v.Spacing, v.Unit, v.Affine} }

// Grid is where the labels' voxels lie.
func (l *Labels) Grid() Grid { return Grid{l.Shape, l.Spacing, l.Unit, l.Affine} }

// String is the grid's shape and spacing, for a person.
func (g Grid) String() string {
	unit := cmp.Or(g.Unit, "(unit unstated)")
	return fmt.Sprintf("%d×%d×%d  %.4g×%.4g×%.4g %s", g.Shape[0], g.Shape[1], g.Shape[2], g.Spacing[0], g.Spacing[1], g.Spacing[2], unit)
}

// apart is by how much of a voxel's shortest side two voxels may lie apart and
// still count as one: headers store affines in single precision.
const apart = 0.01

// Differs says in words in what the other grid differs from this one, or ""
// when their voxels coincide. A unit that one of them does not state is taken
// to be the other's.
func (g Grid) Differs(other Grid) string {
	var how []string
	if g.Shape != other.Shape {
		how = append(how, "shape")
	}
	scale, known := factor(other.Unit, g.Unit)
	if known && scale != 1 {
		how = append(how, "unit")
	}
	for axis := range 3 {
		if math.Abs(g.Spacing[axis]-scale*other.Spacing[axis]) > 1e-3*g.Spacing[axis] {
			how = append(how, "spacing")
			break
		}
	}
	if len(how) == 0 {
		how = append(how, g.displaced(other, scale)...)
	}
	return strings.Join(how, " and ")
}

// displaced says how voxels of the same shape and spacing lie elsewhere.
func (g Grid) displaced(other Grid, scale float64) []string {
	side := min(g.Spacing[0], g.Spacing[1], g.Spacing[2])
	var most float64
	for corner := range 8 {
		var squared float64
		for row := range 3 {
			a, b := g.Affine[row][3], scale*other.Affine[row][3]
			for axis := range 3 {
				if corner>>axis&1 == 1 {
					a += g.Affine[row][axis] * float64(g.Shape[axis]-1)
					b += scale * other.Affine[row][axis] * float64(g.Shape[axis]-1)
				}
			}
			far := max(0, math.Abs(a-b)-1e-6*max(math.Abs(a), math.Abs(b)))
			squared += far * far
		}
		most = max(most, math.Sqrt(squared))
	}
	unit := cmp.Or(g.Unit, "units")
	same := true // whether the axes point the same way
	for axis := range 3 {
		var squared float64
		for row := range 3 {
			d := g.Affine[row][axis] - scale*other.Affine[row][axis]
			squared += d * d
		}
		same = same && math.Sqrt(squared)*float64(g.Shape[axis]) <= apart*side
	}
	switch {
	case most <= apart*side:
		return nil
	case same:
		return []string{fmt.Sprintf("place: voxels lie %.4g %s apart", most, unit)}
	default:
		return []string{fmt.Sprintf("direction: voxels lie up to %.4g %s apart", most, unit)}
	}
}

// factor is what lengths in one unit are multiplied by to be in another, and
// whether both units are known; it is 1 when not.
func factor(from, to string) (scale float64, known bool) {
	metres := map[string]float64{"m": 1, "mm": 1e-3, "um": 1e-6}
	a, okA := metres[from]
	b, okB := metres[to]
	if !okA || !okB || from == to {
		return 1, okA && okB
	}
	return a / b, true
}
