package cost_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
)

// chain is convolution, normalisation, ReLU, convolution: small enough to count
// by hand.
type chain struct{}

func (chain) Config() nn.Config { return nn.Config{Name: "chain", InChannels: 2, OutChannels: 3} }

func (chain) TrainableParameters() []nn.Param {
	return []nn.Param{
		{Name: "a", Shape: nn.Shape{4, 2, 3, 3, 3}},
		{Name: "g", Shape: nn.Shape{4}},
		{Name: "h", Shape: nn.Shape{4}},
		{Name: "b", Shape: nn.Shape{3, 4, 1, 1, 1}},
		{Name: "c", Shape: nn.Shape{3}},
	}
}

func (chain) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	one := [3]int{1, 1, 1}
	x := nn.Conv3d(g, in.Image, "a", "", nn.Conv{Stride: one, Padding: one, Dilation: one, Groups: 1})
	x = nn.ReLU(g, nn.GroupNorm(g, x, "g", "h", 2, 1e-5))
	x = nn.Conv3d(g, x, "b", "c", nn.Conv{Stride: one, Dilation: one, Groups: 1})
	return nn.Outputs{Logits: x}, nil
}

func estimate(t *testing.T, batch int, patch [3]int, precision string, training bool) cost.Cost {
	t.Helper()
	c, err := cost.Estimate(chain{}, batch, patch, precision, training)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCountedByHand(t *testing.T) {
	t.Parallel()
	const (
		n       = 2 * 8 * 6 * 4 // voxels of the batch
		weights = 4*2*27 + 4 + 4 + 3*4 + 3
		first   = 2 * 4 * n * 2 * 27
		norm    = 5 * 4 * n
		relu    = 4 * n
		last    = 2*3*n*4 + 3*n
	)
	got := estimate(t, 2, [3]int{8, 6, 4}, cost.Float32, false)
	want := cost.Cost{
		Parameters: weights, FLOPs: first + norm + relu + last,
		ActivationBytes: 4 * (4*n + 4*n), // input and output of the normalisation
		PeakBytes:       4*weights + 4*(4*n+4*n),
	}
	if got != want {
		t.Errorf("predicting: got %+v, want %+v", got, want)
	}
	got = estimate(t, 2, [3]int{8, 6, 4}, cost.Float32, true)
	// The first convolution has only its weight to differentiate by.
	flops := int64(2*first + 3*(norm+relu) + 3*last)
	kept := int64(4 * (2*n + 4*n + 4*n)) // image, and the inputs of the norm and of the last convolution
	if got.FLOPs != flops || got.ActivationBytes != kept {
		t.Errorf("training: got %+v, want %d FLOPs, %d bytes kept", got, flops, kept)
	}
	// At the worst the logits' gradient and the normalised tensor's are there too.
	if want := 4*4*int64(weights) + kept + 4*(3*n+4*n+3*n); got.PeakBytes > want || got.PeakBytes < 4*4*int64(weights)+kept {
		t.Errorf("training peak is %d, want at most %d", got.PeakBytes, want)
	}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var patch [3]int
		for i := range patch {
			patch[i] = rapid.IntRange(1, 40).Draw(t, "size")
		}
		batch := rapid.IntRange(1, 8).Draw(t, "batch")
		training := rapid.Bool().Draw(t, "training")
		one := mustEstimate(t, 1, patch, cost.Float32, training)
		many := mustEstimate(t, batch, patch, cost.Float32, training)
		half := mustEstimate(t, batch, patch, cost.BFloat16, training)
		if many.FLOPs != int64(batch)*one.FLOPs || many.ActivationBytes != int64(batch)*one.ActivationBytes {
			t.Errorf("a batch of %d costs %+v, a batch of 1 %+v", batch, many, one)
		}
		if 2*half.ActivationBytes != many.ActivationBytes {
			t.Errorf("bfloat16 costs %+v, float32 %+v", half, many)
		}
		if many.PeakBytes < many.ActivationBytes || one.PeakBytes > many.PeakBytes {
			t.Errorf("peaks make no sense: %+v, %+v", one, many)
		}
	})
}

func mustEstimate(t *rapid.T, batch int, patch [3]int, precision string, training bool) cost.Cost {
	c, err := cost.Estimate(chain{}, batch, patch, precision, training)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func() (cost.Cost, error){
		"no batch":      func() (cost.Cost, error) { return cost.Estimate(chain{}, 0, [3]int{8, 8, 8}, cost.Float32, true) },
		"empty patch":   func() (cost.Cost, error) { return cost.Estimate(chain{}, 1, [3]int{8, 0, 8}, cost.Float32, true) },
		"negative size": func() (cost.Cost, error) { return cost.Estimate(chain{}, 1, [3]int{8, -8, 8}, cost.Float32, true) },
		"precision":     func() (cost.Cost, error) { return cost.Estimate(chain{}, 1, [3]int{8, 8, 8}, "float64", true) },
		"beyond any machine": func() (cost.Cost, error) {
			return cost.Estimate(chain{}, 1, [3]int{1 << 20, 1 << 20, 1 << 18}, cost.Float32, true)
		},
	} {
		if _, err := call(); !errors.Is(err, cost.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
