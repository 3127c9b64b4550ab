package torch_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// Many small networks run side by side here: threads of their own would only
// wait for each other.
func TestMain(m *testing.M) {
	if err := torch.Configure(1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The kernels' sums do not depend on the number of threads, so neither do
// their results, to the last bit.
func TestThreadsChangeNothing(t *testing.T) { // not parallel: the number of threads is the process's
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		x := nn.Mul(g, in.Image, g.Param("scale"))
		return nn.Outputs{Logits: nn.ReLU(g, nn.GroupNorm(g, x, "w", "b", 4, 1e-5))}, nil
	}
	shape := nn.Shape{2, 8, 24, 20, 36}
	m := moduleOf(t, forward, []nn.Param{
		{Name: "scale", Shape: nn.Shape{2, 8, 24, 20, 36}, Init: nn.Ones()},
		{Name: "w", Shape: nn.Shape{8}, Init: nn.Uniform(1)},
		{Name: "b", Shape: nn.Shape{8}, Init: nn.Uniform(1)},
	})
	image, cotangent := nntest.Image("image", shape), nntest.Image("cotangent", shape)
	var logits [2][]float32
	var gradients [2]*nn.State
	for i, threads := range []int{3, 1} {
		if err := torch.Configure(threads); err != nil {
			t.Fatal(err)
		}
		if got := torch.Threads(); got != threads {
			t.Errorf("%d threads, want %d", got, threads)
		}
		if err := m.ZeroGrad(); err != nil {
			t.Fatal(err)
		}
		var err error
		if logits[i], err = m.Differentiate(image, shape, cotangent); err != nil {
			t.Fatal(err)
		}
		if gradients[i], err = m.Gradients(); err != nil {
			t.Fatal(err)
		}
	}
	if d := difference(logits[0], logits[1]); d != 0 {
		t.Errorf("results differ by %g", d)
	}
	for g := range gradients[0].All() {
		h, _ := gradients[1].Get(g.Name)
		if string(g.Data) != string(h.Data) {
			t.Errorf("the gradient of %s differs", g.Name)
		}
	}
}
