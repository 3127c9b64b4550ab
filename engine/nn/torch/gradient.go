package torch

import (
	"fmt"

	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
)

// Differentiate runs a training pass on host data and adds to every parameter
// the gradient of Σ logits·weights. x has shape (N, C, X, Y, Z); weights has as
// many elements as the logits. Both lie in C order, and so do the logits
// returned. See DifferentiateAll for auxiliary heads.
func (m *Module) Differentiate(x []float32, shape nn.Shape, weights []float32) (logits []float32, err error) {
	defer guard("differentiation", &err)()
	out, err := m.differentiate(x, shape, [][]float32{weights}, false)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// DifferentiateAll is Differentiate of the logits and the auxiliary heads: the
// loss is the sum of Σ output·weights over all outputs for which there are
// weights. Weights may be nil for any of them.
func (m *Module) DifferentiateAll(x []float32, shape nn.Shape, weights [][]float32) (outputs [][]float32, err error) {
	defer guard("differentiation", &err)()
	return m.differentiate(x, shape, weights, true)
}

func (m *Module) differentiate(x []float32, shape nn.Shape, weights [][]float32, all bool) ([][]float32, error) {
	if m.closed {
		return nil, ErrClosed
	}
	image, err := fromHost(x, shape, m.device)
	if err != nil {
		return nil, err
	}
	defer free(image)
	out, err := m.outputs(image, true, all)
	if err != nil {
		return nil, err
	}
	defer freeAll(out)
	if len(weights) > len(out) {
		return nil, fmt.Errorf("%w: weights of %d outputs, there are %d", nn.ErrShape, len(weights), len(out))
	}
	defer setGrad(true)()
	var total handle
	defer func() { free(total) }()
	for i, w := range weights {
		if w == nil {
			continue
		}
		term, err := m.weighted(out[i], w)
		if err != nil {
			return nil, fmt.Errorf("weights of output %d: %w", i, err)
		}
		if total, err = sum(total, term); err != nil {
			return nil, err
		}
	}
	if total == nil {
		return nil, fmt.Errorf("%w: no output has weights", nn.ErrShape)
	}
	if err := m.backward(total); err != nil {
		return nil, err
	}
	values := make([][]float32, len(out))
	for i, h := range out {
		if values[i], err = toHost(h); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// weighted returns Σ output·weights.
func (m *Module) weighted(output handle, weights []float32) (handle, error) {
	cotangent, err := fromHost(weights, shapeOf(output), m.device)
	if err != nil {
		return nil, err
	}
	defer free(cotangent)
	return dot(output, cotangent)
}

// Gradients copies the gradients collected so far to the host, under the
// parameters' names. A parameter without one is left out.
func (m *Module) Gradients() (s *nn.State, err error) {
	defer guard("read the gradients", &err)()
	s = &nn.State{}
	for _, p := range m.Parameters() {
		g, err := call(func(r *handle) { lib.AtgGrad(r, raw(p.Tensor)) })
		if err != nil {
			return nil, err
		}
		defer free(g)
		if !lib.AtDefined(g) {
			continue
		}
		values, err := toHost(g)
		if err != nil {
			return nil, err
		}
		t, err := nn.FloatTensor(p.Name, shapeOf(g), values)
		if err != nil {
			return nil, err
		}
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}
