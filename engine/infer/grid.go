package infer

import "math"

const (
	sigmaScale = 0.125 // standard deviation of the weights, in windows
	minWeight  = 1e-3
)

// starts lays windows along one axis: one every interval, the last moved back
// so that it ends with the axis.
func starts(length, window int, overlap float64) []int {
	interval := window
	if window != length {
		interval = max(1, int(float64(window)*(1-overlap)))
	}
	var at []int
	for s := 0; ; s += interval {
		at = append(at, min(s, length-window))
		if s+window >= length {
			return at
		}
	}
}

// Windows gives the start of each window over a volume, x slowest, in the
// order in which SlidingWindow computes them. A volume smaller than the window
// counts as padded to it.
func Windows(shape, window [3]int, overlap float64) [][3]int {
	var axes [3][]int
	for i := range axes {
		axes[i] = starts(max(shape[i], window[i]), window[i], overlap)
	}
	all := make([][3]int, 0, len(axes[0])*len(axes[1])*len(axes[2]))
	for _, x := range axes[0] {
		for _, y := range axes[1] {
			for _, z := range axes[2] {
				all = append(all, [3]int{x, y, z})
			}
		}
	}
	return all
}

// Importance gives the weights of a window's voxels, C-order, as MONAI 1.4.0's
// compute_importance_map does.
func Importance(window [3]int, mode Mode) []float32 {
	weights := make([]float32, volume(window))
	if mode == Constant {
		for i := range weights {
			weights[i] = 1
		}
		return weights
	}
	var axes [3][]float32
	for i, n := range window {
		axes[i] = bell(n)
	}
	lowest := float32(math.Inf(1))
	i := 0
	for _, x := range axes[0] {
		for _, y := range axes[1] {
			for _, z := range axes[2] {
				weights[i] = x * y * z
				lowest = min(lowest, weights[i])
				i++
			}
		}
	}
	lowest = max(lowest, minWeight)
	for i, w := range weights {
		weights[i] = max(w, lowest)
	}
	return weights
}

// bell is a Gaussian over n voxels, 1 at the middle.
func bell(n int) []float32 {
	sigma := sigmaScale * float64(n)
	b := make([]float32, n)
	for i := range b {
		d := float64(i) - float64(n-1)/2
		b[i] = float32(math.Exp(d * d / (-2 * sigma * sigma)))
	}
	return b
}
