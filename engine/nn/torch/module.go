package torch

import (
	"errors"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
)

// Module is a network with its weights on one device. Its methods must not be
// called concurrently.
type Module struct{}

// NamedTensor is a trained parameter. The tensor belongs to the Module: do not
// drop it. It is float32 and requires gradients; an optimiser updates it in
// place under ts.NoGrad.
type NamedTensor struct {
	Name   string
	Tensor *ts.Tensor
}

// Option changes how a Module computes.
type Option func(*Module)

// WithPrecision sets the arithmetic of convolutions and matrix products: nn.F32 (default) or
// nn.BF16, with float32 master weights either way.
func WithPrecision(d nn.DType) Option { return func(*Module) {} }

// WithCheckpointing recomputes segments in the backward pass instead of
// keeping their activations.
func WithCheckpointing(on bool) Option { return func(*Module) {} }

// NewModule makes a network with freshly initialised weights.
func NewModule(forward nn.Forward, params []nn.Param, device gotch.Device, seed int64, options ...Option) (*Module, error) {
	return nil, errors.ErrUnsupported
}

// Forward runs the network on x (N, C, X, Y, Z) and returns the logits,
// contiguous float32, which the caller owns and drops. x stays the caller's.
func (m *Module) Forward(x *ts.Tensor, train bool) (*ts.Tensor, error) {
	return nil, errors.ErrUnsupported
}

// Backward differentiates a scalar computed from the last Forward's logits. Use it instead of loss.Backward.
func (m *Module) Backward(loss *ts.Tensor) error { return errors.ErrUnsupported }

// ZeroGrad clears all gradients.
func (m *Module) ZeroGrad() error { return errors.ErrUnsupported }

// Predict runs the network on host data, without gradients: x in C order of that shape.
func (m *Module) Predict(x []float32, shape nn.Shape) ([]float32, nn.Shape, error) {
	return nil, nil, errors.ErrUnsupported
}

// Parameters returns the trained parameters in order of declaration.
func (m *Module) Parameters() []NamedTensor { return nil }

// State copies all weights to the host.
func (m *Module) State() (*nn.State, error) { return nil, errors.ErrUnsupported }

// LoadState copies weights in by name.
func (m *Module) LoadState(s *nn.State, strict bool) (nn.KeyReport, error) {
	return nn.KeyReport{}, errors.ErrUnsupported
}

// Close frees everything.
func (m *Module) Close() error { return nil }
