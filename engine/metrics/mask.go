// Package metrics scores a segmentation against a reference, one structure or
// label by label: overlap (Dice, IoU, precision, recall and kin), boundaries
// (HD and its percentiles, ASSD, MASD, NSD, boundary IoU), centrelines (clDice,
// radii), topology (Betti numbers) and pieces (lesions, panoptic quality).
// Published packages mean different things by these names, so every result says
// whose definition it follows; the default is that of MetricsReloaded with
// missed structures penalised instead of dropped.
//
// The package is pure Go and reads no files. Distance transforms, thinning,
// surface elements, pieces, vessels and statistics over cases are rooms of
// their own below this one.
package metrics

import (
	"errors"
	"fmt"
)

// maxVoxels keeps products of sides, and of squares of steps, from overflowing.
const maxVoxels = 1 << 40

// What can be wrong with the input of Evaluate.
var (
	ErrShape      = errors.New("metrics: masks do not fit together")
	ErrNotBinary  = errors.New("metrics: mask is not binary")
	ErrSpacing    = errors.New("metrics: unusable spacing")
	ErrTolerance  = errors.New("metrics: unusable tolerance")
	ErrMetric     = errors.New("metrics: unknown metric")
	ErrDefinition = errors.New("metrics: unknown definition")
	ErrPolicy     = errors.New("metrics: unknown empty-mask policy")
	ErrParameter  = errors.New("metrics: unusable parameter")
	ErrLabel      = errors.New("metrics: unusable label")
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

// check refuses a mask whose shape and data disagree.
func (m Mask) check(role string) error {
	voxels := 1
	for _, n := range m.Shape {
		if n <= 0 {
			return fmt.Errorf("%w: the %s has shape %v; every axis needs at least one voxel", ErrShape, role, m.Shape)
		}
		if voxels > maxVoxels/n {
			return fmt.Errorf("%w: the %s has shape %v, more than 2⁴⁰ voxels; crop it or score it in parts", ErrShape, role, m.Shape)
		}
		voxels *= n
	}
	if len(m.Data) != voxels {
		return fmt.Errorf("%w: the %s holds %d voxels but its shape %v means %d", ErrShape, role, len(m.Data), m.Shape, voxels)
	}
	return nil
}
