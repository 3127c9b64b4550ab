package torch_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// residentBytes reads how much memory the process has.
func residentBytes(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// Memory stays flat over many steps. One step makes some 6 MB of tensors, so a
// leak of any one of them would show; the test runs alone, other tests use
// memory of their own.
func TestMemoryStaysFlat(t *testing.T) { // not parallel: measures the whole process
	if err := torch.Configure(1); err != nil {
		t.Fatal(err)
	}
	net := nntest.EveryOp{Dropout: 0.2}
	shape := nn.Shape{24, 2, 4, 4, 4}
	image, cotangent := nntest.Image("image", shape), nntest.Image("cotangent", nn.Shape{24, 12, 8, 6, 8})
	for _, m := range []*torch.Module{newModule(t, net), newModule(t, net, torch.WithCheckpointing(true))} {
		step := func() {
			if err := m.ZeroGrad(); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Differentiate(image, shape, cotangent); err != nil {
				t.Fatal(err)
			}
			if _, _, err := m.Predict(image, shape); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 {
			step()
		}
		before := residentBytes(t)
		for range 200 {
			step()
		}
		const allowed = 24 << 20 // the garbage collector breathes; 200 lost tensors of 300 KB would be 60 MB
		if grown := residentBytes(t) - before; grown > allowed {
			t.Errorf("200 steps took %d bytes for good", grown)
		}
	}
}

// The counter knows every tensor's bytes: weights while the module is there, what
// lives at one time during a prediction, nothing afterwards.
func TestCountMemory(t *testing.T) { // not parallel: counts the whole process
	counter := torch.CountMemory()
	before := counter.Live()
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		x := nn.ReLU(g, nn.Mul(g, in.Image, g.Param("wide"))) // 1 → 6 channels
		return nn.Outputs{Logits: nn.Scale(g, nn.Take(g, x, 1, 0, 1, 1), 2)}, nil
	}
	m, err := torch.NewModule(forward, []nn.Param{{Name: "wide", Shape: nn.Shape{1, 6, 1, 1, 1}, Init: nn.Ones()}}, gotch.CPU, 1)
	if err != nil {
		t.Fatal(err)
	}
	const small = 4 << 10 // what rounding up and libtorch's tensors of single numbers come to
	if got := counter.Live() - before; got < 6*4 || got > small {
		t.Errorf("weights take %d bytes, want 24", got)
	}
	const voxels = 64 * 64 * 32
	counter.Reset()
	if _, _, err := m.Predict(make([]float32, voxels), nn.Shape{1, 1, 64, 64, 32}); err != nil {
		t.Fatal(err)
	}
	// The image, its product with the weights, in which ReLU works, and what
	// becomes of its first channel.
	if got, want := counter.Peak()-before, int64(8*voxels*4); got < want || got > want+small {
		t.Errorf("a prediction takes %d bytes at most, want %d", got, want)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got := counter.Live() - before; got > small {
		t.Errorf("%d bytes are left", got)
	}
	counter.Reset()
	if counter.Peak() != counter.Live() {
		t.Error("the peak was not reset")
	}
}
