// What is written in C or C++ here: kernels where libtorch's are slow, and
// settings that gotch does not bind.
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

// Batch normalisation likewise. Training uses the batch's statistics and moves the
// running ones, float32 of C elements, unless they are undefined; otherwise the
// running ones are used, and the result is not differentiable.
void *minivess_batch_norm(void *x, void *weight, void *bias, void *running_mean, void *running_var, int train,
                          double momentum, double eps, double slope, char **error);

// max(x, slope·x), written over x if in_place.
void *minivess_leaky_relu(void *x, double slope, int in_place, char **error);
// x where positive, alpha·(exp(input_scale·x) − 1) elsewhere.
void *minivess_elu(void *x, double alpha, double input_scale, char **error);

// Drops elements of x with probability p and scales the others by 1/(1-p): each
// element by itself when axes is 0, else whole slices of the first axes axes.
// What is dropped depends on the seed (and on x's layout in memory) alone.
void *minivess_dropout(void *x, double p, int axes, int64_t seed, char **error);

// Seeds libtorch's random numbers.
void minivess_seed(int64_t seed);
// Sets and reads the number of threads of one operation.
void minivess_set_threads(int n);
int minivess_threads(void);
// Puts an allocator of our own under all CPU tensors; the bytes held now, and the
// most since the last reset.
void minivess_pool_memory(void);
int64_t minivess_live_bytes(void);
int64_t minivess_peak_bytes(void);
void minivess_reset_peak(void);

#ifdef __cplusplus
}
#endif
#endif
