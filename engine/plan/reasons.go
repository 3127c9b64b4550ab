package plan

import (
	"fmt"
	"strings"
)

// Normalisations, by the names that configurations use.
const (
	byDeviation  = "zscore"
	byPercentile = "percentile"
)

// normalisation follows nnU-Net: CT has a scale that is the same in every
// volume, so the dataset's percentiles bound it; anything else is brought to
// mean 0 and deviation 1, volume by volume.
func normalisation(modality string) string {
	if strings.EqualFold(modality, "CT") {
		return byPercentile
	}
	return byDeviation
}

// axisName is the letter of an axis.
func axisName(i int) string { return string("xyz"[i]) }

// reasons explains a proposal.
func (s *search) reasons(p Proposal, l layout) []string {
	r := []string{fmt.Sprintf("The median volume has %s voxels of %s %s.", extentWords(p.MedianShape), times(p.Spacing), unitWords(s.Fingerprint.Unit))}
	if s.levels != nil {
		r = append(r, levelReasons(l)...)
	} else if l.divisor != [3]int{1, 1, 1} {
		r = append(r, fmt.Sprintf("Each side of a patch is a multiple of %s, by which %s divides it.", extentWords(l.divisor), s.Model))
	}
	r = append(r, s.patchReason(p), s.batchReason(p))
	if p.Normalise == byPercentile {
		return append(r, "Intensities are normalised between the 0.5th and the 99.5th percentile, as CT has the same scale in every volume.")
	}
	return append(r, "Each volume's intensities are brought to mean 0 and deviation 1, as their scale differs between volumes.")
}

func (s *search) patchReason(p Proposal) string {
	patch := extentWords(p.Patch)
	switch {
	case s.Patch != [3]int{}:
		return fmt.Sprintf("The patch of %s voxels was given.", patch)
	case s.limit == "memory":
		return fmt.Sprintf("A patch of %s voxels, with the proportions of the volumes, is the largest that fits the memory: %s of %s.", patch, bytesWords(p.Cost.PeakBytes), bytesWords(s.Memory))
	case s.limit == "time":
		return fmt.Sprintf("A patch of %s voxels, with the proportions of the volumes, is the largest for which a step takes no more than %.3g seconds here.", patch, s.StepSeconds)
	default:
		return fmt.Sprintf("A patch of %s voxels holds as much of a volume as is useful.", patch)
	}
}

func (s *search) batchReason(p Proposal) string {
	switch {
	case s.Batch > 0:
		return fmt.Sprintf("The batch of %d was given.", p.Batch)
	case !s.Training:
		return fmt.Sprintf("Windows are predicted %d at a time.", p.Batch)
	case p.Batch == leastBatch:
		return "The batch is 2, the smallest with which training is steady, so that the patch can be as large as possible."
	default:
		return fmt.Sprintf("Room is left for a batch of %d, which covers no more than a twentieth of the dataset.", p.Batch)
	}
}

func unitWords(unit string) string {
	if unit == "" {
		return "units"
	}
	return unit
}

// bytesWords writes a number of bytes for people.
func bytesWords(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.3g GB", float64(n)/1e9)
}

// topologyReasons explains nnU-Net's spacing and levels.
func topologyReasons(e extent, l layout, unit string) []string {
	return append(spacingReasons(e, unit), levelReasons(l)...)
}

// levelReasons explains how often axes are halved and what kernels reach along.
func levelReasons(l layout) []string {
	var r []string
	r = append(r, fmt.Sprintf("The network has %d stages: an axis is halved for as long as at least %d voxels are left of it, here %d, %d and %d times along x, y and z.",
		len(l.Strides), minEdge, l.Pools[0], l.Pools[1], l.Pools[2]))
	var flat []string
	for i := range 3 {
		if l.Kernels[0][i] == 1 {
			flat = append(flat, axisName(i))
		}
	}
	if len(flat) > 0 {
		r = append(r, fmt.Sprintf("The first convolutions do not reach along %s, where neighbouring voxels lie at least twice as far apart as along the finest axis.", strings.Join(flat, " and ")))
	}
	return r
}

// spacingReasons explains the target spacing.
func spacingReasons(e extent, unit string) []string {
	unit = unitWords(unit)
	s := fmt.Sprintf("Half of the volumes have voxels of at most %s %s, so that is the spacing to train at; the median volume then has %s voxels.",
		times(e.original), unit, extentWords(rounded(e.median)))
	if e.finer < 0 {
		return []string{s}
	}
	return []string{
		fmt.Sprintf("The median voxel measures %s %s.", times(e.original), unit),
		fmt.Sprintf("Along %s voxels are more than %d times longer than along the others and there are few of them, so the spacing there is the finest tenth's, %.4g %s, which loses no slices; the median volume then has %s voxels.",
			axisName(e.finer), anisotropic, e.spacing[e.finer], unit, extentWords(rounded(e.median))),
	}
}

func times(v [3]float64) string { return fmt.Sprintf("%.4g × %.4g × %.4g", v[0], v[1], v[2]) }

func extentWords(v [3]int) string { return fmt.Sprintf("%d × %d × %d", v[0], v[1], v[2]) }
