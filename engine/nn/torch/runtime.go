package torch

// #include "kernels.h"
import "C"

import "fmt"

// Configure prepares libtorch in this process: threads is the number of worker
// threads of one operation, or 0 for libtorch's own choice. Call it once, early,
// on the operating-system thread (runtime.LockOSThread) that will train, before
// any tensor is made.
func Configure(threads int) error {
	if threads < 0 {
		return fmt.Errorf("%w: %d threads", ErrTorch, threads)
	}
	C.minivess_pool_memory()
	if threads > 0 {
		C.minivess_set_threads(C.int(threads))
	}
	return lastError()
}

// Threads returns the number of worker threads of one operation.
func Threads() int { return int(C.minivess_threads()) }

// manualSeed seeds libtorch's random numbers.
func manualSeed(seed int64) { C.minivess_seed(C.int64_t(seed)) }
