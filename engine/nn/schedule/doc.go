// Package schedule works out how a recorded forward pass is run: which results
// are written over their inputs, which operations one kernel does together,
// when each tensor is freed, and, with recomputation, in which chunks the
// network is cut. nn/torch executes exactly this; nn/cost plays it to foretell
// memory.
//
// It is pure Go. Which functions of libtorch are called does not belong here.
package schedule
