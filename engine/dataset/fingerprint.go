package dataset

// Fingerprint is what planning a training needs to know of a dataset: nnU-Net
// v2's dataset_fingerprint.json, with axes in the order x, y, z (nnU-Net's file
// has z, y, x). The slices are parallel, in order of volume ID.
type Fingerprint struct {
	// Spacings are voxel sizes, in Unit.
	Spacings [][3]float64 `json:"spacings"`
	// Shapes are sizes in voxels after cropping to the box that holds every
	// voxel that is not 0.
	Shapes [][3]int `json:"shapes_after_crop"`
	// Intensities describe the voxels under a label, by channel ("0"). Empty
	// when no voxel was looked at.
	Intensities map[string]Intensities `json:"foreground_intensity_properties_per_channel"`
	// RelativeSize is the median over volumes of the share of voxels that
	// cropping leaves, 0 to 1.
	RelativeSize float64 `json:"median_relative_size_after_cropping"`
	// Unit is the spacings' unit, "" when headers differ or do not say.
	Unit string `json:"unit,omitempty"`
	// Digest is the dataset's.
	Digest string `json:"dataset_digest,omitempty"`
}

// Intensities describe the image's values in the foreground of all volumes.
// Volumes count equally, however many foreground voxels they have, as in
// nnU-Net, which draws the same number of voxels from each; here the numbers
// are exact, without drawing.
type Intensities struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	Std    float64 `json:"std"` // of the population
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// P995 and P005 are the 99.5th and the 0.5th percentile.
	P995 float64 `json:"percentile_99_5"`
	P005 float64 `json:"percentile_00_5"`
}

// Outline is the fingerprint that the catalogue alone gives, without opening a
// file: shapes are uncropped and intensities missing.
func (d Dataset) Outline() Fingerprint {
	f := Fingerprint{RelativeSize: 1, Digest: d.Digest}
	for i, v := range d.Volumes {
		f.Spacings, f.Shapes = append(f.Spacings, v.Spacing), append(f.Shapes, v.Shape)
		switch {
		case i == 0:
			f.Unit = v.Unit
		case f.Unit != v.Unit:
			f.Unit = ""
		}
	}
	return f
}
