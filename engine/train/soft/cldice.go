package soft

import (
	"context"
	"slices"
)

// Iterations is how often a mask is eroded to find its soft skeleton: enough for
// vessels of a radius of ten voxels, and what the authors' code does.
const Iterations = 10

// ClDice is the loss of Shit et al., "clDice: a novel topology-preserving loss
// function for tubular structure segmentation", CVPR 2021. With S the soft
// skeleton, p the probabilities and y the reference,
//
//	Tprec = (Σ S(p)·y + ε)/(Σ S(p) + ε)    Tsens = (Σ S(y)·p + ε)/(Σ S(y) + ε)
//	loss  = 1 − 2·Tprec·Tsens/(Tprec + Tsens)
//
// with ε = Smooth. It lies in [0, 1). At masks of 0 and 1 the two are the metrics
// skeleton_precision and skeleton_recall, and 1 − loss is cldice, up to ε and to
// the way of thinning: exactly where masks are one voxel thin, else as far as
// the soft skeleton, which may be broken or two voxels wide, is Lee's. It is
// small for a prediction of foreground everywhere, whose soft skeleton is empty,
// so it needs the company of a loss of regions.
func ClDice(_ context.Context, probability, reference []float32, shape [3]int, scale float64, gradient []float32) (float64, error) {
	if err := check(probability, reference, gradient, shape); err != nil {
		return 0, err
	}
	p, y := thin(probability, shape, Iterations), thin(reference, shape, Iterations)
	var both, own, covered, centre float64
	for i, s := range p.skeleton {
		both += float64(s) * float64(reference[i])
		own += float64(s)
		covered += float64(y.skeleton[i]) * float64(probability[i])
		centre += float64(y.skeleton[i])
	}
	precision, byBoth, byOwn := ratio(both, own)
	recall, byCovered, _ := ratio(covered, centre)
	loss, byPrecision, byRecall := harmonic(precision, recall)
	bySkeleton := make([]float32, len(probability))
	for i := range bySkeleton {
		bySkeleton[i] = float32(scale * byPrecision * (byBoth*float64(reference[i]) + byOwn))
		gradient[i] += float32(scale * byRecall * byCovered * float64(y.skeleton[i]))
	}
	p.backward(bySkeleton, gradient)
	return loss, nil
}

// Skeleton is the soft skeleton of Shit et al. (Algorithm 1) after so many
// erosions: of a mask of 0 and 1, the voxels of its morphological skeleton
// (Lantuéjoul) for a cross-shaped erosion and a cubic dilation. Values are in
// [0, 1].
func Skeleton(mask []float32, shape [3]int, iterations int) []float32 {
	return thin(mask, shape, iterations).skeleton
}

// thinning remembers what was computed on the way to a soft skeleton, for its
// gradient.
type thinning struct {
	shape    [3]int
	eroded   [][]float32 // eroded[k] has been eroded k times
	partial  [][]float32 // skeleton before the k-th difference is joined
	skeleton []float32
}

// thin finds the soft skeleton: with x eroded k times and δ = max(0, x −
// open(x)), each adds δ − s·δ to what the skeleton s is so far.
func thin(x []float32, shape [3]int, iterations int) *thinning {
	n := len(x)
	t := &thinning{shape: shape, eroded: [][]float32{x}}
	s, dilate := make([]float32, n), newDilation(shape)
	for k := 0; k <= iterations; k++ {
		next := make([]float32, n)
		erode(next, t.eroded[k], shape)
		opened := dilate.of(next)
		t.eroded, t.partial = append(t.eroded, next), append(t.partial, s)
		joined := make([]float32, n)
		for i, v := range t.eroded[k] {
			joined[i] = s[i] + max(0, v-opened[i])*(1-s[i])
		}
		s = joined
		if empty(next) {
			break // nothing is left to erode
		}
	}
	t.skeleton = s
	return t
}

func empty(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

// backward adds to gradient that of Σ skeleton·g by the mask. It overwrites g.
func (t *thinning) backward(g, gradient []float32) {
	n := len(g)
	dilate, spare := newDilation(t.shape), make([]float32, n)
	byEroded := make([]float32, n) // gradient by what is eroded once more
	here, byOpened := make([]float32, n), make([]float32, n)
	for k, s := range slices.Backward(t.partial) {
		x := t.eroded[k]
		for i, o := range dilate.of(t.eroded[k+1]) {
			here[i], byOpened[i] = 0, 0
			if d := x[i] - o; d > 0 {
				by := g[i] * (1 - s[i])
				here[i], byOpened[i] = by, -by
				g[i] *= 1 - d
			}
		}
		for i, by := range dilate.backward(byOpened, spare) {
			byEroded[i] += by
		}
		erodedFrom(here, byEroded, t.eroded[k+1], x, t.shape)
		byEroded, here = here, byEroded
	}
	for i, by := range byEroded {
		gradient[i] += by
	}
}
