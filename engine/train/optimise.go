package train

import (
	"fmt"
	"math"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/train/selection"
)

// update is the arithmetic of an optimiser.
type update interface {
	// slots names the running means that every parameter has, as a checkpoint
	// calls them.
	slots() []string
	// apply changes parameter p by its gradient g, which may be overwritten, and
	// the running means in moments.
	apply(a *arena, p, g handle, moments []handle, at pace)
}

// pace is how far a step goes.
type pace struct {
	step        int64 // from 1
	rate, decay float64
}

// trained is a parameter that an optimiser changes.
type trained struct {
	selection.Rule

	weight  handle
	moments []handle
}

// optimiser makes steps with gradients clipped to a norm. Its state can be
// saved and restored.
type optimiser struct {
	update  update
	params  []trained
	clip    float64
	step    int64
	device  gotch.Device
	idle    []string // parameters that the last step found without a gradient
	moments arena
}

func newOptimiser(net []torch.NamedTensor, rules []selection.Rule, t config.Train, device gotch.Device) (*optimiser, error) {
	defer noGrad()()
	o := &optimiser{clip: t.GradientClip, device: device, update: adamW{}}
	if t.Optimizer == "sgd" {
		o.update = sgd{momentum: t.Momentum}
	}
	weights := make(map[string]handle, len(net))
	for _, p := range net {
		weights[p.Name] = raw(p.Tensor)
	}
	for _, r := range rules {
		p := trained{Rule: r, weight: weights[r.Param.Name]}
		for range o.update.slots() {
			p.moments = append(p.moments, o.moments.do(func(out *handle) { lib.AtgZerosLike(out, p.weight) }))
		}
		o.params = append(o.params, p)
	}
	if err := o.moments.err; err != nil {
		o.close()
		return nil, fmt.Errorf("make the optimiser: %w", err)
	}
	return o, nil
}

func (o *optimiser) close() { o.moments.free() }

// advance makes one step with the gradients that the parameters hold, clipped
// to the largest norm. It returns their norm before clipping; when that is not
// finite, nothing is changed. A parameter without a gradient stays as it is, as
// in PyTorch: that of an output which the loss does not count, say.
func (o *optimiser) advance(rate float64) (norm float64, err error) {
	defer noGrad()()
	var a arena
	defer a.free()
	grads := make([]handle, len(o.params))
	o.idle = o.idle[:0]
	var defined []handle
	for i, p := range o.params {
		g := a.do(func(out *handle) { lib.AtgGrad(out, p.weight) })
		if a.err != nil {
			return 0, a.err
		}
		if !lib.AtDefined(g) {
			o.idle = append(o.idle, p.Param.Name)
			continue
		}
		grads[i] = g
		defined = append(defined, g)
	}
	if len(defined) == 0 {
		return 0, fmt.Errorf("none of %d parameters has a gradient", len(o.params))
	}
	norm = gradientNorm(&a, defined)
	if a.err != nil || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, a.err
	}
	if o.clip > 0 && norm > o.clip {
		scale := number(o.clip / (norm + 1e-6))
		defer lib.AtsFree(scale)
		for _, g := range defined {
			a.in(func(out *handle) { lib.AtgMulScalar_(out, g, scale) })
		}
	}
	o.step++
	o.apply(&a, grads, rate)
	return norm, a.err
}

func (o *optimiser) apply(a *arena, grads []handle, rate float64) {
	for i, p := range o.params {
		if grads[i] == nil {
			continue
		}
		var t arena // of one parameter, so that memory is that of the largest
		t.err = a.err
		o.update.apply(&t, p.weight, grads[i], p.moments, pace{step: o.step, rate: rate * p.Scale, decay: p.Decay})
		a.err = t.err
		t.free()
	}
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

// momentName is what a checkpoint calls a running mean.
func momentName(slot, parameter string) string { return optimiserPrefix + slot + "." + parameter }

// addTo puts the running means into a checkpoint's state.
func (o *optimiser) addTo(s *nn.State) error {
	defer noGrad()()
	for _, p := range o.params {
		for i, slot := range o.update.slots() {
			var a arena
			values := a.values(p.moments[i], int(p.Param.Shape.Elements()))
			a.free()
			if a.err != nil {
				return fmt.Errorf("save the optimiser: %w", a.err)
			}
			t, err := nn.FloatTensor(momentName(slot, p.Param.Name), p.Param.Shape, values)
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

// load takes the running means out of a checkpoint's state.
func (o *optimiser) load(s *nn.State, step int64) error {
	defer noGrad()()
	for _, p := range o.params {
		for i, slot := range o.update.slots() {
			name := momentName(slot, p.Param.Name)
			t, ok := s.Get(name)
			if !ok {
				return fmt.Errorf("tensor %q is missing", name)
			}
			if err := o.restore(p.moments[i], t, p.Param.Shape); err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
		}
	}
	o.step = step
	return nil
}

func (o *optimiser) restore(h handle, t nn.Tensor, shape nn.Shape) error {
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
