// Kernels of our own, where libtorch's are slow. Plain C, for cgo.
#ifndef MINIVESS_KERNELS_H
#define MINIVESS_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Group normalisation followed by leaky ReLU (slope 0 is ReLU, slope 1 nothing)
// of a CPU tensor (N, C, X, Y, Z), float32 or bfloat16, with channels last in
// memory (it is copied if not). weight and bias are float32 tensors of C
// elements, both or neither undefined. Differentiable. Returns a new tensor
// handle, or null and a message in *error, which the caller frees.
void *minivess_group_norm(void *x, void *weight, void *bias, int64_t groups, double eps, double slope, char **error);

#ifdef __cplusplus
}
#endif
#endif
