// Package plan proposes how a network should be trained on a dataset: patch,
// batch, topology and normalisation, from the dataset's fingerprint and the
// memory at hand, with each reason in words. NNUNet applies nnU-Net v2's rules
// (Isensee et al., Nature Methods 18, 2021) to the letter. Propose follows them,
// for any network, but for this:
//
//   - volumes are planned for as they are, since training does not resample
//     them; spacing decides shapes and levels only;
//   - what fits is judged by engine/nn/cost, against a number of bytes, instead
//     of by counting the elements of feature maps;
//   - a step may also be bounded in time, for computers without an accelerator;
//   - a network with fixed levels takes the patch nearest to that shape that it
//     can, and a narrower network is taken where the usual one leaves no room.
//
// Nothing is read or launched here. What a network is belongs to engine/models,
// what a dataset looks like to engine/dataset, and how fast a machine is to
// tools/estimate.
package plan

import (
	"errors"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/nn/cost"
)

// What can be wrong with a request.
var (
	// ErrRequest means that a request makes no sense, or that the fingerprint
	// does not say enough to plan.
	ErrRequest = errors.New("cannot plan")
	// ErrMemory means that not even the smallest patch fits the memory.
	ErrMemory = errors.New("does not fit the memory")
)

// Request is what a plan is wanted for. Spatial values run along x, y, z.
type Request struct {
	Fingerprint dataset.Fingerprint
	// Model is a name of engine/models. Options are those that somebody chose;
	// the plan keeps them and adds to them.
	Model   string
	Options map[string]any
	// Memory bounds the tensors of one step, in bytes (cost.Cost.PeakBytes).
	// 0 means that memory does not matter.
	Memory int64
	// Training asks for a training plan; otherwise Patch is the window of a
	// prediction and Batch the windows predicted at a time.
	Training bool
	// Precision is cost.Float32 (the default when empty) or cost.BFloat16.
	Precision string
	// Checkpointing recomputes activations in the backward pass.
	Checkpointing bool
	// Optimiser and Threads are as in cost.Request.
	Optimiser string
	Threads   int
	// Patch and Batch, where not 0, were chosen by somebody: they are kept.
	Patch [3]int
	Batch int
	// StepSeconds is the longest that one step should take on a machine that
	// does Speed floating-point operations a second. Either 0 means that time
	// does not matter.
	StepSeconds, Speed float64
	// Modality is what the image shows, as nnU-Net's channel names say it: "CT"
	// is normalised by the dataset's percentiles, anything else by its own mean
	// and deviation.
	Modality string
}

// Proposal is a plan. Its JSON is what a tool shows.
type Proposal struct {
	Model string `json:"model"`
	// Options are the model's, the request's included: give them to models.New.
	Options map[string]any `json:"options"`
	Patch   [3]int         `json:"patch"`
	Batch   int            `json:"batch"`
	// Spacing is the voxel size that was planned for, in the dataset's unit: the
	// median, or nnU-Net's target.
	Spacing [3]float64 `json:"spacing"`
	// MedianShape is the median volume in voxels of that size.
	MedianShape [3]int `json:"median_shape"`
	// Normalise is a value of the configuration's key of that name: zscore or
	// percentile.
	Normalise string `json:"normalise"`
	// Topology says how a U-Net's levels are laid out; nil for networks whose
	// levels are fixed.
	Topology *Topology `json:"topology,omitempty"`
	// Cost is what one step takes by engine/nn/cost.
	Cost cost.Cost `json:"cost"`
	// Reasons are full sentences, in the order in which things were decided.
	Reasons []string `json:"reasons"`
}

// Topology is the layout of a U-Net: its stages from the finest to the
// bottleneck.
type Topology struct {
	// Strides are the steps of each stage's first convolution; the first is
	// 1, 1, 1.
	Strides [][3]int `json:"strides"`
	// Kernels are the sizes of each stage's convolutions, 1 or 3 along an axis.
	Kernels [][3]int `json:"kernels"`
	// Features are each stage's channels.
	Features []int `json:"features"`
	// Pools counts the halvings along each axis.
	Pools [3]int `json:"pools"`
}
