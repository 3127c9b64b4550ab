package torch_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

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
