package report

// Scene is a volume with two segmentations of it. All slices are x fastest:
// index = x + nx*(y + ny*z).
type Scene struct {
	Shape   [3]int     // x, y, z
	Spacing [3]float64 // voxel size along x, y and z
	Unit    string     // of the spacing
	// Image holds intensities of any range, one a voxel. Values that are not
	// finite are drawn black.
	Image []float32
	// Reference and Prediction are label maps, 0 for background.
	Reference, Prediction []uint8
	// Label is the one to show; 0 means everything that is not background.
	Label uint8
}

// Defaults of PictureOptions.
const (
	DefaultMaxSide = 512
	DefaultLow     = 0.5
	DefaultHigh    = 99.5
	DefaultMargin  = 12
)

// PictureOptions tunes Picture; the zero value means the defaults.
type PictureOptions struct {
	// MaxSide is the longest side of a picture in pixels, from 16 to 4096.
	// What is larger is made smaller by an area filter.
	MaxSide int
	// Low and High are the percentiles of the intensities that are drawn black
	// and white.
	Low, High float64
	// Margin is how many voxels are shown around the structures; a negative
	// one shows the whole slice.
	Margin int
}

// Pictures are the views of one scene that tell most.
type Pictures struct {
	Views []View
	// Counts are over the whole volume.
	Counts Counts
	// Notes say what a reader of the pictures should know: that voxels are not
	// finite, that the image is constant, that a mask is empty.
	Notes []string
}

// Counts says how many voxels the masks share, and how many only one has.
type Counts struct {
	Agreed, Missed, False int
}

// View is one plane of a volume, or the projection of all, drawn in one or
// several layers of the same size.
type View struct {
	Plane   string // xy, xz or yz; the projection is along z and its plane is xy
	Slice   int    // index along the axis that the plane lacks; -1 for the projection
	Caption string
	Layers  []Layer
}

// Layer is one picture.
type Layer struct {
	Kind          string // LayerImage, LayerOutlines or LayerErrors
	Alt           string // what it shows, for those who cannot see it
	Width, Height int
	PNG           []byte
}

// The kinds of layer.
const (
	LayerImage    = "image"    // intensities alone
	LayerOutlines = "outlines" // and the borders of reference and prediction
	LayerErrors   = "errors"   // and what agrees, is missed, is false
)
