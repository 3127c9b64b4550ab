package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/spelling"
)

// Choice lists every metric by which a predicted volume can be judged: those
// of masks that the Minivess definition has, then those of probabilities.
// Percentiles of the border distances other than the 95th may be chosen too.
func Choice() []string { return append(Names(Minivess), probability.Names()...) }

// The families of metrics that judge probabilities, beside those of masks.
const (
	FamilyProbability = "probability"
	FamilyUncertainty = "uncertainty"
)

// Expand gives the metrics that a list of names and families asks for, each
// once and in order. Of a family those count that are in Choice.
func Expand(names ...string) ([]string, error) {
	var all []string
	for _, name := range names {
		members := slices.DeleteFunc(Family(name), func(m string) bool { return !slices.Contains(Choice(), m) })
		switch name {
		case FamilyProbability:
			members = []string{probability.Brier, probability.NLL, probability.ECE, probability.MCE, probability.AUROC, probability.AveragePrecision}
		case FamilyUncertainty:
			members = []string{probability.UncertaintyAUROC, probability.UncertaintySpearman}
		}
		if members == nil {
			if err := Check(name); err != nil {
				return nil, err
			}
			members = []string{name}
		}
		for _, m := range members {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// OfProbabilities tells whether a metric judges probabilities rather than
// masks; see engine/metrics/probability.
func OfProbabilities(metric string) bool { return slices.Contains(probability.Names(), metric) }

// Check refuses, with ErrMetric, a name that is neither in Choice nor a
// percentile of the border distances, and says which one is probably meant.
func Check(metric string) error {
	if has(Minivess, metric) || OfProbabilities(metric) {
		return nil
	}
	if near := Nearest(metric); near != "" {
		return fmt.Errorf("%w %q: did you mean %s?", ErrMetric, metric, near)
	}
	families := append(Families(), FamilyProbability, FamilyUncertainty)
	return fmt.Errorf("%w %q; choose of %s, or hdN for the Nth percentile of the border distances, 0 < N < 100, or a family: %s",
		ErrMetric, metric, strings.Join(Choice(), ", "), strings.Join(families, ", "))
}

// JudgingMemory estimates how many bytes a prediction of a shape takes from when
// it is made until it has been scored by metrics of Choice: its label maps, the
// probabilities of its classes (background included) where they are judged, and
// the scoring itself.
func JudgingMemory(shape [3]int, classes int, names []string, o Options) int64 {
	voxels := int64(shape[0]) * int64(shape[1]) * int64(shape[2])
	o.Metrics = slices.DeleteFunc(slices.Clone(names), OfProbabilities)
	bytes := 4 * voxels // both label maps, as they are predicted and as they are stored
	if len(o.Metrics) > 0 {
		bytes += Memory(shape, o)
	}
	if len(o.Metrics) == len(names) {
		return bytes
	}
	if classes == 2 {
		classes = 1 // the foreground's alone
	}
	return bytes + (4*int64(classes)+2)*voxels
}

// Nearest is the metric of Choice whose name is spelt most like a word, or ""
// when none is near. Case, spaces and hyphens do not count.
func Nearest(word string) string {
	const far = 3
	word = strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(word)))
	best, least := "", far
	for _, name := range Choice() {
		d := spelling.Distance(word, name)
		if d < least && 2*d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// Bare takes off the label that a single label's score has behind the metric's
// name, as in dice_2.
func Bare(metric string) string {
	at := strings.LastIndexByte(metric, '_')
	if at <= 0 || at == len(metric)-1 || strings.Trim(metric[at+1:], "0123456789") != "" {
		return metric
	}
	return metric[:at]
}
