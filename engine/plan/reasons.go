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

// topologyReasons explains spacing and levels.
func topologyReasons(e extent, l layout, unit string) []string {
	r := spacingReasons(e, unit)
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
	if unit == "" {
		unit = "units"
	}
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
