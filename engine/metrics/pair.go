package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/surfel"
)

// pair is two masks, cropped to the box around both and packed, and what has
// been measured on them so far, so that several metrics and definitions share
// the work. Outside of the box both are background, which changes no result.
type pair struct {
	shape     [3]int // of the whole volume
	first     [3]int // where the box begins in it
	ref, pred *bitmask.Volume
	masks     []Mask // both, whole, if that is what the pair was made of
	spacing   [3]float64
	along     [3]float64 // spacing by the axes of ref and pred
	threads   int

	refVoxels, predVoxels, common int

	scratch               edt.Scratch
	refBorder, predBorder *bitmask.Volume
	voxels                *distances        // between border voxels
	surf                  *surfel.Distances // between surface elements
	centre                *centrelines
	shapes                shapes
}

// newPair packs two masks that have been found to fit together.
func newPair(ctx context.Context, ref, pred Mask, o Options) (*pair, error) {
	packed := [2]*bitmask.Volume{}
	axis := lengthwise(ref.Shape)
	for i, m := range []Mask{ref, pred} {
		v, err := packAlong(ctx, m, axis, o.Threads)
		if bad := (*bitmask.Bad)(nil); errors.As(err, &bad) {
			return nil, notBinary([]string{"reference", "prediction"}[i], m.Shape, bad)
		}
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		packed[i] = v
	}
	first, size := bitmask.Bounds(packed[0], packed[1])
	if size[0] == 0 { // both are empty
		size = [3]int{1, 1, 1}
	}
	if 4*bitmask.Bytes(size) > 3*bitmask.Bytes(packed[0].Shape) {
		first, size = [3]int{}, packed[0].Shape // a copy would save little
	}
	p := pairOf(ref.Shape, first, packed[0].Crop(first, size), packed[1].Crop(first, size), o)
	p.masks = []Mask{ref, pred}
	p.along[0], p.along[axis] = p.along[axis], p.along[0]
	return p, nil
}

// lengthwise is the axis to pack along: x, unless so few voxels of it would fill
// a word that the longest axis is better.
func lengthwise(shape [3]int) int {
	axis := 0
	for other, n := range shape {
		if shape[0] < 32 && n > shape[axis] {
			axis = other
		}
	}
	return axis
}

// packAlong packs a mask with x and another axis, which may be x itself, swapped.
func packAlong(ctx context.Context, m Mask, axis, threads int) (*bitmask.Volume, error) {
	if axis == 0 {
		return bitmask.Pack(ctx, m.Data, m.Shape, threads)
	}
	v := bitmask.New(swapped(m.Shape, axis))
	for i, value := range m.Data {
		if value > 1 {
			return nil, &bitmask.Bad{Index: i, Value: value}
		}
		if value == 1 {
			at := swapped([3]int{i % m.Shape[0], i / m.Shape[0] % m.Shape[1], i / m.Shape[0] / m.Shape[1]}, axis)
			v.Set(at[0], at[1]+v.Shape[1]*at[2])
		}
	}
	return v, nil
}

// swapped is a shape or a voxel with x and another axis swapped.
func swapped(v [3]int, axis int) [3]int {
	v[0], v[axis] = v[axis], v[0]
	return v
}

// pairOf makes a pair of two masks of a box of a volume of the given shape.
func pairOf(shape, first [3]int, ref, pred *bitmask.Volume, o Options) *pair {
	return &pair{
		shape: shape, first: first, ref: ref, pred: pred, spacing: o.Spacing, along: o.Spacing, threads: o.Threads,
		refVoxels: ref.Count(), predVoxels: pred.Count(), common: bitmask.Common(ref, pred),
	}
}

func notBinary(role string, shape [3]int, bad *bitmask.Bad) error {
	x, y, z := bad.Index%shape[0], bad.Index/shape[0]%shape[1], bad.Index/shape[0]/shape[1]
	return fmt.Errorf("%w: the %s holds %d at voxel (%d, %d, %d); choose the label to score so that voxels are 0 or 1",
		ErrNotBinary, role, bad.Value, x, y, z)
}

func (p *pair) presence() Presence {
	switch {
	case p.refVoxels > 0 && p.predVoxels > 0:
		return PresentBoth
	case p.refVoxels > 0:
		return MissedStructure
	case p.predVoxels > 0:
		return InventedOnly
	default:
		return EmptyBoth
	}
}

// diagonal is the length of the whole volume's space diagonal.
func (p *pair) diagonal() float64 {
	var sum float64
	for axis, n := range p.shape {
		side := float64(n) * p.spacing[axis]
		sum += side * side
	}
	return math.Sqrt(sum)
}

// score measures one metric of two masks that both hold foreground.
func (p *pair) score(ctx context.Context, o Options, name string) (float64, error) {
	switch name {
	case Dice, IoU, Precision, Recall, VolumeSimilarity, FBeta:
		return p.overlap(name, o.Beta), nil
	case ClDice:
		return p.centrelineOverlap(ctx, o, name)
	case BoundaryIoU:
		return p.boundaryIoU(ctx, o.BoundaryWidth)
	}
	if slices.Contains(shapeNames(), name) {
		return p.shapeScore(ctx, o, name)
	}
	if name == NSDSubvoxel || o.Definition == SurfaceDistance {
		if err := p.measureSurfels(ctx); err != nil {
			return 0, err
		}
		if q, ok := HDPercentile(name); ok {
			return p.surf.Percentile(q), nil
		}
		return p.surf.Within(reach(o)), nil
	}
	if err := p.measureBorders(ctx); err != nil {
		return 0, err
	}
	switch name {
	case HD:
		return p.voxels.percentile(100), nil
	case NSD:
		return p.voxels.within(reach(o)), nil
	case ASSD:
		return p.voxels.assd(), nil
	case MASD:
		return p.voxels.masd(), nil
	}
	q, _ := HDPercentile(name) // resolve lets no other name through
	if o.Definition == MedPy {
		return p.voxels.pooledPercentile(q), nil
	}
	return p.voxels.percentile(q), nil
}

// overlap scores by counting voxels. Volume similarity is that of Taha and
// Hanbury (BMC Medical Imaging 2015), F-beta that of van Rijsbergen.
func (p *pair) overlap(name string, beta float64) float64 {
	ref, pred, common := float64(p.refVoxels), float64(p.predVoxels), float64(p.common)
	switch name {
	case Dice:
		return 2 * common / (ref + pred)
	case IoU:
		return common / (ref + pred - common)
	case Precision:
		return common / pred
	case Recall:
		return common / ref
	case VolumeSimilarity:
		return 1 - math.Abs(ref-pred)/(ref+pred)
	default:
		return (1 + beta*beta) * common / (beta*beta*ref + pred)
	}
}

// reach is the greatest distance that counts as within tolerance. Peers
// compare as floating point falls; the Minivess definition forgives the
// rounding of a spacing that a header stores in single precision, so that
// three voxels of 0.1 are within 0.3.
func reach(o Options) float64 {
	if o.Definition == Minivess {
		return o.Tolerance * (1 + 1e-6)
	}
	return o.Tolerance
}

func (p *pair) measureSurfels(ctx context.Context) error {
	if p.surf != nil {
		return nil
	}
	d, err := surfel.Measure(ctx, p.ref, p.pred, p.along, p.threads, &p.scratch)
	if err != nil {
		return err
	}
	p.surf = d
	return nil
}
