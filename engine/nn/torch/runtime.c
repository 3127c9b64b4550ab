// Process-wide settings of libtorch.

#include "kernels.h"

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
