// Package train is what a worker does: it fits a network to patches, judges a
// fitted one on whole volumes, and writes down what happened in the run's
// journal. It reads the job's specification and the files named there, and
// writes into the run's folder only.
//
// A run can be killed at any moment. What is drawn in a step depends on the
// seed and the step alone (see engine/train/patches), a checkpoint holds the
// weights, the optimiser's moments and the counters, and it is one file that
// is replaced whole; so a resumed run computes what the uninterrupted one
// would have, bit for bit with the same machine and number of threads.
//
// Only the worker links this package, because it links libtorch.
package train
