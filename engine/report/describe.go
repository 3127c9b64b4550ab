package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// describe says in a sentence what a metric is, with the parameters that it was
// computed with.
func describe(metric string, s Scoring) string {
	switch metric {
	case metrics.FBeta:
		return fmt.Sprintf("Weighted harmonic mean of precision and recall, β = %g.", s.beta())
	case metrics.NSD, metrics.NSDSubvoxel:
		how := "counted in border voxels"
		if metric == metrics.NSDSubvoxel || s.Definition == metrics.SurfaceDistance {
			how = "measured in area"
		}
		return fmt.Sprintf("Normalised surface distance: the share of both surfaces that lies within %g %s of the other, %s.", s.Tolerance, UnitName(s.Unit), how)
	case metrics.BoundaryIoU:
		return fmt.Sprintf("Intersection over union of the voxels whose distance to their mask's border is below %g, in voxels.", s.width())
	}
	if q, ok := metrics.HDPercentile(metric); ok {
		return fmt.Sprintf("Hausdorff distance at the %g %% percentile of the distances from each border to the other; the greater of the two directions.", q)
	}
	if text := fixedDescription(metric); text != "" {
		return text
	}
	return "Not described in this version."
}

// fixedDescription describes the metrics without parameters.
func fixedDescription(metric string) string {
	return map[string]string{
		metrics.Dice:                    "Twice the voxels in both masks over the voxels of either: 2·|R∩P| / (|R|+|P|).",
		metrics.IoU:                     "Intersection over union of the voxels: |R∩P| / |R∪P|.",
		metrics.Precision:               "Share of the predicted voxels that the reference has too.",
		metrics.Recall:                  "Share of the reference's voxels that were predicted.",
		metrics.VolumeSimilarity:        "1 − ||P|−|R|| / (|P|+|R|): agreement of the sizes, wherever the voxels lie.",
		metrics.ClDice:                  "Centreline Dice: the harmonic mean of the share of the prediction's centreline inside the reference and the share of the reference's inside the prediction. Centrelines are thinned after Lee et al. 1994.",
		metrics.SkeletonRecall:          "Share of the reference's centreline inside the prediction.",
		metrics.SkeletonPrecision:       "Share of the prediction's centreline inside the reference.",
		metrics.HD:                      "Hausdorff distance: how far the worst border voxel of either mask is from the other mask's border.",
		metrics.ASSD:                    "Average symmetric surface distance: mean over the border voxels of both masks together.",
		metrics.MASD:                    "Mean average surface distance: the mean of the two directions' means.",
		metrics.RadiusError:             "Mean absolute difference of the radii along the reference's centreline; where the vessel is missed its radius counts as 0.",
		metrics.Betti0Error:             "By how many connected pieces the masks differ.",
		metrics.Betti1Error:             "By how many loops the masks differ.",
		metrics.Betti2Error:             "By how many cavities the masks differ.",
		metrics.EulerError:              "By how much the masks' Euler characteristics differ.",
		metrics.LesionPrecision:         "Share of the predicted pieces that share a voxel with the reference.",
		metrics.LesionRecall:            "Share of the reference's pieces that share a voxel with the prediction.",
		metrics.LesionF1:                "Harmonic mean of lesion precision and recall.",
		metrics.PanopticQuality:         "Mean IoU of the matched pieces times the share of pieces that are matched.",
		probability.Brier:               "Mean squared error of the predicted probabilities.",
		probability.NLL:                 "Mean negative log-likelihood of the true class, in nats.",
		probability.ECE:                 "Expected calibration error over equal-width bins, weighted by the voxels in each.",
		probability.MCE:                 "Greatest calibration error of any bin.",
		probability.AUROC:               "Chance that a voxel of the structure has a greater probability than one of the background.",
		probability.AveragePrecision:    "Area under the curve of precision over recall, without interpolation.",
		probability.UncertaintyAUROC:    "How well the network's uncertainty tells wrong voxels from right ones.",
		probability.UncertaintySpearman: "Rank correlation of a voxel's uncertainty with its being wrong.",
	}[metric]
}

// title is how a metric's name is written in headings.
func title(metric string) string {
	short := map[string]string{
		metrics.Dice: "Dice", metrics.IoU: "IoU", metrics.ClDice: "clDice", metrics.NSD: "NSD", metrics.ASSD: "ASSD", metrics.MASD: "MASD", metrics.HD: "HD",
		probability.ECE: "ECE", probability.MCE: "MCE", probability.NLL: "NLL", probability.AUROC: "AUROC", probability.Brier: "Brier score",
		metrics.FBeta: "F-beta", metrics.NSDSubvoxel: "NSD (subvoxel)", metrics.BoundaryIoU: "Boundary IoU", metrics.LesionF1: "Lesion F1",
		probability.UncertaintyAUROC: "Uncertainty AUROC", metrics.Betti0Error: "Betti 0 error", metrics.Betti1Error: "Betti 1 error", metrics.Betti2Error: "Betti 2 error",
	}
	if name, ok := short[metric]; ok {
		return name
	}
	if _, ok := metrics.HDPercentile(metric); ok {
		return strings.ToUpper(metric)
	}
	if fixedDescription(metric) == "" {
		return metric
	}
	words := strings.ReplaceAll(metric, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// unitOf is what a metric is measured in, or "" for a share or a count.
func unitOf(metric string, s Scoring) string {
	if metrics.IsDistance(metric) {
		return UnitName(s.Unit)
	}
	return ""
}

// bounded tells whether a metric lies in [0, 1].
func bounded(metric string) bool {
	switch metric {
	case probability.Brier, probability.NLL, probability.UncertaintySpearman:
		return false
	case probability.ECE, probability.MCE:
		return true
	}
	return metrics.HigherIsBetter(metric) && fixedDescription(metric) != "" ||
		metric == metrics.FBeta || metric == metrics.NSD || metric == metrics.NSDSubvoxel || metric == metrics.BoundaryIoU
}

func (s Scoring) beta() float64 {
	if s.Beta == 0 {
		return metrics.DefaultBeta
	}
	return s.Beta
}

func (s Scoring) width() float64 {
	if s.BoundaryWidth == 0 {
		return metrics.DefaultBoundaryWidth
	}
	return s.BoundaryWidth
}

// policyText says what the policy for empty masks does.
func policyText(policy string) string {
	switch metrics.EmptyPolicy(policy) {
	case metrics.EmptyByDefinition, metrics.EmptyPenalise:
		return "Penalise: where only one of reference and prediction holds the structure, overlaps are 0 and distances are the volume's diagonal; where neither does they agree perfectly."
	case metrics.EmptyNaN:
		return "Undefined: where a metric is not defined for an empty mask the volume has no value and is not in the mean."
	case metrics.EmptyExclude:
		return "Exclude: where either mask is empty the volume has no value and is not in the mean. A model that misses more may look better."
	}
	return policy
}

// number writes a value for a table.
func number(metric string, v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case bounded(metric):
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	text := strconv.FormatFloat(v, 'g', 4, 64)
	if size := math.Abs(v); size >= 0.1 && size < 1000 && (v != math.Trunc(v) || metrics.IsDistance(metric)) {
		text = strconv.FormatFloat(v, 'f', 2, 64) // so that a column lines up
	}
	return strings.ReplaceAll(text, "-", "−")
}

// columns are the metrics to show: those asked for, or all that occur, in the
// order in which package metrics lists them.
func columns(asked []string, all []Case) []string {
	if len(asked) > 0 {
		return asked
	}
	seen := map[string]bool{}
	for _, c := range all {
		for name := range c.Values {
			seen[name] = true
		}
		for name := range c.Excluded {
			seen[name] = true
		}
	}
	var out, others []string
	for _, name := range metrics.Choice() {
		if seen[name] {
			out = append(out, name)
			delete(seen, name)
		}
	}
	for name := range seen {
		others = append(others, name)
	}
	slices.Sort(others)
	return append(out, others...)
}
