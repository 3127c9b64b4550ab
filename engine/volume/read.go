package volume

import (
	"context"
	"errors"
	"io"
	"math"
)

// Volume is a 3D image in memory.
type Volume struct {
	Shape   [3]int
	Spacing [3]float64 // voxel size in x, y, z, in Unit
	Unit    string     // "mm", "um", "m", or "" when the header does not say
	Affine  [4][4]float64
	// Data holds the real values, scl_slope and scl_inter applied in float64
	// and rounded once; x fastest.
	Data []float32
	// Header is the file's header; nil for a volume that was computed.
	Header *Header
}

// Labels is a 3D segmentation in memory: one class number a voxel, x fastest.
type Labels struct {
	Shape   [3]int
	Spacing [3]float64
	Unit    string
	Affine  [4][4]float64
	Data    []uint8
	Header  *Header
}

// Read reads a volume. The path may name either file of a .hdr/.img pair.
// Errors wrap one of ErrNotNIfTI, ErrHeader, ErrDim, ErrUnsupported,
// ErrTruncated, ErrCorrupt, ErrTooLarge, ErrNonFinite, ErrName, the context's
// error, or that of the operating system.
func Read(ctx context.Context, path string, limits Limits) (*Volume, error) {
	s, h, err := openVoxels(path, limits)
	if err != nil {
		return nil, err
	}
	v, err := readVolume(ctx, s, h, limits)
	return v, errors.Join(err, s.close())
}

// ReadLabels reads a segmentation. Values must be whole numbers from 0 to 255
// after scaling, in whatever datatype; else the error wraps ErrNotLabels.
func ReadLabels(ctx context.Context, path string, limits Limits) (*Labels, error) {
	s, h, err := openVoxels(path, limits)
	if err != nil {
		return nil, err
	}
	l, err := readLabels(ctx, s, h, limits)
	return l, errors.Join(err, s.close())
}

// ReadHeader reads and checks a header without its voxels. It refuses a file
// that is too short for the shape that it states, as far as the file's size
// can tell.
func ReadHeader(path string) (*Header, error) {
	s, h, err := openVoxels(path, Limits{MaxBytes: math.MaxInt64})
	if err != nil {
		return nil, err
	}
	return h, s.close()
}

// openVoxels opens the file with the voxels, positioned at the first of them,
// and gives the checked header.
func openVoxels(path string, limits Limits) (*source, *Header, error) {
	f, err := locate(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := openSource(f.header)
	if err != nil {
		return nil, nil, err
	}
	h, err := readHeader(s, f.single(), limits)
	if err == nil && !f.single() {
		if err = s.close(); err != nil {
			return nil, nil, err
		}
		if s, err = openSource(f.image); err != nil {
			return nil, nil, err
		}
		err = s.skip(h.VoxOffset)
	}
	if err == nil {
		err = s.holds(h)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	return s, h, nil
}

// readHeader reads everything before the voxels of a single file, or all of a
// pair's header file.
func readHeader(s *source, single bool, limits Limits) (*Header, error) {
	var b [header2Size]byte
	if err := s.read(b[:4]); err != nil {
		return nil, err
	}
	version, bigEndian := sniff([4]byte(b[:4]))
	if version == 0 {
		return nil, failure(s.path, ErrNotNIfTI, "it begins with bytes % x", b[:4])
	}
	size := header1Size
	if version == 2 {
		size = header2Size
	}
	if err := s.read(b[4:size]); err != nil {
		return nil, err
	}
	h, err := decodeHeader(s.path, b[:size], version, bigEndian)
	if err != nil {
		return nil, err
	}
	switch {
	case h.Single && !single:
		return nil, failure(s.path, ErrHeader, "it says that its voxels are in the same file; rename it to .nii")
	case !h.Single && single:
		return nil, failure(s.path, ErrHeader, "it says that its voxels are in another file; rename it to .hdr beside its .img")
	}
	if err := h.check(s.path, limits); err != nil {
		return nil, err
	}
	return h, h.readExtensions(s)
}

// readExtensions reads what lies between the fixed header and the voxels, or
// the end of a pair's header file.
func (h *Header) readExtensions(s *source) error {
	if !h.Single {
		b, err := io.ReadAll(io.LimitReader(s.r, maxExtensions+1))
		if err != nil {
			return s.wrap(err)
		}
		if len(b) > maxExtensions {
			return failure(s.path, ErrTooLarge, "its header extensions exceed %d bytes", maxExtensions)
		}
		return h.decodeExtensions(s.path, b)
	}
	n := h.VoxOffset - s.offset
	if n > s.capacity()-s.offset {
		return failure(s.path, ErrTruncated, "the voxels would begin at byte %d, beyond its end; copy or download it again", h.VoxOffset)
	}
	b := make([]byte, n)
	if err := s.read(b); err != nil {
		return err
	}
	return h.decodeExtensions(s.path, b)
}

// holds refuses a file that cannot hold the voxels that the header states,
// before memory is taken for them.
func (s *source) holds(h *Header) error {
	need := h.Voxels() * int64(h.Datatype.Size())
	have := s.capacity() - s.offset
	if need <= have {
		return nil
	}
	if s.gzip {
		return failure(s.path, ErrTruncated, "the header states %d bytes of voxels, more than %d compressed bytes can hold; copy or download it again", need, s.size)
	}
	return failure(s.path, ErrTruncated, "the header states %d bytes of voxels, the file has %d; copy or download it again", need, have)
}

func readVolume(ctx context.Context, s *source, h *Header, limits Limits) (*Volume, error) {
	if err := h.check3D(s.path); err != nil {
		return nil, err
	}
	if h.Voxels() > limits.maxBytes()/4 {
		return nil, h.tooLarge(s.path, limits)
	}
	v := &Volume{
		Shape: h.Shape(), Spacing: h.Spacing(), Unit: h.Unit(), Affine: h.Affine(),
		Data: make([]float32, h.Voxels()), Header: h,
	}
	scratch := make([]float64, block)
	slope, inter := h.Scaling()
	err := s.voxels(ctx, h, func(first int, b []byte) error {
		dst := v.Data[first : first+len(b)/h.Datatype.Size()]
		if i := toFloat32(dst, b, scratch, h, slope, inter, limits.NonFinite); i >= 0 {
			return h.nonFinite(s.path, first+i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

func readLabels(ctx context.Context, s *source, h *Header, limits Limits) (*Labels, error) {
	if err := h.check3D(s.path); err != nil {
		return nil, err
	}
	l := &Labels{
		Shape: h.Shape(), Spacing: h.Spacing(), Unit: h.Unit(), Affine: h.Affine(),
		Data: make([]uint8, h.Voxels()), Header: h,
	}
	scratch := make([]float64, block)
	slope, inter := h.Scaling()
	err := s.voxels(ctx, h, func(first int, b []byte) error {
		dst := l.Data[first : first+len(b)/h.Datatype.Size()]
		if i, value := toUint8(dst, b, scratch, h, slope, inter); i >= 0 {
			x, y, z := h.position(first + i)
			return failure(s.path, ErrNotLabels, "voxel (%d, %d, %d) is %g; labels are whole numbers from 0 to 255. Is this the image?", x, y, z, value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (h *Header) nonFinite(path string, index int) error {
	x, y, z := h.position(index)
	return failure(path, ErrNonFinite, "voxel (%d, %d, %d) is NaN, infinite or too large for float32; mend the file, or read non-finite voxels as zero", x, y, z)
}

// position gives the axes' indices of the voxel at a linear index.
func (h *Header) position(index int) (x, y, z int) {
	s := h.Shape()
	return index % s[0], index / s[0] % s[1], index / s[0] / s[1]
}

// Verify reads a 3D volume to the end without keeping its voxels, so that it
// is known to be whole and, if gzipped, to have the right checksum.
func Verify(ctx context.Context, path string, limits Limits) (*Header, error) {
	s, h, err := openVoxels(path, limits)
	if err != nil {
		return nil, err
	}
	if err = h.check3D(s.path); err == nil {
		err = s.voxels(ctx, h, func(int, []byte) error { return nil })
	}
	return h, errors.Join(err, s.close())
}
