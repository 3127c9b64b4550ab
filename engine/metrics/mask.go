// Package metrics scores a binary segmentation against a reference: overlap
// (Dice), boundary distances (HD95, HD, ASSD, MASD, NSD) and centreline
// overlap (clDice). Published packages mean different things by these names,
// so every result says whose definition it follows; the default is that of
// MetricsReloaded with missed structures penalised instead of dropped.
//
// The package is pure Go and reads no files. Distance transforms, thinning,
// surface elements, component counts and statistics over cases are rooms of
// their own below this one.
package metrics

import (
	"errors"
	"fmt"
	"math"
)

// What can be wrong with the input of Evaluate.
var (
	ErrShape      = errors.New("metrics: masks do not fit together")
	ErrNotBinary  = errors.New("metrics: mask is not binary")
	ErrSpacing    = errors.New("metrics: unusable spacing")
	ErrTolerance  = errors.New("metrics: unusable tolerance")
	ErrMetric     = errors.New("metrics: unknown metric")
	ErrDefinition = errors.New("metrics: unknown definition")
	ErrPolicy     = errors.New("metrics: unknown empty-mask policy")
)

// Mask is a binary volume of shape (x, y, z), one byte a voxel, 0 or 1,
// x fastest: index = x + nx*(y + ny*z).
type Mask struct {
	Shape [3]int
	Data  []uint8
}

// Foreground makes a Mask of the voxels of labels that equal label. It is the
// way from a label map, or from a mask stored as 0 and 255, to what Evaluate
// takes. Labels is not changed.
func Foreground(shape [3]int, labels []uint8, label uint8) Mask {
	data := make([]uint8, len(labels))
	for i, v := range labels {
		if v == label {
			data[i] = 1
		}
	}
	return Mask{Shape: shape, Data: data}
}

// check refuses a mask whose shape and data disagree or whose voxels are not
// 0 or 1.
func (m Mask) check(role string) error {
	voxels := 1
	for _, n := range m.Shape {
		if n <= 0 {
			return fmt.Errorf("%w: the %s has shape %v; every axis needs at least one voxel", ErrShape, role, m.Shape)
		}
		if voxels > math.MaxInt32/n {
			return fmt.Errorf("%w: the %s has shape %v, more than 2³¹−1 voxels; crop it or score it in parts", ErrShape, role, m.Shape)
		}
		voxels *= n
	}
	if len(m.Data) != voxels {
		return fmt.Errorf("%w: the %s holds %d voxels but its shape %v means %d", ErrShape, role, len(m.Data), m.Shape, voxels)
	}
	for i, v := range m.Data {
		if v > 1 {
			x, y, z := i%m.Shape[0], i/m.Shape[0]%m.Shape[1], i/m.Shape[0]/m.Shape[1]
			return fmt.Errorf("%w: the %s holds %d at voxel (%d, %d, %d); choose the label to score so that voxels are 0 or 1",
				ErrNotBinary, role, v, x, y, z)
		}
	}
	return nil
}

// bounds is the smallest box that holds the foreground of all masks, as first
// voxel and size; the size is 0 when there is none.
func bounds(shape [3]int, masks ...[]uint8) (first, size [3]int) {
	lo, hi := shape, [3]int{-1, -1, -1}
	for z := range shape[2] {
		for y := range shape[1] {
			row := shape[0] * (y + shape[1]*z)
			for _, data := range masks {
				a, b := span(data[row : row+shape[0]])
				if b < 0 {
					continue
				}
				lo = [3]int{min(lo[0], a), min(lo[1], y), min(lo[2], z)}
				hi = [3]int{max(hi[0], b), max(hi[1], y), max(hi[2], z)}
			}
		}
	}
	if hi[0] < 0 {
		return [3]int{}, [3]int{}
	}
	return lo, [3]int{hi[0] - lo[0] + 1, hi[1] - lo[1] + 1, hi[2] - lo[2] + 1}
}

// span returns the first and last foreground index of a row, or −1 and −1.
func span(row []uint8) (first, last int) {
	first, last = 0, len(row)-1
	for last >= 0 && row[last] == 0 {
		last--
	}
	if last < 0 {
		return -1, -1
	}
	for row[first] == 0 {
		first++
	}
	return first, last
}

// padded copies the box out of a volume and surrounds it with one layer of
// background, so that neighbours need no bounds checks and the outside of the
// volume counts as background.
func padded(data []uint8, shape, first, size [3]int) (out []uint8, outShape [3]int) {
	outShape = [3]int{size[0] + 2, size[1] + 2, size[2] + 2}
	out = make([]uint8, outShape[0]*outShape[1]*outShape[2])
	for z := range size[2] {
		for y := range size[1] {
			from := first[0] + shape[0]*(first[1]+y+shape[1]*(first[2]+z))
			to := 1 + outShape[0]*(1+y+outShape[1]*(1+z))
			copy(out[to:to+size[0]], data[from:from+size[0]])
		}
	}
	return out, outShape
}
