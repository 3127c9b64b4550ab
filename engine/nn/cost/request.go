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
	// Optimiser is AdamW, the default when empty, SGD or Descent.
	Optimiser string
	// Auxiliary asks for the extra heads of deep supervision in a training step.
	Auxiliary bool
	// Threads of one operation; 0 means 2. Each takes scratch memory in bfloat16,
	// and where an image has become thinner than a kernel.
	Threads int
	// Loss is what a training step differentiates: DiceCE, the default when empty,
	// Dice, CrossEntropy or Weighted.
	Loss string
}

// The losses, by the names that configurations use.
const (
	DiceCE       = "dice_ce"
	Dice         = "dice"
	CrossEntropy = "ce"
	// Weighted is Σ logits·weights, as torch.Module's Differentiate computes it.
	Weighted = "weighted"
)

// losses are the losses as package memory knows them.
func losses() map[string]memory.Loss {
	return map[string]memory.Loss{
		"": memory.DiceCE, DiceCE: memory.DiceCE, Dice: memory.Dice, CrossEntropy: memory.CrossEntropy, Weighted: memory.Weighted,
		// What these have beside Dice and cross-entropy is computed on arrays: see
		// package soft.
		"cldice": memory.Dice, "dice_ce_cldice": memory.DiceCE, "cbdice_cldice": memory.DiceCE, "dice_ce_boundary": memory.DiceCE,
	}
}

// The optimisers, by the names that configurations use.
const (
	AdamW = "adamw" // two moments for each trained parameter
	SGD   = "sgd"   // one, its momentum
	// Descent is SGD without momentum, which keeps nothing.
	Descent = "descent"
)

func (r Request) check() error {
	switch r.Precision {
	case "", Float32, BFloat16:
	default:
		return fmt.Errorf("%w: precision %q is neither %s nor %s", ErrRequest, r.Precision, Float32, BFloat16)
	}
	switch r.Optimiser {
	case "", AdamW, SGD, Descent:
	default:
		return fmt.Errorf("%w: optimiser %q is none of %s, %s and %s", ErrRequest, r.Optimiser, AdamW, SGD, Descent)
	}
	if _, ok := losses()[r.Loss]; !ok {
		return fmt.Errorf("%w: loss %q is none of %s, %s, %s and %s", ErrRequest, r.Loss, DiceCE, Dice, CrossEntropy, Weighted)
	}
	if r.Batch < 1 {
		return fmt.Errorf("%w: batch of %d", ErrRequest, r.Batch)
	}
	return nil
}

// momentsOf is how many running means an optimiser keeps of each gradient.
func momentsOf(optimiser string) int64 {
	switch optimiser {
	case SGD:
		return 1
	case Descent:
		return 0
	default:
		return 2
	}
}
