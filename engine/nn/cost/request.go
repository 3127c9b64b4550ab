package cost

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
}

// The optimisers, by the names that configurations use.
const (
	AdamW = "adamw" // two moments for each trained parameter
	SGD   = "sgd"   // one, its momentum
)

// Of works out the cost of a request. Errors wrap ErrRequest.
func Of(network Network, r Request) (Cost, error) {
	if r.Precision == "" {
		r.Precision = Float32
	}
	return Estimate(network, r.Batch, r.Patch, r.Precision, r.Training)
}
