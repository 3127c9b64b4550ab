package plan

import (
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/models/plainunet"
)

// NNUNetOptions are what nnU-Net's planner is told beside the fingerprint.
type NNUNetOptions struct {
	// GPUMemoryGB is nnU-Net's gpu_memory_target_in_gb; 0 means its default, 8.
	GPUMemoryGB float64
	// Channels of the image and Classes, background included.
	Channels, Classes int
	// Modality is the channel's name; "CT" chooses nnU-Net's CTNormalization.
	Modality string
}

// What nnU-Net v2 measures a network by: the elements of all feature maps of
// one patch, of which a GPU of 8 GB holds those of a batch of 2.
const (
	referenceElements = 560_000_000
	referenceGB       = 8
	referenceBatch    = 2
	leastBatch        = 2
	// mostCovered is the share of the dataset that one batch may cover.
	mostCovered = 0.05
	// firstEdge is the edge of the cube whose volume the first patch has.
	firstEdge = 256
)

// NNUNet plans as nnU-Net v2.8's ExperimentPlanner does for its configuration
// 3d_fullres: the same target spacing, patch, batch, pooling, kernels and
// features, by its own estimate of GPU memory. It is there to compare with and
// to reproduce published plans; Propose follows the same rules but measures
// memory with engine/nn/cost. Cost is left empty. Where two axes are equally
// oversized, nnU-Net's choice depends on the processor that numpy sorts with;
// here it is the last along nnU-Net's own order.
func NNUNet(f dataset.Fingerprint, o NNUNetOptions) (Proposal, error) {
	if o.Channels < 1 || o.Classes < 2 {
		return Proposal{}, fmt.Errorf("%w: %d channels and %d classes", ErrRequest, o.Channels, o.Classes)
	}
	if o.GPUMemoryGB == 0 {
		o.GPUMemoryGB = referenceGB
	}
	e, err := extentOf(f)
	if err != nil {
		return Proposal{}, err
	}
	reference := referenceElements * (o.GPUMemoryGB / referenceGB)
	l, ok := shrink(e, first(e), func(l layout) bool { return float64(featureElements(l, o)) <= reference })
	if !ok {
		return Proposal{}, fmt.Errorf("%w: nnU-Net's smallest network is too large for %g GB", ErrMemory, o.GPUMemoryGB)
	}
	batch := math.RoundToEven(reference / float64(featureElements(l, o)) * referenceBatch)
	batch = max(min(batch, covered(e, l.patch)), leastBatch)
	options := levelsOf(plainunet.Name, nil).options(l)
	options["in_channels"], options["out_channels"] = o.Channels, o.Classes
	return Proposal{
		Model: plainunet.Name, Options: options, Patch: l.patch, Batch: int(batch), Spacing: e.spacing, MedianShape: rounded(e.median),
		Normalise: normalisation(o.Modality), Topology: &l.Topology, Reasons: topologyReasons(e, l, f.Unit),
	}, nil
}

// first is the size that a search starts from: a patch with the aspect ratio
// of the voxels and a large volume, but no larger than the median volume.
func first(e extent) [3]float64 {
	var size [3]float64
	inverse := [3]float64{1 / e.spacing[0], 1 / e.spacing[1], 1 / e.spacing[2]}
	// In the order z, y, x, whose product rounds like nnU-Net's.
	product := inverse[2] * inverse[1] * inverse[0]
	scale := math.Pow(firstEdge*firstEdge*firstEdge/product, 1.0/3)
	for i := range 3 {
		size[i] = min(math.RoundToEven(inverse[i]*scale), e.median[i])
	}
	return size
}

// shrink takes the axis that is largest relative to the median volume down by
// the smallest step that a network can take, until what it leads to fits. It
// reports false when nothing does.
func shrink(e extent, size [3]float64, fits func(layout) bool) (layout, bool) {
	for l := lay(e.spacing, size); ; {
		if fits(l) {
			return l, true
		}
		axis := oversized(e, l.patch)
		// Taking a step away may change how often the axis can be halved, and
		// with it the step: the step that then applies is the one to take.
		less := float3(l.patch)
		if less[axis] -= float64(l.divisor[axis]); less[axis] < 1 {
			return l, false
		}
		step := lay(e.spacing, less).divisor[axis]
		next := float3(l.patch)
		if next[axis] -= float64(step); next[axis] < 1 {
			return l, false
		}
		l = lay(e.spacing, next)
	}
}

// oversized is the axis along which the patch is largest relative to the
// median volume. nnU-Net moves the axis of longest voxels to the front of
// z, y, x and takes the last of equals.
func oversized(e extent, patch [3]int) int {
	axis, most := 0, math.Inf(-1)
	for _, i := range nnunetOrder(e.spacing) {
		if share := float64(patch[i]) / e.median[i]; share >= most {
			axis, most = i, share
		}
	}
	return axis
}

// nnunetOrder lists the axes x, y, z as nnU-Net has them after transposing: the
// axis of the longest voxels, then the others in the order z, y, x.
func nnunetOrder(spacing [3]float64) [3]int {
	longest := 2
	for i := 1; i >= 0; i-- {
		if spacing[i] > spacing[longest] {
			longest = i
		}
	}
	order, at := [3]int{longest}, 1
	for i := 2; i >= 0; i-- {
		if i != longest {
			order[at] = i
			at++
		}
	}
	return order
}

// covered is how many patches make up the largest share of the dataset that a
// batch may cover.
func covered(e extent, patch [3]int) float64 {
	v := float3(patch)
	return math.RoundToEven(e.voxels() * mostCovered / (v[0] * v[1] * v[2]))
}

// featureElements counts the elements that nnU-Net counts for its plain U-Net
// with two convolutions a stage: every convolution's result, transposed ones
// included, and the segmentation's.
func featureElements(l layout, o NNUNetOptions) int64 {
	var n int64
	sizes := make([]int64, len(l.Strides)) // voxels of each stage
	size := l.patch
	for s, stride := range l.Strides {
		for i := range 3 {
			size[i] /= stride[i]
		}
		sizes[s] = int64(size[0]) * int64(size[1]) * int64(size[2])
		n += 2 * int64(l.Features[s]) * sizes[s]
	}
	for s := range len(sizes) - 1 {
		n += 3 * int64(l.Features[s]) * sizes[s]
	}
	return n + int64(o.Classes)*sizes[0]
}

func float3(v [3]int) [3]float64 { return [3]float64{float64(v[0]), float64(v[1]), float64(v[2])} }

// rounded is the median volume in whole voxels.
func rounded(v [3]float64) [3]int {
	var out [3]int
	for i := range 3 {
		out[i] = int(math.Round(v[i]))
	}
	return out
}
