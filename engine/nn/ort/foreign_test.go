package ort_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// Files that torch.onnx wrote, with names of their own, compute what PyTorch
// did (scripts/peers/onnx_foreign_fixture.py).
func TestForeignModels(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	results, _, err := safetensors.Read("testdata/foreign/free.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for i, shape := range []nn.Shape{{1, 1, 8, 4, 6}, {3, 1, 4, 8, 2}} {
		want, ok := results.Get(fmt.Sprintf("logits/%d", i))
		if !ok {
			t.Fatalf("no logits of %v", shape)
		}
		for _, file := range []string{"free", "fixed"} {
			m := orttest.Load(t, r, "testdata/foreign/"+file+".onnx")
			if file == "fixed" && i > 0 {
				if err := m.Check(shape); !errors.Is(err, nn.ErrShape) || !strings.Contains(err.Error(), "batch is 3, must be 1") {
					t.Errorf("%v: %v", shape, err)
				}
				continue
			}
			if m.Input().Name != "volume" || m.Output().Name != "segmentation" || m.Channels() != 1 || m.Info().Producer != "pytorch" {
				t.Errorf("%v → %v", m.Input(), m.Output())
			}
			got, out, err := m.Predict(nntest.Image("image", shape), shape)
			if err != nil {
				t.Fatal(err)
			}
			if d := furthest(got, floats(t, want)); d > 1e-5 || !out.Equal(want.Shape) {
				t.Errorf("%s: %v gives %v, %g from PyTorch's", file, shape, out, d)
			}
		}
	}
	if m := orttest.Load(t, r, "testdata/foreign/named-heads.onnx"); m.Output().Name != "logits" {
		t.Errorf("of two outputs, %v was taken", m.Output())
	}
}

// Networks that segment nothing are refused with what they are.
func TestForeignModelsRefused(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	for file, says := range map[string]string{
		"two-heads":  `which of its outputs are the logits: "fine" float32 (N, 2, D, H, W); "coarse" float32`,
		"two-inputs": `it takes "volume" float32 (N, 1, D, H, W); "prompt" float32 (N, 1, D, H, W); one float32 image`,
		"double":     `it takes "volume" float64`,
		"classifier": `it gives "y" float32 (1, 2)`,
	} {
		_, err := r.Load("testdata/foreign/" + file + ".onnx")
		if !errors.Is(err, ort.ErrModel) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want it to say %q", file, err, says)
		}
	}
}
