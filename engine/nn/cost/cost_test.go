package cost_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
)

// single is one convolution without bias, small enough to count by hand.
type single struct{}

func (single) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	y := nn.Conv3d(g, in.Image, "w", "", nn.Conv{Stride: [3]int{1, 1, 1}, Padding: [3]int{1, 1, 1}, Dilation: [3]int{1, 1, 1}, Groups: 1})
	return nn.Outputs{Logits: y}, nil
}

func (single) TrainableParameters() []nn.Param {
	return []nn.Param{{Name: "w", Shape: nn.Shape{4, 2, 3, 3, 3}, Init: nn.Zeros()}}
}

func TestCountedByHand(t *testing.T) {
	t.Parallel()
	got, err := cost.Estimate(single{}, 2, [3]int{8, 6, 4}, "float32", false)
	if err != nil {
		t.Fatal(err)
	}
	const (
		voxels  = 8 * 6 * 4
		weights = 4 * 2 * 27
		out     = 2 * 4 * voxels
		in      = 2 * 2 * voxels
	)
	want := cost.Cost{Parameters: weights, FLOPs: 2 * out * 2 * 27, ActivationBytes: 4 * out, PeakBytes: 4*weights + 4*(in+out)}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	trained, err := cost.Estimate(single{}, 2, [3]int{8, 6, 4}, "float32", true)
	if err != nil {
		t.Fatal(err)
	}
	if trained.FLOPs != 3*want.FLOPs || trained.PeakBytes <= want.PeakBytes {
		t.Errorf("training costs %+v, predicting %+v", trained, want)
	}
}

// The published parameter counts of MONAI 1.4.0's SegResNet, 1 to 2 channels.
func TestSegResNetParameters(t *testing.T) {
	t.Parallel()
	for filters, want := range map[int]int64{8: 1_176_186, 16: 4_700_914, 32: 18_796_002} {
		net, err := models.New("segresnet", map[string]any{"init_filters": filters, "in_channels": 1, "out_channels": 2})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cost.Estimate(net, 1, [3]int{16, 16, 16}, "float32", true)
		if err != nil {
			t.Fatal(err)
		}
		if c.Parameters != want {
			t.Errorf("%d filters: %d parameters, want %d", filters, c.Parameters, want)
		}
	}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	net, err := models.New("segresnet", nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		patch := [3]int{8 * rapid.IntRange(1, 4).Draw(t, "x"), 8 * rapid.IntRange(1, 4).Draw(t, "y"), 8 * rapid.IntRange(1, 4).Draw(t, "z")}
		batch := rapid.IntRange(1, 4).Draw(t, "batch")
		one, err := cost.Estimate(net, 1, patch, "float32", true)
		if err != nil {
			t.Fatal(err)
		}
		many, err := cost.Estimate(net, batch, patch, "float32", true)
		if err != nil {
			t.Fatal(err)
		}
		half, err := cost.Estimate(net, batch, patch, "bfloat16", true)
		if err != nil {
			t.Fatal(err)
		}
		if many.FLOPs != int64(batch)*one.FLOPs || many.ActivationBytes != int64(batch)*one.ActivationBytes {
			t.Errorf("a batch of %d costs %+v, a batch of 1 %+v", batch, many, one)
		}
		if 2*half.ActivationBytes != many.ActivationBytes || half.PeakBytes >= many.PeakBytes {
			t.Errorf("bfloat16 costs %+v, float32 %+v", half, many)
		}
	})
}

func TestImpossible(t *testing.T) {
	t.Parallel()
	net, err := models.New("segresnet", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cost.Estimate(net, 1, [3]int{20, 16, 16}, "float32", true); err == nil || !strings.Contains(err.Error(), "20") {
		t.Errorf("a patch that does not divide: %v", err)
	}
	if _, err := cost.Estimate(net, 0, [3]int{16, 16, 16}, "float32", true); err == nil {
		t.Error("a batch of nothing was estimated")
	}
}
