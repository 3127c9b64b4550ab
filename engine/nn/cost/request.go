package cost

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn/cost/memory"
)

// Request is what the cost is wanted of.
type Request struct {
	// Batch is the number of patches at a time, Patch their size in voxels
	// along x, y and z.
	Batch int
	Patch [3]int
	// Precision is Float32, the default when empty, or BFloat16.
	Precision string
	// Training asks for a whole training step; otherwise it is a prediction.
	Training bool
	// Checkpointing recomputes activations in the backward pass.
	Checkpointing bool
	// Frozen tells the parameters, by name, that are not trained; nil means none.
	Frozen func(name string) bool
	// Optimiser is AdamW, the default when empty, or SGD.
	Optimiser string
	// Auxiliary asks for the extra heads of deep supervision in a training step.
	Auxiliary bool
	// Threads of one operation; 0 means 1. Each takes scratch memory in bfloat16,
	// and where an image has become thinner than a kernel.
	Threads int
	// loss is what is differentiated: Dice with cross-entropy.
	loss memory.Loss
}

// The optimisers, by the names that configurations use.
const (
	AdamW = "adamw" // two moments for each trained parameter
	SGD   = "sgd"   // one, its momentum
)

func (r Request) check() error {
	switch r.Precision {
	case "", Float32, BFloat16:
	default:
		return fmt.Errorf("%w: precision %q is neither %s nor %s", ErrRequest, r.Precision, Float32, BFloat16)
	}
	switch r.Optimiser {
	case "", AdamW, SGD:
	default:
		return fmt.Errorf("%w: optimiser %q is neither %s nor %s", ErrRequest, r.Optimiser, AdamW, SGD)
	}
	if r.Batch < 1 {
		return fmt.Errorf("%w: batch of %d", ErrRequest, r.Batch)
	}
	return nil
}

// momentsOf is how many running means an optimiser keeps of each gradient.
func momentsOf(optimiser string) int64 {
	if optimiser == SGD {
		return 1
	}
	return 2
}
