// Package memory foretells how many bytes of tensors a pass through a network
// holds at one time. It plays the very schedule that nn/torch executes on a
// heap that only counts: each operation's result, what libtorch 2.1 and oneDNN
// allocate inside it, what is kept for the gradients, and the backward pass in
// the order of libtorch's engine. Nothing is computed, and no library is
// linked.
//
// What an operation costs in arithmetic belongs to package cost; what a process
// takes beside its tensors, to tools/estimate.
package memory
