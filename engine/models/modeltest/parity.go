package modeltest

import (
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// Parity compares a model with its fixture under libtorch, and logs the largest
// differences: predictions, the outputs and gradients of a training pass with
// all auxiliary heads, and the running statistics that the pass leaves.
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
	predicted, shapes, err := m.PredictAll(image, f.Shape)
	if err != nil {
		t.Fatal(err)
	}
	cotangents := [][]float32{nntest.Image("cotangent", shapes[0])}
	for i, shape := range shapes[1:] {
		cotangents = append(cotangents, nntest.Image(nntest.AuxiliaryCotangent(i), shape))
	}
	outputs, err := m.DifferentiateAll(image, f.Shape, cotangents)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := m.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	worst := max(f.CheckPrediction(t, predicted[0]), f.CheckLogits(t, outputs[0]), f.CheckAuxiliary(t, outputs[1:]))
	if slices.ContainsFunc(a.TrainableParameters(), func(p nn.Param) bool { return strings.HasSuffix(p.Name, ".running_mean") }) {
		after, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		worst = max(worst, f.CheckBuffers(t, after))
	}
	t.Logf("outputs differ by up to %.2g, gradients by %.2g (relative)", worst, f.CheckGradients(t, gradients))
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
