package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// DefaultThreshold is the probability from which a voxel counts as foreground.
const DefaultThreshold = 0.5

// ErrOption means an option of this package that makes no sense.
var ErrOption = errors.New("unusable option")

// Labels says which labels are structures of their own. The zero value takes
// masks: all that is not background, if it is one label in each file.
type Labels struct {
	// List are scored each on its own, in this order.
	List []uint8
	// All scores every label of either file, but for the ignored ones.
	All bool
	// Ignore are labels of the reference where nothing is judged.
	Ignore []uint8
}

// masks tells whether the labels were left to the files.
func (l Labels) masks() bool { return !l.All && len(l.List) == 0 }

// Options says what is scored and how.
type Options struct {
	// Mask are the options of metrics.Compare; Spacing, Unit, Definition and
	// Threads are set here.
	Mask metrics.Options
	// Definitions are whose formulas the masks are scored by; none means that
	// masks are not scored.
	Definitions []string
	// Labels says which labels are scored.
	Labels Labels
	// Vessels are names of VesselNames to compute beside the others.
	Vessels []string
	// Resample puts a prediction that lies on another grid onto its reference's;
	// otherwise it is an error.
	Resample bool
	// Probabilities says that predictions are maps of the foreground's
	// probability, of which Threshold (0 means DefaultThreshold) makes masks.
	Probabilities bool
	Threshold     float64
	// Judged are the metrics of probabilities; none means that they are not
	// judged.
	Judged []string
	// Bins is the number of calibration bins; 0 means probability.DefaultBins.
	Bins int
	// Memory bounds the bytes taken by the volumes scored at a time; 0 means
	// that nothing bounds them.
	Memory int64
	// Threads bounds the goroutines; 0 means GOMAXPROCS.
	Threads int
}

// resolve refuses what could not be scored, before a file is read.
func (o Options) resolve(ctx context.Context) (Options, error) {
	if o.Threshold == 0 {
		o.Threshold = DefaultThreshold
	}
	switch {
	case !(o.Threshold > 0 && o.Threshold <= 1):
		return o, fmt.Errorf("%w: a threshold of %g; it must be a probability above 0 and at most 1", ErrOption, o.Threshold)
	case o.Probabilities && (o.Labels.All || len(o.Labels.List) > 1):
		return o, fmt.Errorf("%w: a map of probabilities is of one structure; choose one label", ErrOption)
	case len(o.Judged) > 0 && !o.Probabilities:
		return o, fmt.Errorf("%w: %q judges probabilities, and the predictions are labels", ErrOption, o.Judged[0])
	case o.Probabilities && len(o.Labels.Ignore) > 1:
		return o, fmt.Errorf("%w: %d labels to ignore; of probabilities one can be ignored", ErrOption, len(o.Labels.Ignore))
	case o.Memory < 0 || o.Bins < 0 || o.Bins > probability.MaxBins:
		return o, fmt.Errorf("%w: %d bytes of memory, %d bins", ErrOption, o.Memory, o.Bins)
	}
	if slices.Contains(o.Labels.List, 0) {
		return o, fmt.Errorf("%w: 0 is the background, and no structure", metrics.ErrLabel)
	}
	for i, label := range o.Labels.List {
		if slices.Contains(o.Labels.Ignore, label) {
			return o, fmt.Errorf("%w: %d is to be scored and to be ignored; drop one of the two", metrics.ErrLabel, label)
		}
		if slices.Contains(o.Labels.List[:i], label) {
			return o, fmt.Errorf("%w: %d is listed twice", metrics.ErrLabel, label)
		}
	}
	for _, name := range o.Vessels {
		if !slices.Contains(VesselNames(), name) {
			return o, fmt.Errorf("%w %q; of vessels there are %q", metrics.ErrMetric, name, VesselNames())
		}
	}
	if len(o.Definitions) == 0 {
		return o, nil
	}
	// A pair of one empty voxel checks the rest at once.
	one := metrics.Mask{Shape: [3]int{1, 1, 1}, Data: []uint8{0}}
	probe := o.Mask
	probe.Spacing = [3]float64{1, 1, 1}
	_, err := metrics.Compare(ctx, one, one, probe, o.Definitions...)
	return o, err
}
