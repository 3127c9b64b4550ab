package probability

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Evaluate scores the foreground's probability of each voxel against a
// reference of 0 (background) and 1 (foreground). Voxels may come in any order
// as long as it is the same in both, x fastest by convention.
//
// Confidence, for calibration, is the probability of the foreground, and
// accuracy the share of foreground. A voxel is wrong when its probability is on
// the other side of a half than the reference, a half counting as foreground.
// AUROC and average precision are undefined when the reference is all
// background or all foreground, the metrics of uncertainty when all voxels are
// right or all are wrong: then they are NaN and Result.Excluded says why.
// Refused are arrays of different or no length, a probability that is NaN or
// outside [0, 1], a reference voxel that is neither 0, 1 nor to be ignored, and
// a reference whose every voxel is ignored.
//
// Beside the arguments it takes at most 2 bytes a voxel and some megabytes.
func Evaluate(ctx context.Context, foreground []float32, reference []uint8, o Options) (Result, error) {
	return evaluate(ctx, input{probabilities: [][]float32{foreground}, reference: reference, classes: 2}, o)
}

// EvaluateClasses scores the probabilities of several classes, which exclude
// each other: probabilities[c] holds those of class c for each voxel, and
// reference the class. Each voxel's probabilities add up to 1 within
// SumTolerance; Evaluate says what else is refused.
//
// Confidence is the greatest probability, and accuracy the share of voxels
// whose class it is; of equal ones the first counts. AUROC and average
// precision are means, over the classes that are in the reference but do not
// fill it, of each class against the rest; Excluded names the classes left out.
// With two classes it is calibration that differs from Evaluate, and the Brier
// score, which is twice as great.
//
// Beside the arguments it takes at most 2 bytes a voxel and some megabytes.
func EvaluateClasses(ctx context.Context, probabilities [][]float32, reference []uint8, o Options) (Result, error) {
	if n := len(probabilities); n < 2 || n > 256 {
		return Result{}, fmt.Errorf("%w: probabilities of %d classes; give 2 to 256, or the foreground alone to Evaluate", ErrShape, n)
	}
	return evaluate(ctx, input{probabilities: probabilities, reference: reference, classes: len(probabilities), several: true}, o)
}

// input is the arguments of either function.
type input struct {
	probabilities [][]float32 // the foreground's alone unless several
	reference     []uint8
	classes       int
	several       bool
	ignore        int // label, or −1
	uncertainty   []float32
}

// evaluation is one call at work.
type evaluation struct {
	input
	names   []string
	bins    int
	threads int
	result  Result
}

func evaluate(ctx context.Context, in input, o Options) (Result, error) {
	in.ignore, in.uncertainty = -1, o.Uncertainty
	if o.Ignore != nil {
		in.ignore = int(*o.Ignore)
	}
	e := evaluation{input: in, names: o.Metrics, bins: o.Bins, threads: o.Threads}
	if len(e.names) == 0 {
		e.names = Names()
	}
	if e.bins == 0 {
		e.bins = DefaultBins
	}
	if err := e.check(); err != nil {
		return Result{}, err
	}
	e.result = Result{Values: map[string]float64{}, Excluded: map[string]string{}, Definition: map[string]string{}, Classes: in.classes}
	if err := e.pointwise(ctx); err != nil {
		return Result{}, err
	}
	if err := e.ranked(ctx); err != nil {
		return Result{}, err
	}
	for _, name := range e.names {
		e.result.Definition[name] = e.definition(name)
	}
	return e.result, nil
}

// check refuses what can be seen without looking at the voxels.
func (e *evaluation) check() error {
	n := len(e.reference)
	for c, p := range e.probabilities {
		if len(p) != n {
			return fmt.Errorf("%w: %d probabilities of class %d but %d reference voxels; give both for the same volume", ErrShape, len(p), c, n)
		}
	}
	switch {
	case n == 0:
		return fmt.Errorf("%w: there is no voxel to judge", ErrShape)
	case n > math.MaxInt32:
		return fmt.Errorf("%w: %d voxels, more than 2³¹−1; judge the volume in parts", ErrShape, n)
	case e.uncertainty != nil && len(e.uncertainty) != n:
		return fmt.Errorf("%w: %d values of uncertainty but %d voxels", ErrShape, len(e.uncertainty), n)
	case e.bins < 1 || e.bins > MaxBins:
		return fmt.Errorf("%w: %d; choose 1 to %d", ErrBins, e.bins, MaxBins)
	}
	for _, name := range e.names {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("%w %q; there are %v", ErrMetric, name, Names())
		}
	}
	return nil
}

func (e *evaluation) wants(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(e.names, n) })
}

// set stores a value that was asked for.
func (e *evaluation) set(name string, value float64) {
	if e.wants(name) {
		e.result.Values[name] = value
	}
}

// exclude says why a metric that was asked for has no value, or lacks a part.
func (e *evaluation) exclude(why string, names ...string) {
	for _, name := range names {
		if e.wants(name) {
			e.result.Excluded[name] = why
		}
	}
}

// definition says what a value is.
func (e *evaluation) definition(name string) string {
	several := func(yes, no string) string {
		if e.several {
			return yes
		}
		return no
	}
	source := "entropy"
	if e.uncertainty != nil {
		source = "the uncertainty given"
	}
	confidence := several("greatest probability against being right", "foreground probability against being foreground")
	switch name {
	case Brier:
		return several("mean over voxels of the squared errors summed over classes", "mean squared error of the foreground probability")
	case NLL:
		return "mean negative log-likelihood in nats, probabilities clipped to [2⁻²³, 1 − 2⁻²³]"
	case ECE:
		return fmt.Sprintf("expected calibration error, %d equal-width bins, %s", e.bins, confidence)
	case MCE:
		return fmt.Sprintf("maximum calibration error, %d equal-width bins, %s", e.bins, confidence)
	case AUROC:
		return "area under the ROC curve, exact" + several(", mean of each class against the rest", "")
	case AveragePrecision:
		return "average precision, not interpolated, exact" + several(", mean of each class against the rest", "")
	case UncertaintyAUROC:
		return "AUROC of " + source + " for finding wrong voxels"
	default:
		return "Spearman correlation of " + source + " with being wrong"
	}
}
