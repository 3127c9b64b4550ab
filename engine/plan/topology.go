package plan

import "math"

// What nnU-Net's networks have in common.
const (
	// minEdge is the shortest edge of a feature map at the bottleneck.
	minEdge = 4
	// similar is the ratio of voxel sizes below which axes are treated alike.
	similar = 2
	// firstFeatures and mostFeatures bound the channels of a stage, which double
	// from one to the next.
	firstFeatures, mostFeatures = 32, 320
)

// layout is a topology with the patch it was made for.
type layout struct {
	Topology
	divisor [3]int
	patch   [3]int // the size asked for, enlarged to multiples of divisor
}

// lay halves axes for as long as the feature map stays large enough: in each
// stage the axes whose voxels are not yet twice as long as the shortest. A
// stage's kernel spans an axis once its voxels are similar to the shortest.
// The size may be fractional, as a median is.
func lay(spacing, size [3]float64) layout {
	l := layout{Topology: Topology{Strides: [][3]int{{1, 1, 1}}}}
	now, left, kernel := spacing, size, [3]int{1, 1, 1}
	for {
		stride := halve(now, left)
		if stride == [3]int{1, 1, 1} {
			break
		}
		shortest := min(now[0], now[1], now[2])
		for i := range 3 {
			if now[i]/shortest < similar {
				kernel[i] = 3
			}
		}
		for i, s := range stride {
			if s == 2 {
				l.Pools[i]++
				now[i] *= 2
				left[i] = math.Ceil(left[i] / 2)
			}
		}
		l.Strides, l.Kernels = append(l.Strides, stride), append(l.Kernels, kernel)
	}
	l.Kernels = append(l.Kernels, [3]int{3, 3, 3})
	for i := range l.Strides {
		l.Features = append(l.Features, min(mostFeatures, firstFeatures<<min(i, 10)))
	}
	for i := range 3 {
		l.divisor[i] = 1 << l.Pools[i]
		l.patch[i] = int(math.Ceil(size[i]/float64(l.divisor[i]))) * l.divisor[i]
	}
	return l
}

// halve chooses the axes of one halving: 2 for these, 1 for the others.
func halve(spacing, size [3]float64) [3]int {
	shortest := math.Inf(1)
	for i := range 3 {
		if size[i] >= 2*minEdge {
			shortest = min(shortest, spacing[i])
		}
	}
	stride, axes, last := [3]int{1, 1, 1}, 0, 0
	for i := range 3 {
		if size[i] >= 2*minEdge && spacing[i]/shortest < similar {
			stride[i], axes, last = 2, axes+1, i
		}
	}
	// A single axis is halved only if something worth halving is left of it.
	if axes == 1 && size[last] < 3*minEdge {
		return [3]int{1, 1, 1}
	}
	return stride
}
