package torch_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// A training step as the worker does it: forward, a loss of gotch's own
// operations, backward, an update in place.
func TestTrainingStep(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]bool{"keeping": false, "recomputing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runtime.LockOSThread() // the gradient mode is the thread's
			defer runtime.UnlockOSThread()
			m := newModule(t, nntest.EveryOp{}, torch.WithCheckpointing(on))
			shape := nn.Shape{1, 2, 4, 4, 4}
			x, err := ts.NewTensorFromData(nntest.Image("image", shape), []int64{1, 2, 4, 4, 4})
			if err != nil {
				t.Fatal(err)
			}
			defer x.MustDrop()
			first := step(t, m, x, 1e-4)
			var last float64
			for range 20 {
				last = step(t, m, x, 1e-4)
			}
			if !(last < 0.9*first) {
				t.Errorf("the loss went from %g to %g", first, last)
			}
		})
	}
}

// step lowers the mean square of the logits and returns it.
func step(t *testing.T, m *torch.Module, x *ts.Tensor, rate float64) float64 {
	t.Helper()
	if err := m.ZeroGrad(); err != nil {
		t.Fatal(err)
	}
	y, err := m.Forward(x, true)
	if err != nil {
		t.Fatal(err)
	}
	defer y.MustDrop()
	// A prediction in between does not disturb the training pass.
	p, err := m.Forward(x, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.MustDrop()
	if y.MustSize()[1] != 12 || !y.MustRequiresGrad() || p.MustRequiresGrad() {
		t.Errorf("logits %v, gradients %v and %v", y.MustSize(), y.MustRequiresGrad(), p.MustRequiresGrad())
	}
	square := y.MustMul(y, false)
	defer square.MustDrop()
	loss := square.MustSum(gotch.Float, false)
	defer loss.MustDrop()
	if err := m.Backward(loss); err != nil {
		t.Fatal(err)
	}
	ts.MustGradSetEnabled(false)
	defer ts.MustGradSetEnabled(true)
	for _, p := range m.Parameters() {
		g := p.Tensor.MustGrad(false)
		update := g.MustMulScalar(ts.FloatScalar(-rate), true)
		p.Tensor.MustAdd_(update)
		update.MustDrop()
	}
	return loss.Float64Values()[0]
}

func TestBackwardNeedsAForward(t *testing.T) {
	t.Parallel()
	m := newModule(t, nntest.EveryOp{}, torch.WithCheckpointing(true))
	loss := ts.MustOnes([]int64{1}, gotch.Float, gotch.CPU)
	defer loss.MustDrop()
	if err := m.Backward(loss); !errors.Is(err, torch.ErrNoForward) {
		t.Errorf("got %v", err)
	}
}
