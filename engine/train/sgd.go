package train

import lib "github.com/sugarme/gotch/libtch"

// sgd is stochastic gradient descent with Nesterov momentum and an L2 penalty,
// in the arithmetic of torch.optim.SGD: g ← g + λ·p, m ← μ·m + g,
// p ← p − lr·(g + μ·m). nnU-Net trains with μ = 0.99. Without momentum it is
// plain descent.
type sgd struct{ momentum float64 }

func (s sgd) slots() []string {
	if s.momentum == 0 {
		return nil
	}
	return []string{"momentum_buffer"}
}

func (s sgd) apply(a *arena, p, g handle, moments []handle, at pace) {
	mu, decay, step := number(s.momentum), number(at.decay), number(-at.rate)
	for _, c := range []lib.Cscalar{mu, decay, step} {
		defer lib.AtsFree(c)
	}
	if at.decay > 0 {
		penalty := a.do(func(out *handle) { lib.AtgMulScalar(out, p, decay) })
		a.in(func(out *handle) { lib.AtgAdd_(out, g, penalty) })
	}
	if s.momentum > 0 {
		m := moments[0]
		a.in(func(out *handle) { lib.AtgMulScalar_(out, m, mu) })
		a.in(func(out *handle) { lib.AtgAdd_(out, m, g) })
		ahead := a.do(func(out *handle) { lib.AtgMulScalar(out, m, mu) })
		a.in(func(out *handle) { lib.AtgAdd_(out, g, ahead) })
	}
	change := a.do(func(out *handle) { lib.AtgMulScalar(out, g, step) })
	a.in(func(out *handle) { lib.AtgAdd_(out, p, change) })
}
