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
	// The image and a copy with channels last, the first convolution's result, and
	// its weights: with channels last, and in oneDNN's blocks of 16 channels.
	most := int64(4 * (2*n + 2*n + 4*n + 4*2*27 + 16*2*27))
	want := cost.Cost{
		Parameters: weights, FLOPs: first + norm + relu + last, ActivationBytes: most, PeakBytes: 4*weights + most,
	}
	if got != want {
		t.Errorf("predicting: got %+v, want %+v", got, want)
	}
	got = estimate(t, 2, [3]int{8, 6, 4}, cost.Float32, true)
	// The first convolution has only its weight to differentiate by.
	flops := int64(2*first + 3*(norm+relu) + 3*last)
	// The image twice, the inputs of the norm and of the last convolution, mean
	// and deviation of two groups in two samples, and the logits.
	kept := int64(4 * (2*n + 2*n + 4*n + 4*n + 2*2*2 + 3*n))
	if got.FLOPs != flops || got.ActivationBytes != kept {
		t.Errorf("training: got %+v, want %d FLOPs, %d bytes kept", got, flops, kept)
	}
	// Weights, gradients and two moments; the labels, log p, its product with the
	// labels, p and the foreground's share of that.
	if least := 4*4*int64(weights) + kept + 4*(4*3*n+2*n); got.PeakBytes < least || got.PeakBytes > 2*least {
		t.Errorf("training peak is %d, want at least %d", got.PeakBytes, least)
	}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := cost.Request{Batch: rapid.IntRange(2, 8).Draw(t, "batch"), Training: rapid.Bool().Draw(t, "training")}
		for i := range r.Patch {
			r.Patch[i] = rapid.IntRange(2, 40).Draw(t, "size")
		}
		base := of(t, r)
		double, half, few, plain := r, r, r, r
		double.Batch *= 2
		half.Precision = cost.BFloat16
		few.Frozen = func(name string) bool { return name == "a" || name == "g" || name == "h" }
		plain.Optimiser = cost.SGD
		twice := of(t, double)
		if twice.FLOPs != 2*base.FLOPs || r.Training && twice.ActivationBytes != 2*base.ActivationBytes {
			t.Errorf("a batch of %d costs %+v, of %d %+v", r.Batch, base, double.Batch, twice)
		}
		if b := of(t, half); b.FLOPs != base.FLOPs || r.Training && r.Patch[0]*r.Patch[1]*r.Patch[2] > 64 && b.ActivationBytes >= base.ActivationBytes {
			t.Errorf("bfloat16 costs %+v, float32 %+v", b, base)
		}
		frozen, sgd := of(t, few), of(t, plain)
		if r.Training != (frozen.FLOPs < base.FLOPs) || frozen.PeakBytes > base.PeakBytes || frozen.Parameters != base.Parameters {
			t.Errorf("with the first layers frozen: %+v, else %+v", frozen, base)
		}
		if r.Training != (sgd.PeakBytes < base.PeakBytes) {
			t.Errorf("with SGD: %+v, with AdamW %+v", sgd, base)
		}
		if base.PeakBytes < base.ActivationBytes || base.PeakBytes > twice.PeakBytes {
			t.Errorf("peaks make no sense: %+v, %+v", base, twice)
		}
	})
}

func of(t *rapid.T, r cost.Request) cost.Cost {
	c, err := cost.Of(chain{}, r)
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
		"optimiser": func() (cost.Cost, error) {
			return cost.Of(chain{}, cost.Request{Batch: 1, Patch: [3]int{8, 8, 8}, Optimiser: "adam"})
		},
		"loss": func() (cost.Cost, error) {
			return cost.Of(chain{}, cost.Request{Batch: 1, Patch: [3]int{8, 8, 8}, Loss: "mse"})
		},
		"no precision": func() (cost.Cost, error) { return cost.Estimate(chain{}, 1, [3]int{8, 8, 8}, "", true) },
		"precision":    func() (cost.Cost, error) { return cost.Estimate(chain{}, 1, [3]int{8, 8, 8}, "float64", true) },
		"beyond any machine": func() (cost.Cost, error) {
			return cost.Estimate(chain{}, 1, [3]int{1 << 20, 1 << 20, 1 << 18}, cost.Float32, true)
		},
	} {
		if _, err := call(); !errors.Is(err, cost.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
