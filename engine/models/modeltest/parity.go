package modeltest

import (
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// Parity compares a model with its fixture under libtorch, and logs the largest
// differences.
func Parity(t *testing.T, a Adapter, f nntest.Fixture, options ...torch.Option) {
	t.Helper()
	m := module(t, a, options...)
	weights, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.LoadState(weights, true); err != nil {
		t.Fatal(err)
	}
	image := nntest.Image(f.Image, f.Shape)
	predicted, shape, err := m.Predict(image, f.Shape)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Differentiate(image, f.Shape, nntest.Image("cotangent", shape))
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := m.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	worst := max(f.CheckLogits(t, predicted), f.CheckLogits(t, logits))
	t.Logf("logits differ by up to %.2g, gradients by %.2g (relative)", worst, f.CheckGradients(t, gradients))
}

// module runs a model on the CPU until the test ends.
func module(t *testing.T, a Adapter, options ...torch.Option) *torch.Module {
	t.Helper()
	m, err := torch.NewModule(a.Forward, a.TrainableParameters(), gotch.CPU, 7, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}
