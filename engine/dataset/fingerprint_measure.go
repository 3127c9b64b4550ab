package dataset

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/volume"
)

// MeasureFingerprint reads every volume of those IDs (all if there are none),
// one at a time, and tells progress after each. Errors are those of reading a
// volume, or ErrEmpty.
func MeasureFingerprint(ctx context.Context, d Dataset, ids []string, progress func(done, total int)) (Fingerprint, error) {
	var chosen []Volume
	for _, v := range d.Volumes {
		if len(ids) == 0 || slices.Contains(ids, v.ID) {
			chosen = append(chosen, v)
		}
	}
	if len(chosen) == 0 {
		return Fingerprint{}, fmt.Errorf("%w: dataset %q has none of the volumes %q", ErrEmpty, d.Name, ids)
	}
	part := d
	part.Volumes = chosen
	f := part.Outline()
	relative, all := make([]float64, 0, len(chosen)), newDistribution()
	for i, v := range chosen {
		if err := ctx.Err(); err != nil {
			return Fingerprint{}, err
		}
		m, err := measure(ctx, d, v, all)
		if err != nil {
			return Fingerprint{}, fmt.Errorf("volume %q: %w", v.ID, err)
		}
		whole := float64(v.Shape[0]) * float64(v.Shape[1]) * float64(v.Shape[2])
		f.Shapes[i] = m
		relative = append(relative, float64(m[0])*float64(m[1])*float64(m[2])/whole)
		if progress != nil {
			progress(i+1, len(chosen))
		}
	}
	f.RelativeSize = median(relative)
	if all.volumes > 0 {
		f.Intensities = map[string]Intensities{"0": all.intensities()}
	}
	return f, nil
}

// measure adds a volume's foreground to the distribution and returns its shape
// after cropping.
func measure(ctx context.Context, d Dataset, v Volume, all *distribution) ([3]int, error) {
	image, err := volume.Read(ctx, d.ImagePath(v), volume.Limits{})
	if err != nil {
		return [3]int{}, err
	}
	label, err := volume.ReadLabels(ctx, d.LabelPath(v), volume.Limits{})
	if err != nil {
		return [3]int{}, err
	}
	if image.Shape != label.Shape {
		return [3]int{}, fmt.Errorf("%w: image and label have shapes %v and %v", ErrMismatch, image.Shape, label.Shape)
	}
	lo, hi := nonzero(image.Data, image.Shape)
	var foreground []float32
	for z := lo[2]; z < hi[2]; z++ {
		for y := lo[1]; y < hi[1]; y++ {
			row := image.Shape[0] * (y + image.Shape[1]*z)
			for i := row + lo[0]; i < row+hi[0]; i++ {
				if label.Data[i] > 0 {
					foreground = append(foreground, image.Data[i])
				}
			}
		}
	}
	all.add(foreground)
	return [3]int{hi[0] - lo[0], hi[1] - lo[1], hi[2] - lo[2]}, nil
}

// nonzero gives the box, upper bounds excluded, that holds every voxel that is
// not 0; the whole volume if all are.
func nonzero(data []float32, shape [3]int) (lo, hi [3]int) {
	lo = shape
	for z := range shape[2] {
		for y := range shape[1] {
			row := data[shape[0]*(y+shape[1]*z):][:shape[0]]
			first := slices.IndexFunc(row, func(v float32) bool { return v != 0 })
			if first < 0 {
				continue
			}
			last := len(row) - 1
			for row[last] == 0 {
				last--
			}
			lo = [3]int{min(lo[0], first), min(lo[1], y), min(lo[2], z)}
			hi = [3]int{max(hi[0], last+1), max(hi[1], y+1), max(hi[2], z+1)}
		}
	}
	if hi == [3]int{} {
		return hi, shape
	}
	return lo, hi
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// The distribution's bins: float32 cut to 21 bits in ascending order. Whole
// numbers up to 8192 have a bin each.
const (
	binBits  = 21
	binShift = 32 - binBits
)

// distribution gathers values of which each volume's have the same weight
// together.
type distribution struct {
	volumes     int
	means, vars []float64
	lo, hi      float64
	weight, sum []float64 // by bin
}

func newDistribution() *distribution {
	return &distribution{
		lo: math.Inf(1), hi: math.Inf(-1),
		weight: make([]float64, 1<<binBits), sum: make([]float64, 1<<binBits),
	}
}

// bin numbers a value's bin; smaller values have smaller numbers.
func bin(v float32) uint32 {
	b := math.Float32bits(v)
	if b>>31 != 0 {
		return ^b >> binShift
	}
	return (b | 1<<31) >> binShift
}

// add takes the values of one volume. None is as if there were no volume.
func (d *distribution) add(values []float32) {
	if len(values) == 0 {
		return
	}
	d.volumes++
	weight, sum := 1/float64(len(values)), 0.0
	for _, v := range values {
		x := float64(v)
		sum += x
		d.lo, d.hi = min(d.lo, x), max(d.hi, x)
		b := bin(v)
		d.weight[b] += weight
		d.sum[b] += weight * x
	}
	mean, squares := sum*weight, 0.0
	for _, v := range values {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	d.means, d.vars = append(d.means, mean), append(d.vars, squares*weight)
}

func (d *distribution) intensities() Intensities {
	in := Intensities{Min: d.lo, Max: d.hi, Median: d.quantile(0.5), P005: d.quantile(0.005), P995: d.quantile(0.995)}
	n, variance := float64(d.volumes), 0.0
	for _, m := range d.means {
		in.Mean += m / n
	}
	for i, m := range d.means {
		variance += (d.vars[i] + (m-in.Mean)*(m-in.Mean)) / n
	}
	in.Std = math.Sqrt(variance)
	return in
}

// quantile is the value below which that share of the weight lies: exact where
// a bin holds a single value, within a bin's width (1/8192 of the value)
// otherwise.
func (d *distribution) quantile(share float64) float64 {
	left := share * float64(d.volumes)
	last := 0.0
	for b, w := range d.weight {
		if w == 0 {
			continue
		}
		last = float64(float32(d.sum[b] / w))
		if left -= w; left <= 0 {
			break
		}
	}
	return min(max(last, d.lo), d.hi)
}
