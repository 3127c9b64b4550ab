package train

import (
	"context"
	"runtime"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"golang.org/x/sync/errgroup"
)

// softTerms is the weighted sum of the terms that libtorch does not compute, the
// mean over patches and foreground classes of each. Their values and gradients
// are computed on arrays: with g the gradient at these probabilities, the tensor
// Σ p·g plus what is missing to the value has both.
func (l loss) softTerms(ctx context.Context, a *arena, p, onehot handle) handle {
	patches, classes := int(l.shape[0]), int(l.shape[1])
	voxels := int(l.shape[2] * l.shape[3] * l.shape[4])
	n := patches * classes * voxels
	probability, reference, gradient := a.values(p, n), a.values(onehot, n), make([]float32, n)
	if a.err != nil {
		return nil
	}
	values := make([]float64, patches*classes)
	scale := 1 / float64(patches*(classes-1))
	// C order of (x, y, z) is x-fastest order of (z, y, x).
	shape := [3]int{int(l.shape[4]), int(l.shape[3]), int(l.shape[2])}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range values {
		if i%classes == 0 {
			continue // the background has no centreline
		}
		g.Go(func() error {
			from, to := i*voxels, (i+1)*voxels
			for _, t := range l.recipe.Terms {
				v, err := t.Loss(ctx, probability[from:to], reference[from:to], shape, scale*t.Weight, gradient[from:to])
				if err != nil {
					return err
				}
				values[i] += scale * t.Weight * v
			}
			return nil
		})
	}
	if a.err = g.Wait(); a.err != nil {
		return nil
	}
	missing := 0.0
	for _, v := range values {
		missing += v
	}
	for i, by := range gradient {
		missing -= float64(by) * float64(probability[i])
	}
	by := a.host(gradient, l.shape, l.device)
	product := a.do(func(out *handle) { lib.AtgMul(out, p, by) })
	sum := a.do(func(out *handle) { lib.AtgSum(out, product, gotch.Float.CInt()) })
	rest := number(missing)
	defer lib.AtsFree(rest)
	return a.do(func(out *handle) { lib.AtgAddScalar(out, sum, rest) })
}
