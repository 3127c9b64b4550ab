package dataset

import (
	"fmt"
	"slices"
)

// overall checks what concerns the dataset rather than one volume.
func (d Dataset) overall() []Finding {
	var f []Finding
	for _, s := range d.Skipped {
		f = append(f, Finding{SeverityWarning, FindingSkipped, s.ID, "left out by the import: " + s.Reason})
	}
	byImage := map[string]string{}
	for _, v := range d.Volumes {
		if other, ok := byImage[v.ImageSHA256]; ok {
			f = append(f, Finding{SeverityWarning, FindingDuplicate, v.ID, fmt.Sprintf("the image is the same as that of %s", shown(other))})
			continue
		}
		byImage[v.ImageSHA256] = v.ID
	}
	if len(d.Volumes) < 5 {
		f = append(f, Finding{SeverityWarning, FindingFew, "", fmt.Sprintf("%d volumes; a score on the held-out ones is an anecdote", len(d.Volumes))})
	}
	f = append(f, d.leaks()...)
	return append(f, d.spacingOutliers()...)
}

// leaks finds patients and images that are on both sides of the split.
func (d Dataset) leaks() []Finding {
	if d.Split == nil {
		return nil
	}
	var found []Finding
	for fold := range d.Split.Folds {
		refs, err := d.Refs(fold)
		if err != nil {
			return []Finding{{SeverityError, FindingLeak, "", err.Error()}}
		}
		role := make(map[string]string, len(refs))
		for _, r := range refs {
			role[r.ID] = r.Split
		}
		for _, g := range together(d.Volumes) {
			for _, id := range g[1:] {
				if role[id] != role[g[0]] {
					found = append(found, Finding{
						SeverityError, FindingLeak, id,
						fmt.Sprintf("fold %d: in %s, but %s of the same patient or image in %s; split the dataset again", fold, role[id], shown(g[0]), role[g[0]]),
					})
				}
			}
		}
	}
	return found
}

// spacingOutliers finds volumes whose voxels are more than twice as large or
// as small as the median's.
func (d Dataset) spacingOutliers() []Finding {
	var found []Finding
	var median [3]float64
	for axis := range median {
		values := make([]float64, 0, len(d.Volumes))
		for _, v := range d.Volumes {
			values = append(values, v.Spacing[axis])
		}
		median[axis] = middle(values)
	}
	for _, v := range d.Volumes {
		for axis := range median {
			if r := v.Spacing[axis] / median[axis]; r > 2 || r < 0.5 {
				found = append(found, Finding{
					SeverityWarning, FindingSpacing, v.ID,
					fmt.Sprintf("voxel size %s, the median is %s", formatSpacing(v.Spacing, v.Unit), formatSpacing(median, v.Unit)),
				})
				break
			}
		}
	}
	return found
}

// middle gives the median, the lower one of two; 0 for nothing.
func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
