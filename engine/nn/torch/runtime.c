// Process-wide settings of libtorch and of the allocator under it.

#include "kernels.h"

#include <malloc.h>

// gotch compiles these but binds none of them in Go. Weak, so that this package
// links by itself; the final link finds gotch's definitions.
extern void at_manual_seed(int64_t) __attribute__((weak));
extern void at_set_num_threads(int) __attribute__((weak));
extern int at_get_num_threads(void) __attribute__((weak));

void minivess_seed(int64_t seed) {
  if (at_manual_seed) at_manual_seed(seed);
}

void minivess_set_threads(int n) {
  if (at_set_num_threads) at_set_num_threads(n);
}

int minivess_threads(void) { return at_get_num_threads ? at_get_num_threads() : 0; }

// Activations are large and short-lived. Left alone, glibc soon gives freed
// memory back to the system and pays a page fault every 4 KB to have it again in
// the next step. Up to 32 MB, the most that glibc allows, tensors come from one
// heap that is kept; larger ones are mapped, for in a heap their gaps would raise
// the peak by a third.
int minivess_keep_memory(void) {
  return mallopt(M_MMAP_THRESHOLD, 32 << 20) & mallopt(M_TRIM_THRESHOLD, -1) & mallopt(M_ARENA_MAX, 1);
}
