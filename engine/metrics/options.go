package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The metrics by name. HD95, HD, ASSD and MASD are in the spacing's unit and
// fall as a segmentation improves; the others lie in [0, 1] and rise.
const (
	Dice        = "dice"
	ClDice      = "cldice"
	HD95        = "hd95"
	HD          = "hd"
	NSD         = "nsd"
	NSDSubvoxel = "nsd_subvoxel" // MONAI's use_subvoxels
	ASSD        = "assd"
	MASD        = "masd"
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

// Percentile is the percentile behind HD95.
const Percentile = 95.0

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
	// Metrics are the names to compute; none means all the definition has.
	Metrics []string
	// Definition is whose formulas are followed; "" means Minivess.
	Definition string
	// Empty is the policy for empty masks.
	Empty EmptyPolicy
	// Threads bounds the goroutines used; 0 means GOMAXPROCS.
	Threads int
}

// Definitions lists the definitions, Minivess first.
func Definitions() []string {
	return []string{Minivess, MetricsReloaded, MONAI, SurfaceDistance, MedPy}
}

// Names lists the metrics that a definition has, or nil for an unknown one.
func Names(definition string) []string {
	switch definition {
	case Minivess, MetricsReloaded, "":
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

// HigherIsBetter tells whether a greater value of the metric is a better one.
func HigherIsBetter(metric string) bool {
	switch metric {
	case HD95, HD, ASSD, MASD:
		return false
	default:
		return true
	}
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
	switch o.Empty {
	case EmptyByDefinition, EmptyPenalise, EmptyNaN, EmptyExclude:
	default:
		return o, fmt.Errorf("%w %q; choose penalise, nan or exclude", ErrPolicy, string(o.Empty))
	}
	if len(o.Metrics) == 0 {
		o.Metrics = known
	}
	for _, name := range o.Metrics {
		if !slices.Contains(known, name) {
			return o, fmt.Errorf("%w %q in definition %s, which has %s", ErrMetric, name, o.Definition, strings.Join(known, ", "))
		}
	}
	return o, nil
}
