package train

import (
	"math"

	lib "github.com/sugarme/gotch/libtch"
)

// AdamW's constants, PyTorch's defaults.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// adamW is AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), in
// the arithmetic of torch.optim.AdamW: p ← p·(1−lr·λ) − lr/c₁ · m/(√v/√c₂ + ε),
// with the bias corrections c = 1−βᵗ.
type adamW struct{}

func (adamW) slots() []string { return []string{"exp_avg", "exp_avg_sq"} }

func (adamW) apply(a *arena, p, g handle, moments []handle, at pace) {
	m, v := moments[0], moments[1]
	shrink := number(1 - at.rate*at.decay)
	w1, w2 := number(1-beta1), number(1-beta2)
	root := number(math.Sqrt(1 - math.Pow(beta2, float64(at.step))))
	eps := number(epsilon)
	step := number(-at.rate / (1 - math.Pow(beta1, float64(at.step))))
	for _, s := range []lib.Cscalar{shrink, w1, w2, root, eps, step} {
		defer lib.AtsFree(s)
	}
	a.in(func(out *handle) { lib.AtgMulScalar_(out, p, shrink) })
	a.in(func(out *handle) { lib.AtgLerp_(out, m, g, w1) })
	square := a.do(func(out *handle) { lib.AtgSquare(out, g) })
	a.in(func(out *handle) { lib.AtgLerp_(out, v, square, w2) })
	d := a.do(func(out *handle) { lib.AtgSqrt(out, v) })
	a.in(func(out *handle) { lib.AtgDivScalar_(out, d, root) })
	a.in(func(out *handle) { lib.AtgAddScalar_(out, d, eps) })
	u := a.do(func(out *handle) { lib.AtgMulScalar(out, m, step) })
	a.in(func(out *handle) { lib.AtgAddcdiv_(out, p, u, d) })
}
