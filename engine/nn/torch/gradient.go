package torch

import (
	"fmt"

	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
)

// Differentiate runs a training pass on host data and adds to every parameter
// the gradient of Σ logits·weights. x has shape (N, C, X, Y, Z); weights has as
// many elements as the logits. Both lie in C order, and so do the logits
// returned.
func (m *Module) Differentiate(x []float32, shape nn.Shape, weights []float32) (logits []float32, err error) {
	defer guard("differentiation", &err)()
	if m.closed {
		return nil, ErrClosed
	}
	image, err := fromHost(x, shape, m.device)
	if err != nil {
		return nil, err
	}
	defer free(image)
	y, err := m.logits(image, true)
	if err != nil {
		return nil, err
	}
	defer free(y)
	defer setGrad(true)()
	cotangent, err := fromHost(weights, shapeOf(y), m.device)
	if err != nil {
		return nil, fmt.Errorf("weights of the logits: %w", err)
	}
	defer free(cotangent)
	total, err := dot(y, cotangent)
	if err != nil {
		return nil, err
	}
	defer free(total)
	if err := m.backward(total); err != nil {
		return nil, err
	}
	return toHost(y)
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
