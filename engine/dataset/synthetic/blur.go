package synthetic

import "math"

// blur convolves with a Gaussian along one axis, in place. Beyond the faces
// the outermost value goes on.
func blur(v []float32, shape [3]int, axis int, sigma float64) {
	kernel := gaussian(sigma)
	n := shape[axis]
	stride := [3]int{1, shape[0], shape[0] * shape[1]}[axis]
	half := len(kernel) / 2
	line := make([]float32, n+2*half)
	for start := range lines(shape, axis) {
		for i := range line {
			line[i] = v[start+stride*min(n-1, max(0, i-half))]
		}
		for i := range n {
			var sum float32
			for k, w := range kernel {
				sum += w * line[i+k]
			}
			v[start+stride*i] = sum
		}
	}
}

// lines yields the index of the first voxel of every line along an axis.
func lines(shape [3]int, axis int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		end := shape
		end[axis] = 1
		for z := range end[2] {
			for y := range end[1] {
				for x := range end[0] {
					if !yield(x + shape[0]*(y+shape[1]*z)) {
						return
					}
				}
			}
		}
	}
}

// gaussian gives a kernel out to three standard deviations, of sum 1.
func gaussian(sigma float64) []float32 {
	half := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*half+1)
	sum := 0.0
	for i := range kernel {
		sum += bell(i-half, sigma)
	}
	for i := range kernel {
		kernel[i] = float32(bell(i-half, sigma) / sum)
	}
	return kernel
}

func bell(i int, sigma float64) float64 {
	return math.Exp(-float64(i*i) / (2 * sigma * sigma))
}
