package train

import (
	"fmt"
	"math"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// AdamW's constants, PyTorch's defaults.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// The names under which a checkpoint keeps the moments of a parameter.
const (
	firstMoment  = "optimizer.exp_avg."
	secondMoment = "optimizer.exp_avg_sq."
)

// adamW is AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), in
// the arithmetic of torch.optim.AdamW. Its state can be saved and restored.
type adamW struct {
	params  []torch.NamedTensor
	shapes  map[string]nn.Shape
	first   []handle
	second  []handle
	decay   float64
	clip    float64
	step    int64
	device  gotch.Device
	moments arena
}

func newAdamW(params []torch.NamedTensor, declared []nn.Param, decay, clip float64, device gotch.Device) (*adamW, error) {
	defer noGrad()()
	o := &adamW{params: params, shapes: map[string]nn.Shape{}, decay: decay, clip: clip, device: device}
	for _, p := range declared {
		o.shapes[p.Name] = p.Shape
	}
	for _, p := range params {
		o.first = append(o.first, o.moments.do(func(out *handle) { lib.AtgZerosLike(out, raw(p.Tensor)) }))
		o.second = append(o.second, o.moments.do(func(out *handle) { lib.AtgZerosLike(out, raw(p.Tensor)) }))
	}
	if err := o.moments.err; err != nil {
		o.close()
		return nil, fmt.Errorf("make the optimiser: %w", err)
	}
	return o, nil
}

func (o *adamW) close() { o.moments.free() }

// update makes one step with the gradients that the parameters hold, clipped
// to the largest norm. It returns their norm before clipping; when that is not
// finite, nothing is changed.
func (o *adamW) update(rate float64) (norm float64, err error) {
	defer noGrad()()
	var a arena
	defer a.free()
	grads := make([]handle, len(o.params))
	for i, p := range o.params {
		grads[i] = a.do(func(out *handle) { lib.AtgGrad(out, raw(p.Tensor)) })
		if a.err == nil && !lib.AtDefined(grads[i]) {
			return 0, fmt.Errorf("parameter %q has no gradient", p.Name)
		}
	}
	norm = gradientNorm(&a, grads)
	if a.err != nil || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, a.err
	}
	if o.clip > 0 && norm > o.clip {
		scale := number(o.clip / (norm + 1e-6))
		defer lib.AtsFree(scale)
		for _, g := range grads {
			a.in(func(out *handle) { lib.AtgMulScalar_(out, g, scale) })
		}
	}
	o.step++
	o.apply(&a, grads, rate)
	return norm, a.err
}

// gradientNorm is the 2-norm of all gradients together.
func gradientNorm(a *arena, grads []handle) float64 {
	norms := make([]handle, len(grads))
	for i, g := range grads {
		norms[i] = a.do(func(out *handle) { lib.AtgNorm(out, g) })
	}
	all := a.do(func(out *handle) { lib.AtgStack(out, norms, len(norms), 0) })
	return a.scalar(a.do(func(out *handle) { lib.AtgNorm(out, all) }))
}

// apply is the update itself: p ← p·(1−lr·λ) − lr/c₁ · m/(√v/√c₂ + ε), with the
// bias corrections c = 1−βᵗ.
func (o *adamW) apply(a *arena, grads []handle, rate float64) {
	shrink := number(1 - rate*o.decay)
	w1, w2 := number(1-beta1), number(1-beta2)
	root := number(math.Sqrt(1 - math.Pow(beta2, float64(o.step))))
	eps := number(epsilon)
	step := number(-rate / (1 - math.Pow(beta1, float64(o.step))))
	for _, s := range []lib.Cscalar{shrink, w1, w2, root, eps, step} {
		defer lib.AtsFree(s)
	}
	for i, g := range grads {
		var t arena // of one parameter, so that memory is that of the largest
		t.err = a.err
		p, m, v := raw(o.params[i].Tensor), o.first[i], o.second[i]
		t.in(func(out *handle) { lib.AtgMulScalar_(out, p, shrink) })
		t.in(func(out *handle) { lib.AtgLerp_(out, m, g, w1) })
		square := t.do(func(out *handle) { lib.AtgSquare(out, g) })
		t.in(func(out *handle) { lib.AtgLerp_(out, v, square, w2) })
		d := t.do(func(out *handle) { lib.AtgSqrt(out, v) })
		t.in(func(out *handle) { lib.AtgDivScalar_(out, d, root) })
		t.in(func(out *handle) { lib.AtgAddScalar_(out, d, eps) })
		u := t.do(func(out *handle) { lib.AtgMulScalar(out, m, step) })
		t.in(func(out *handle) { lib.AtgAddcdiv_(out, p, u, d) })
		a.err = t.err
		t.free()
	}
}

// moment is one of the two running means of a parameter's gradient.
type moment struct {
	name   string
	tensor handle
}

func (o *adamW) of(i int) [2]moment {
	name := o.params[i].Name
	return [2]moment{{firstMoment + name, o.first[i]}, {secondMoment + name, o.second[i]}}
}

// addTo puts the moments into a checkpoint's state.
func (o *adamW) addTo(s *nn.State) error {
	defer noGrad()()
	for i, p := range o.params {
		shape := o.shapes[p.Name]
		for _, m := range o.of(i) {
			var a arena
			values := a.values(m.tensor, int(shape.Elements()))
			a.free()
			if a.err != nil {
				return fmt.Errorf("save the optimiser: %w", a.err)
			}
			t, err := nn.FloatTensor(m.name, shape, values)
			if err != nil {
				return err
			}
			if err := s.Add(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// load takes the moments out of a checkpoint's state.
func (o *adamW) load(s *nn.State, step int64) error {
	defer noGrad()()
	for i, p := range o.params {
		for _, m := range o.of(i) {
			t, ok := s.Get(m.name)
			if !ok {
				return fmt.Errorf("tensor %q is missing", m.name)
			}
			if err := o.restore(m.tensor, t, o.shapes[p.Name]); err != nil {
				return fmt.Errorf("tensor %q: %w", m.name, err)
			}
		}
	}
	o.step = step
	return nil
}

func (o *adamW) restore(h handle, t nn.Tensor, shape nn.Shape) error {
	if !t.Shape.Equal(shape) {
		return fmt.Errorf("shape %v, want %v", t.Shape, shape)
	}
	values, err := t.Float32()
	if err != nil {
		return err
	}
	var a arena
	defer a.free()
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	src := a.host(values, dims, o.device)
	if a.err == nil {
		lib.AtCopy_(h, src)
		a.err = torchError()
	}
	return a.err
}
