package volume

import (
	"encoding/binary"
	"math"
)

const (
	header1Size = 348
	header2Size = 540
	// maxExtensions bounds the bytes between the header and the voxels.
	maxExtensions = 64 << 20
	// maxDim1 is the largest dimension that NIfTI-1 can state.
	maxDim1 = math.MaxInt16
)

// Header is the header of a NIfTI-1 or NIfTI-2 file. Every field of the format
// is kept, so that a header written again has the same bytes.
type Header struct {
	Version   int  // 1 or 2
	BigEndian bool // the file's byte order
	Single    bool // header and voxels in one file (.nii), not a pair

	DimInfo       uint8
	Dim           [8]int64 // Dim[0] dimensions, Dim[1..7] their sizes
	IntentP       [3]float64
	IntentCode    int32
	Datatype      Datatype
	Bitpix        int16
	SliceStart    int64
	SliceEnd      int64
	SliceCode     int32
	Pixdim        [8]float64 // Pixdim[0] is qfac, Pixdim[1..3] the spacing
	VoxOffset     int64
	SclSlope      float64
	SclInter      float64
	XYZTUnits     int32
	CalMax        float64
	CalMin        float64
	SliceDuration float64
	TOffset       float64
	Descrip       [80]byte
	AuxFile       [24]byte
	QformCode     int32
	SformCode     int32
	Quatern       [3]float64    // b, c, d
	Qoffset       [3]float64    // x, y, z
	Srow          [3][4]float64 // rows of the sform affine
	IntentName    [16]byte

	// Extensions follow the header and are kept on rewriting.
	Extensions []Extension

	extender [4]byte
	bare     bool // a pair's header file that ends without extender bytes
	// The fields below carry nothing that is used today.
	legacy1 legacy1
	unused2 [15]byte
}

// Extension is a header extension: free content under a registered code.
type Extension struct {
	Code int32
	Data []byte // without the eight bytes of size and code
}

// legacy1 are the fields of ANALYZE 7.5 that NIfTI-1 keeps without using.
type legacy1 struct {
	dataType     [10]byte
	dbName       [18]byte
	extents      int32
	sessionError int16
	regular      uint8
	glmax, glmin int32
}

// order gives the byte order of the file.
func (h *Header) order() binary.ByteOrder {
	if h.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Shape gives the sizes of x, y and z. Dimensions that are not stated are 1.
func (h *Header) Shape() [3]int {
	s := [3]int{1, 1, 1}
	for i := range s {
		if int64(i) < h.Dim[0] {
			s[i] = int(h.Dim[i+1])
		}
	}
	return s
}

// Voxels gives the number of values that the file holds, over all dimensions.
func (h *Header) Voxels() int64 {
	n := int64(1)
	for i := range h.Dim[0] {
		n *= h.Dim[i+1]
	}
	return n
}

// Unit gives the unit of the spacing: "m", "mm", "um", or "" when the header
// does not say.
func (h *Header) Unit() string {
	switch h.XYZTUnits & 7 {
	case 1:
		return "m"
	case 2:
		return "mm"
	case 3:
		return "um"
	default:
		return ""
	}
}

// Scaling gives the line that turns stored values into real ones. A slope that
// is zero or not finite means that values stand as they are (nifti1.h).
func (h *Header) Scaling() (slope, inter float64) {
	if h.SclSlope == 0 || !finite(h.SclSlope) {
		return 1, 0
	}
	return h.SclSlope, h.SclInter
}

func finite(f float64) bool {
	return !math.IsNaN(f) && !math.IsInf(f, 0)
}

// check refuses a header that no honest file has. It looks at everything that
// later code computes with, and it allocates nothing.
func (h *Header) check(path string, l Limits) error {
	if h.Dim[0] < 1 || h.Dim[0] > 7 {
		return failure(path, ErrHeader, "the header states %d dimensions, 1 to 7 are possible", h.Dim[0])
	}
	if h.Datatype.Size() == 0 {
		return failure(path, ErrUnsupported, "%s voxels cannot be used; convert the file to one of uint8…uint64, int8…int64, float32, float64", h.Datatype)
	}
	if int(h.Bitpix) != 8*h.Datatype.Size() {
		return failure(path, ErrHeader, "the header states %d bits a voxel, but %s has %d", h.Bitpix, h.Datatype, 8*h.Datatype.Size())
	}
	voxels := int64(1)
	for i := range h.Dim[0] {
		d := h.Dim[i+1]
		if d < 1 {
			return failure(path, ErrHeader, "dimension %d has size %d", i+1, d)
		}
		// A voxel is at least one byte, so this also keeps the product in range.
		if d > l.maxBytes()/voxels {
			return h.tooLarge(path, l)
		}
		voxels *= d
	}
	if voxels > l.maxBytes()/int64(h.Datatype.Size()) {
		return h.tooLarge(path, l)
	}
	if slope, inter := h.Scaling(); !finite(inter) {
		return failure(path, ErrHeader, "scl_slope is %g but scl_inter is %g", slope, inter)
	}
	return h.checkOffset(path)
}

func (h *Header) tooLarge(path string, l Limits) error {
	return failure(path, ErrTooLarge, "the header states dimensions %v of %s, the limit is %d bytes; if that is right, raise the limit",
		h.Dim[1:h.Dim[0]+1], h.Datatype, l.maxBytes())
}

func (h *Header) checkOffset(path string) error {
	switch {
	case h.Single && h.VoxOffset < h.minOffset():
		return failure(path, ErrHeader, "the voxels would begin at byte %d, inside the header", h.VoxOffset)
	case h.VoxOffset < 0 || h.VoxOffset > maxExtensions:
		return failure(path, ErrHeader, "the voxels would begin at byte %d", h.VoxOffset)
	}
	return nil
}

// size gives the bytes of the fixed part.
func (h *Header) size() int {
	if h.Version == 2 {
		return header2Size
	}
	return header1Size
}

// minOffset gives the smallest offset that voxels can have in a single file:
// right after the header and its four extender bytes.
func (h *Header) minOffset() int64 {
	return int64(h.size()) + 4
}

// check3D refuses what is not one 3D volume. Trailing dimensions of size 1 and
// a single slice are fine.
func (h *Header) check3D(path string) error {
	for i := int64(4); i <= h.Dim[0]; i++ {
		if h.Dim[i] != 1 {
			return failure(path, ErrDim, "its dimensions are %v; keep one 3D volume a file", h.Dim[1:h.Dim[0]+1])
		}
	}
	return nil
}
