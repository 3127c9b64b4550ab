// Package probability judges the probabilities that a network gives its voxels,
// before they are cut to a mask: how far off they are (Brier score, negative
// log-likelihood), whether they mean what they say (calibration error), how
// well they separate the classes (AUROC, average precision), and whether the
// network is uncertain where it is wrong. It takes plain arrays and reads no
// files; scores of masks belong to the package above, statistics over several
// volumes to engine/metrics/cases.
package probability

import (
	"errors"
	"slices"
)

// The metrics by name. AUROC, AveragePrecision and the two of uncertainty rise
// as predictions improve; the others fall to 0.
const (
	// Brier is the mean squared error of the probabilities (Brier 1950): of the
	// foreground's alone for two classes, in [0, 1]; summed over all classes
	// for more, in [0, 2]. scikit-learn's brier_score_loss is the same.
	Brier = "brier"
	// NLL is the mean negative log-likelihood in nats of the true class, with
	// probabilities clipped to [ε, 1−ε], ε = Epsilon, as scikit-learn's
	// log_loss does for float32.
	NLL = "nll"
	// ECE is the expected calibration error over equal-width bins, weighted by
	// the voxels in each (Naeini et al. 2015), as netcal 1.4.0 has it.
	ECE = "ece"
	// MCE is the greatest calibration error of any bin that holds a voxel.
	MCE = "mce"
	// AUROC is the area under the receiver operating characteristic: the chance
	// that a foreground voxel has a greater probability than one of the
	// background, ties counting half. It is exact.
	AUROC = "auroc"
	// AveragePrecision is Σ (Rₙ − Rₙ₋₁)·Pₙ over all thresholds, without
	// interpolation, as scikit-learn has it. It is exact.
	AveragePrecision = "average_precision"
	// UncertaintyAUROC is the AUROC with which uncertainty finds wrong voxels.
	UncertaintyAUROC = "uncertainty_auroc"
	// UncertaintySpearman is Spearman's rank correlation of a voxel's
	// uncertainty with its being wrong (1) or right (0), in [−1, 1].
	UncertaintySpearman = "uncertainty_spearman"
)

// Epsilon is how near to 0 and 1 NLL and calibration let a probability come:
// the distance from 1 to the next float32.
const Epsilon = 1.0 / (1 << 23)

// DefaultBins is netcal's number of bins for calibration.
const DefaultBins = 10

// MaxBins bounds what a caller may ask for.
const MaxBins = 10000

// SumTolerance is how far from 1 the probabilities of a voxel's classes may add
// up to: enough for those that were stored as float16.
const SumTolerance = 2e-3

// What can be wrong with the input.
var (
	ErrShape       = errors.New("probability: arrays do not fit together")
	ErrProbability = errors.New("probability: not a probability")
	ErrLabel       = errors.New("probability: unknown label")
	ErrBins        = errors.New("probability: unusable number of bins")
	ErrUncertainty = errors.New("probability: unusable uncertainty")
	ErrMetric      = errors.New("probability: unknown metric")
)

// Names lists the metrics.
func Names() []string {
	return []string{Brier, NLL, ECE, MCE, AUROC, AveragePrecision, UncertaintyAUROC, UncertaintySpearman}
}

// HigherIsBetter tells whether a greater value of the metric is a better one.
func HigherIsBetter(metric string) bool {
	return slices.Contains([]string{AUROC, AveragePrecision, UncertaintyAUROC, UncertaintySpearman}, metric)
}

// Options says what is computed; the zero value computes everything with ten
// bins.
type Options struct {
	// Metrics are the names to compute; none means all.
	Metrics []string
	// Bins is the number of calibration bins; 0 means DefaultBins.
	Bins int
	// Ignore is the label of voxels that are left out of everything, or nil.
	Ignore *uint8
	// Uncertainty is a value ≥ 0 for each voxel that the two metrics of
	// uncertainty use, such as an ensemble's variance. Nil means the entropy of
	// the probabilities themselves.
	Uncertainty []float32
	// Threads bounds the goroutines used; 0 means GOMAXPROCS. The result does
	// not depend on it.
	Threads int
}

// Bin is one bin of a reliability diagram, of confidences in [Low, High); the
// last one includes 1. Confidence and Accuracy are 0 when Voxels is.
type Bin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Voxels     int64   `json:"voxels"`
	Confidence float64 `json:"confidence"` // mean of those voxels
	Accuracy   float64 `json:"accuracy"`   // share of them that is foreground, or right
}

// Result is the scores of one volume. Every name asked for is in Values; one
// that has no value is NaN there, and Excluded says why. Excluded also says
// which classes a mean over classes leaves out.
type Result struct {
	Values   map[string]float64
	Excluded map[string]string
	// Definition says in words what each value is, with its parameters.
	Definition map[string]string

	Classes int     // 2 for Binary
	Voxels  int64   // that were judged
	Ignored int64   // that carry the label to ignore
	Labels  []int64 // voxels of each class in the reference
	Bins    []Bin   // the reliability diagram, when ECE or MCE was asked for
}
