package metrics

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics/probability"
)

// Definitions lists the definitions, Minivess first.
func Definitions() []string {
	return []string{Minivess, MetricsReloaded, MONAI, SurfaceDistance, MedPy}
}

// Names lists the metrics that a definition has, or nil for an unknown one.
// Percentiles of the border distances other than the 95th are left out: there
// is no end to them.
func Names(definition string) []string {
	switch definition {
	case Minivess, "":
		return append([]string{
			Dice, IoU, Precision, Recall, VolumeSimilarity, FBeta, ClDice,
			HD95, HD, NSD, ASSD, MASD, BoundaryIoU,
		}, shapeNames()...)
	case MetricsReloaded:
		return []string{Dice, ClDice, HD95, HD, NSD, ASSD, MASD}
	case MONAI:
		return []string{HD95, NSD, NSDSubvoxel, ASSD}
	case SurfaceDistance:
		return []string{HD95, NSD}
	case MedPy:
		return []string{HD95}
	default:
		return nil
	}
}

// HDPercentile reads the name of a percentile of the border distances, "hd"
// and a number above 0 and below 100 such as hd90 or hd99.5.
func HDPercentile(metric string) (percentile float64, ok bool) {
	digits, ok := strings.CutPrefix(metric, HD)
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	q, err := strconv.ParseFloat(digits, 64)
	return q, err == nil && q > 0 && q < 100
}

// IsDistance tells whether a metric is a length in the spacing's unit.
func IsDistance(metric string) bool {
	switch metric {
	case HD, ASSD, MASD, RadiusError:
		return true
	default:
		_, ok := HDPercentile(metric)
		return ok
	}
}

// HigherIsBetter tells whether a greater value of the metric is a better one:
// not of distances, nor of the errors that topology and calibration report. It
// knows every metric of Choice, also of a single label (dice_2), and takes a
// name it does not know for one that rises unless it speaks of an error.
func HigherIsBetter(metric string) bool {
	metric = Bare(metric)
	if OfProbabilities(metric) {
		return probability.HigherIsBetter(metric)
	}
	return !IsDistance(metric) && !strings.HasSuffix(metric, "_error")
}

// has tells whether a definition has a metric. MedPy's percentile is fixed.
func has(definition, metric string) bool {
	if slices.Contains(Names(definition), metric) {
		return true
	}
	_, ok := HDPercentile(metric)
	return ok && definition != MedPy
}

// resolve checks the options and fills in the defaults.
func (o Options) resolve() (Options, error) {
	if o.Definition == "" {
		o.Definition = Minivess
	}
	known := Names(o.Definition)
	if known == nil {
		return o, fmt.Errorf("%w %q; choose one of %s", ErrDefinition, o.Definition, strings.Join(Definitions(), ", "))
	}
	for axis, s := range o.Spacing {
		if !(s > 0) || math.IsInf(s, 0) {
			return o, fmt.Errorf("%w: %g along %c; each must be a positive, finite length, check the file's header", ErrSpacing, s, "xyz"[axis])
		}
	}
	if !(o.Tolerance >= 0) || math.IsInf(o.Tolerance, 0) {
		return o, fmt.Errorf("%w: %g; it must be a finite length of 0 or more, in the spacing's unit", ErrTolerance, o.Tolerance)
	}
	if o.Beta == 0 {
		o.Beta = DefaultBeta
	}
	if o.BoundaryWidth == 0 {
		o.BoundaryWidth = DefaultBoundaryWidth
	}
	if !(o.Beta > 0) || math.IsInf(o.Beta, 0) {
		return o, fmt.Errorf("%w: beta %g; it must be a positive, finite number", ErrParameter, o.Beta)
	}
	if !(o.BoundaryWidth > 0) || math.IsInf(o.BoundaryWidth, 0) {
		return o, fmt.Errorf("%w: boundary width %g; it must be a positive, finite number of voxels", ErrParameter, o.BoundaryWidth)
	}
	if err := o.checkMatching(); err != nil {
		return o, err
	}
	switch o.Empty {
	case EmptyByDefinition, EmptyPenalise, EmptyNaN, EmptyExclude:
	default:
		return o, fmt.Errorf("%w %q; choose penalise, nan or exclude", ErrPolicy, string(o.Empty))
	}
	if len(o.Metrics) == 0 {
		o.Metrics = known
	}
	for _, name := range o.Metrics {
		if !has(o.Definition, name) {
			return o, fmt.Errorf("%w %q in definition %s, which has %s", ErrMetric, name, o.Definition, strings.Join(known, ", "))
		}
	}
	return o, nil
}
