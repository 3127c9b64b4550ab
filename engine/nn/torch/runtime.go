package torch

// #include <malloc.h>
// #include <stdint.h>
//
// // gotch compiles these but binds none of them in Go. Weak, so that this
// // package links by itself; the final link finds gotch's definitions.
// extern void at_manual_seed(int64_t) __attribute__((weak));
// extern void at_set_num_threads(int) __attribute__((weak));
// extern int at_get_num_threads(void) __attribute__((weak));
//
// static void minivess_seed(int64_t seed) { if (at_manual_seed) at_manual_seed(seed); }
// static void minivess_set_threads(int n) { if (at_set_num_threads) at_set_num_threads(n); }
// static int minivess_threads(void) { return at_get_num_threads ? at_get_num_threads() : 0; }
//
// // Activations are large and short-lived. By default glibc maps each one
// // afresh and gives it back, which costs a page fault per 4 KB; keeping freed
// // memory in the heap makes the next step find it warm.
// static int minivess_keep_memory(void) {
//   return mallopt(M_MMAP_MAX, 0) & mallopt(M_TRIM_THRESHOLD, -1) & mallopt(M_ARENA_MAX, 1);
// }
import "C"

import "fmt"

// Configure prepares libtorch in this process: threads is the number of worker
// threads of one operation, or 0 for libtorch's own choice. Call it once, early,
// on the operating-system thread (runtime.LockOSThread) that will train.
func Configure(threads int) error {
	if threads < 0 {
		return fmt.Errorf("%w: %d threads", ErrTorch, threads)
	}
	if C.minivess_keep_memory() == 0 {
		return fmt.Errorf("%w: the memory allocator refused its settings", ErrTorch)
	}
	if threads > 0 {
		C.minivess_set_threads(C.int(threads))
	}
	return lastError()
}

// Threads returns the number of worker threads of one operation.
func Threads() int { return int(C.minivess_threads()) }

// manualSeed seeds libtorch's random numbers.
func manualSeed(seed int64) { C.minivess_seed(C.int64_t(seed)) }
