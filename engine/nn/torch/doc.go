// Package torch interprets an nn.Program with libtorch through gotch: eager
// execution, gradients, recomputation of segments, bfloat16 arithmetic. A
// Module owns a network's weights on a device.
//
// Tensors are owned explicitly, since the garbage collector does not see their
// size: within a forward pass every intermediate is freed after its last use.
// Only the worker links this package. Losses, optimisers and data do not
// belong here (see engine/train).
package torch
