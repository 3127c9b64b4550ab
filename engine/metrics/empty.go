package metrics

import (
	"math"
	"slices"
)

// whenEmpty is what a metric is worth when one mask, or both, are empty.
type whenEmpty struct {
	one, both float64
}

// scoreEmpty fills in a metric of a pair with an empty mask by the policy.
func (p *pair) scoreEmpty(r *Result, name string) {
	if r.Empty == EmptyExclude {
		r.Excluded[name] = "excluded by policy: " + r.Presence.words()
		return
	}
	answer := emptyAnswer(r.Definition, r.Empty, name, p.diagonal())
	v := answer.one
	if r.Presence == EmptyBoth {
		v = answer.both
	}
	r.Values[name] = v
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Excluded[name] = "undefined: " + r.Presence.words()
		if r.Definition == MedPy {
			r.Excluded[name] += "; MedPy raises an error"
		}
		return
	}
	r.ByPolicy[name] = r.Presence.words()
}

func (p Presence) words() string {
	switch p {
	case MissedStructure:
		return "the prediction is empty and the reference is not"
	case InventedOnly:
		return "the reference is empty and the prediction is not"
	case EmptyBoth:
		return "both masks are empty"
	case PresentBoth:
		return "both masks hold foreground"
	}
	return string(p)
}

// emptyAnswer is the table of who answers what. The diagonal is that of the
// whole volume, so no measured distance is worse.
func emptyAnswer(definition string, policy EmptyPolicy, name string, diagonal float64) whenEmpty {
	if policy == EmptyByDefinition {
		switch definition {
		case Minivess:
			policy = EmptyPenalise
		case MetricsReloaded:
			policy = EmptyNaN
		default:
			return peerEmptyAnswer(definition, name)
		}
	}
	nan := math.NaN()
	switch {
	case !HigherIsBetter(name) && policy == EmptyPenalise:
		return whenEmpty{diagonal, 0}
	case !HigherIsBetter(name):
		return whenEmpty{nan, 0}
	case policy == EmptyNaN && slices.Contains([]string{ClDice, SkeletonRecall, SkeletonPrecision}, name):
		return whenEmpty{nan, nan}
	default:
		return whenEmpty{0, 1}
	}
}

// peerEmptyAnswer is the behaviour of MONAI, surface-distance and MedPy.
func peerEmptyAnswer(definition, name string) whenEmpty {
	nan, inf := math.NaN(), math.Inf(1)
	switch {
	case definition == MONAI && name == ASSD:
		return whenEmpty{inf, nan}
	case definition == SurfaceDistance && name == HD95:
		return whenEmpty{inf, inf}
	case HigherIsBetter(name):
		return whenEmpty{0, nan}
	default:
		return whenEmpty{nan, nan}
	}
}
