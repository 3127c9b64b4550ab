package metrics

import (
	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// The metrics by name. HD95, HD, ASSD and MASD are in the spacing's unit and
// fall as a segmentation improves; the others lie in [0, 1] and rise. Beside
// HD95 any other percentile of the border distances has a name too: HDPercentile.
const (
	Dice             = "dice"
	IoU              = "iou"
	Precision        = "precision"
	Recall           = "recall"
	VolumeSimilarity = "volume_similarity"
	FBeta            = "f_beta"
	ClDice           = "cldice"
	HD95             = "hd95"
	HD               = "hd"
	NSD              = "nsd"
	NSDSubvoxel      = "nsd_subvoxel" // MONAI's use_subvoxels
	ASSD             = "assd"
	MASD             = "masd"
	BoundaryIoU      = "boundary_iou"
)

// The definitions by name, each after the package that it agrees with.
const (
	Minivess        = "minivess"         // MetricsReloaded's formulas, missed structures penalised
	MetricsReloaded = "metrics-reloaded" // Maier-Hein, Reinke et al., Nature Methods 2024
	MONAI           = "monai"            // MONAI 1.4.0
	SurfaceDistance = "surface-distance" // google-deepmind/surface-distance 0.1
	MedPy           = "medpy"            // MedPy 0.5.2
)

// DefaultTolerance is MetricsReloaded's NSD tolerance, in the spacing's unit.
const DefaultTolerance = 1.0

// DefaultBeta weighs recall and precision alike in FBeta, which is then Dice.
const DefaultBeta = 1.0

// DefaultBoundaryWidth is MetricsReloaded's for BoundaryIoU, in voxels: border
// voxels alone.
const DefaultBoundaryWidth = 1.0

// EmptyPolicy says what a metric is worth when a mask is empty.
type EmptyPolicy string

// The policies for empty masks.
const (
	// EmptyByDefinition is each definition's own behaviour; for Minivess that
	// is EmptyPenalise.
	EmptyByDefinition EmptyPolicy = ""
	// EmptyPenalise scores a missed or an invented structure as badly as the
	// volume allows: overlaps are 0 and distances are the volume's diagonal.
	// Two empty masks agree perfectly: 1 and 0.
	EmptyPenalise EmptyPolicy = "penalise"
	// EmptyNaN is what MetricsReloaded does: undefined values are NaN.
	EmptyNaN EmptyPolicy = "nan"
	// EmptyExclude gives no values at all when either mask is empty.
	EmptyExclude EmptyPolicy = "exclude"
)

// Options says what Evaluate computes. Spacing is required; the zero value of
// everything else is useful.
type Options struct {
	// Spacing is the voxel's size along x, y and z.
	Spacing [3]float64
	// Unit names the spacing's unit in results; it is not interpreted.
	Unit string
	// Tolerance is how far apart surfaces may lie and still agree, inclusive,
	// for NSD; 0 asks for coinciding surfaces.
	Tolerance float64
	// Beta is how many times as much recall counts as precision in FBeta; 0
	// means DefaultBeta.
	Beta float64
	// BoundaryWidth is how far from its border, in voxels and exclusive, the
	// voxels of a mask count in BoundaryIoU; 0 means DefaultBoundaryWidth.
	BoundaryWidth float64
	// Matching is how the pieces of LesionPrecision, LesionRecall and LesionF1 are
	// paired, "" meaning instances.Overlap, and those of PanopticQuality, "" and
	// instances.Overlap meaning instances.Greedy.
	Matching instances.Matching
	// MatchThreshold is the least IoU of a pair; 0 means
	// instances.DefaultThreshold.
	MatchThreshold float64
	// Connectivity says which voxels belong to one piece of these metrics; 0
	// means topology.Corners. Topology's own counts do not follow it.
	Connectivity topology.Connectivity
	// Metrics are the names to compute; none means all of Names.
	Metrics []string
	// Definition is whose formulas are followed; "" means Minivess.
	Definition string
	// Empty is the policy for empty masks.
	Empty EmptyPolicy
	// Threads bounds the goroutines used; 0 means GOMAXPROCS.
	Threads int
}
