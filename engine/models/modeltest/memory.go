package modeltest

import (
	"math"
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// memoryTolerance is how far a foretold peak may be from a measured one. In
// bfloat16 the scratch memory of one kind of processor (with AMX) is foretold;
// others take less, so that much more than is taken may be foretold.
const (
	memoryTolerance = 0.05
	scratchAllowed  = 0.15
)

// MemoryAgrees compares the peak memory that engine/nn/cost foretells, of a
// prediction and of a forward and backward pass with and without recomputation,
// with what libtorch's tensors take. It counts the whole process: call it from a
// test that does not run in parallel with others.
func MemoryAgrees(t *testing.T, a Adapter, batch int, patch [3]int, precision nn.DType) {
	t.Helper()
	counter := torch.CountMemory()
	c := a.Config()
	shape := nn.Shape{batch, c.InChannels, patch[0], patch[1], patch[2]}
	image := nntest.Image("image", shape)
	cotangent := nntest.Image("cotangent", nn.Shape{batch, c.OutChannels, patch[0], patch[1], patch[2]})
	for _, r := range []cost.Request{{}, {Training: true}, {Training: true, Checkpointing: true}} {
		r.Batch, r.Patch, r.Loss, r.Threads = batch, patch, cost.Weighted, torch.Threads()
		if precision == nn.BF16 {
			r.Precision = cost.BFloat16
		}
		want, err := cost.Of(a, r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Training {
			want.PeakBytes -= 2 * int64(nn.F32.Size()) * want.Parameters // nothing keeps moments here
		}
		before := counter.Live()
		m, err := torch.NewModule(a.Forward, a.TrainableParameters(), gotch.CPU, 1, torch.WithPrecision(precision), torch.WithCheckpointing(r.Checkpointing))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second pass finds the first one's gradients
			counter.Reset()
			if r.Training {
				_, err = m.Differentiate(image, shape, cotangent)
			} else {
				_, _, err = m.Predict(image, shape)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		got := counter.Peak() - before
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		off := float64(want.PeakBytes)/float64(got) - 1
		t.Logf("%s, %d × %v, %s, training %t, recomputing %t: %.2f MB, foretold %.2f MB (%+.2f%%)",
			c.Name, batch, patch, precision, r.Training, r.Checkpointing, float64(got)/1e6, float64(want.PeakBytes)/1e6, 100*off)
		if math.Abs(off) > memoryTolerance && (precision != nn.BF16 || off < 0 || off > scratchAllowed) {
			t.Errorf("%s %v: training %t, recomputing %t: %d bytes were foretold and %d taken",
				c.Name, shape, r.Training, r.Checkpointing, want.PeakBytes, got)
		}
	}
}
