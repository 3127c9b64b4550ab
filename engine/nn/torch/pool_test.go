package torch_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn/torch"
)

// Tensors of all sizes come and go in any order: none changes another's
// elements, wherever the allocator moves its memory, and the process has no more
// memory than tensors had at most.
func TestTensorsKeepTheirElements(t *testing.T) { // not parallel: measures the whole process
	counter := torch.CountMemory()
	counter.Reset()
	before, held := residentBytes(t), counter.Live()
	type filled struct {
		tensor *ts.Tensor
		value  float64
	}
	r := rand.New(rand.NewPCG(1, 2))
	var live []filled
	drop := func(i int) {
		x := live[i]
		low, high := x.tensor.MustMin(false), x.tensor.MustMax(false)
		if a, b := low.Float64Values()[0], high.Float64Values()[0]; a != x.value || b != x.value {
			t.Fatalf("a tensor of %v holds %v to %v", x.value, a, b)
		}
		low.MustDrop()
		high.MustDrop()
		x.tensor.MustDrop()
		live = slices.Delete(live, i, i+1)
	}
	const rounds, most = 1500, 96 << 20
	var bytes int64
	for i := range rounds {
		elements := int64(1) << (10 + r.IntN(13)) // 4 KB to 16 MB, and something
		elements += r.Int64N(elements)
		value := float64(i)
		fill := ts.FloatScalar(value)
		x := ts.MustFull([]int64{elements}, fill, gotch.Float, gotch.CPU)
		fill.MustDrop()
		live = append(live, filled{x, value})
		for bytes = counter.Live() - held; len(live) > 0 && (bytes > most || r.IntN(2) == 0); bytes = counter.Live() - held {
			drop(r.IntN(len(live)))
		}
	}
	const slack = 32 << 20 // glibc's small tensors, Go's own memory
	if grown, allowed := residentBytes(t)-before, counter.Peak()-held+slack; grown > allowed {
		t.Errorf("the process has %d bytes more, tensors had %d at most", grown, allowed-slack)
	}
	for len(live) > 0 {
		drop(0)
	}
	const smallest = 4 << 10 // of the tensors; libtorch keeps a few bytes of its own
	if got := counter.Live() - held; got <= -smallest || got >= smallest {
		t.Errorf("%d bytes are left", got)
	}
}
