package torch

import (
	"fmt"

	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
)

// Forward runs the network on x, float32 of shape (N, C, X, Y, Z) on the
// module's device, which stays the caller's. The logits, contiguous float32 of
// shape (N, classes, X, Y, Z), are the caller's to drop. With train set,
// dropout is active, batch norms use and record the batch's statistics, and the
// logits can be differentiated, by Backward; otherwise nothing is kept and
// activations are freed as soon as possible. Auxiliary heads are not computed.
func (m *Module) Forward(x *ts.Tensor, train bool) (logits *ts.Tensor, err error) {
	defer guard("forward pass", &err)()
	out, err := m.outputs(raw(x), train, false)
	if err != nil {
		return nil, err
	}
	return ts.New(out[0]), nil
}

// ForwardAll is Forward with all outputs: the logits, then the auxiliary heads,
// finest first. A loss may be made of any of them.
func (m *Module) ForwardAll(x *ts.Tensor, train bool) (outputs []*ts.Tensor, err error) {
	defer guard("forward pass", &err)()
	out, err := m.outputs(raw(x), train, true)
	if err != nil {
		return nil, err
	}
	for _, h := range out {
		outputs = append(outputs, ts.New(h))
	}
	return outputs, nil
}

// outputs runs the network for the logits, or for all its outputs. The handles
// are the caller's.
func (m *Module) outputs(x handle, train, all bool) (out []handle, err error) {
	if m.closed {
		return nil, ErrClosed
	}
	l, err := m.plan(shapeOf(x), train, all)
	if err != nil {
		return nil, err
	}
	defer setGrad(train)()
	if train {
		m.dropTape()
		m.passes++
	}
	if train && m.checkpointing {
		return m.forwardInChunks(l, x)
	}
	a := m.newArena(l, train)
	defer a.close()
	if err := a.put(x); err != nil {
		return nil, err
	}
	for _, c := range l.Chunks {
		if err := a.run(c.First, c.Last, nil); err != nil {
			return nil, err
		}
	}
	return a.outputs()
}

// Predict runs the network without gradients on host data: x in C order of
// shape (N, C, X, Y, Z). It returns the logits in C order with their shape.
func (m *Module) Predict(x []float32, shape nn.Shape) (logits []float32, out nn.Shape, err error) {
	defer guard("prediction", &err)()
	outputs, err := m.predict(x, shape, false)
	if err != nil {
		return nil, nil, err
	}
	defer freeAll(outputs)
	logits, err = toHost(outputs[0])
	return logits, shapeOf(outputs[0]), err
}

// PredictAll is Predict with all outputs: the logits, then the auxiliary heads,
// each with its shape.
func (m *Module) PredictAll(x []float32, shape nn.Shape) (values [][]float32, out []nn.Shape, err error) {
	defer guard("prediction", &err)()
	outputs, err := m.predict(x, shape, true)
	if err != nil {
		return nil, nil, err
	}
	defer freeAll(outputs)
	for _, h := range outputs {
		v, err := toHost(h)
		if err != nil {
			return nil, nil, err
		}
		values, out = append(values, v), append(out, shapeOf(h))
	}
	return values, out, nil
}

func (m *Module) predict(x []float32, shape nn.Shape, all bool) ([]handle, error) {
	if m.closed {
		return nil, ErrClosed
	}
	h, err := fromHost(x, shape, m.device)
	if err != nil {
		return nil, err
	}
	defer free(h)
	return m.outputs(h, false, all)
}

// Backward adds the gradients of a scalar, computed from the outputs of the
// last training pass, to the parameters. Use it in place of loss.Backward,
// which knows nothing of recomputed segments.
func (m *Module) Backward(loss *ts.Tensor) (err error) {
	defer guard("backward pass", &err)()
	if m.closed {
		return ErrClosed
	}
	return m.backward(raw(loss))
}

func (m *Module) backward(loss handle) error {
	if m.checkpointing && m.tape == nil {
		return ErrNoForward
	}
	lib.AtBackward(loss, 0, 0)
	if err := lastError(); err != nil {
		return err
	}
	if m.tape == nil {
		return nil
	}
	defer m.dropTape()
	return m.tape.backward()
}

// count adds one to a batch norm's number of training passes.
func (m *Module) count(name string) error {
	t, ok := m.whole[name]
	if !ok {
		return fmt.Errorf("%w %q is not a buffer of whole numbers", nn.ErrParam, name)
	}
	n, err := t.Int64()
	if err == nil {
		n[0]++
		m.whole[name], err = nn.IntTensor(name, t.Shape, n)
	}
	return err
}
