package volume

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/minivess/minivess/engine/atomicfile"
)

const filePerm = 0o644

// WriteOptions say how a volume is stored. The zero value is right for most.
type WriteOptions struct {
	// Datatype is the stored type: 0 means Float32 for volumes and Uint8 for
	// labels. Integer types round to the nearest even and refuse what does
	// not fit.
	Datatype Datatype
	// Version is 1 or 2; 0 keeps the header's, or takes 1, or 2 when an axis
	// has more than 32767 voxels.
	Version int
}

// Write stores a volume atomically, gzipped when the name ends in .gz. A
// header that came with the volume is kept, with its extensions, where the
// volume does not say otherwise. A zero affine means a diagonal of the spacing.
// Of a .hdr/.img pair the header is written last. Errors wrap ErrName, ErrDim,
// ErrRange, ErrNonFinite (NaN in an integer type), or come from the system.
func Write(ctx context.Context, path string, v *Volume, o WriteOptions) error {
	if o.Datatype == 0 {
		o.Datatype = Float32
	}
	h, err := headerFor(path, v.Header, v.Shape, v.Spacing, v.Unit, v.Affine, o)
	if err != nil {
		return err
	}
	if err := checkLength(path, v.Shape, len(v.Data)); err != nil {
		return err
	}
	return write(path, h, func(w io.Writer) error { return writeVoxels(ctx, w, path, h, v.Data) })
}

// WriteLabels stores a segmentation as Write stores a volume.
func WriteLabels(ctx context.Context, path string, l *Labels, o WriteOptions) error {
	if o.Datatype == 0 {
		o.Datatype = Uint8
	}
	h, err := headerFor(path, l.Header, l.Shape, l.Spacing, l.Unit, l.Affine, o)
	if err != nil {
		return err
	}
	if err := checkLength(path, l.Shape, len(l.Data)); err != nil {
		return err
	}
	return write(path, h, func(w io.Writer) error { return writeVoxels(ctx, w, path, h, l.Data) })
}

// WriteRaw stores header and voxels as they are. Whether there is one file or
// two is the name's choice.
func WriteRaw(_ context.Context, path string, r *Raw) error {
	h := r.Header.clone()
	f, err := splitName(path)
	if err != nil {
		return err
	}
	if h.Single != f.single() {
		h.Single, h.VoxOffset = f.single(), 0
	}
	if h.Single {
		h.VoxOffset = max(h.VoxOffset, h.minOffset())
	}
	if err := h.check(path, Limits{MaxBytes: math.MaxInt64}); err != nil {
		return err
	}
	if need := h.Voxels() * int64(h.Datatype.Size()); need != int64(len(r.Data)) {
		return failure(path, ErrDim, "dimensions %v of %s take %d bytes, there are %d", h.Dim[1:h.Dim[0]+1], h.Datatype, need, len(r.Data))
	}
	return write(path, h, func(w io.Writer) error {
		_, err := w.Write(r.Data)
		return err
	})
}

func checkLength(path string, shape [3]int, n int) error {
	if shape[0] < 1 || shape[1] < 1 || shape[2] < 1 || shape[0]*shape[1]*shape[2] != n {
		return failure(path, ErrDim, "shape %v does not make %d voxels", shape, n)
	}
	return nil
}

// headerFor makes the header that will be stored.
func headerFor(path string, from *Header, shape [3]int, spacing [3]float64, unit string, affine [4][4]float64, o WriteOptions) (*Header, error) {
	f, err := splitName(path)
	if err != nil {
		return nil, err
	}
	if o.Datatype.Size() == 0 {
		return nil, failure(path, ErrUnsupported, "%s voxels cannot be written", o.Datatype)
	}
	h := &Header{Version: 1}
	if from != nil {
		h = from.clone()
	}
	if affine == ([4][4]float64{}) {
		affine = [4][4]float64{{spacing[0]}, {1: spacing[1]}, {2: spacing[2]}, {3: 1}}
	}
	if from == nil || affine != from.Affine() || spacing != from.Spacing() {
		h.setAffine(affine, spacing)
	}
	h.setVersion(o.Version, shape)
	h.BigEndian, h.Single, h.VoxOffset = false, f.single(), 0
	h.Dim = [8]int64{3, int64(shape[0]), int64(shape[1]), int64(shape[2]), 1, 1, 1, 1}
	h.Datatype, h.Bitpix = o.Datatype, int16(8*o.Datatype.Size())
	h.SclSlope, h.SclInter = 1, 0
	if h.XYZTUnits, err = withUnit(h.XYZTUnits, unit); err != nil {
		return nil, failure(path, ErrHeader, "%v", err)
	}
	return h, nil
}

func (h *Header) setVersion(version int, shape [3]int) {
	switch {
	case version != 0:
		h.Version = version
	case max(shape[0], shape[1], shape[2]) > maxDim1:
		h.Version = 2
	}
}

// withUnit replaces the spatial unit and keeps the temporal one.
func withUnit(units int32, unit string) (int32, error) {
	code := map[string]int32{"": 0, "m": 1, "mm": 2, "um": 3}
	c, ok := code[unit]
	if !ok {
		return 0, fmt.Errorf("unit %q; NIfTI knows m, mm and um", unit)
	}
	return units&^7 | c, nil
}

// clone copies a header. The extensions' bytes are shared and not changed.
func (h *Header) clone() *Header {
	c := *h
	return &c
}

// write stores the file, or the pair with the header last, so that a pair that
// was cut short has no header to be read by.
func write(path string, h *Header, voxels func(io.Writer) error) error {
	f, err := splitName(path)
	if err != nil {
		return err
	}
	extensions := h.encodeExtensions()
	if len(extensions) > maxExtensions {
		return failure(path, ErrTooLarge, "its header extensions exceed %d bytes", maxExtensions)
	}
	var padding []byte
	if h.Single {
		end := int64(h.size() + len(extensions))
		h.VoxOffset = max(h.VoxOffset, (end+15)/16*16)
		padding = make([]byte, h.VoxOffset-end)
	} else {
		padding = make([]byte, h.VoxOffset)
	}
	head, err := h.encode()
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	head = append(head, extensions...)
	body := func(w io.Writer) error {
		if h.Single {
			if _, err := w.Write(head); err != nil {
				return err
			}
		}
		if _, err := w.Write(padding); err != nil {
			return err
		}
		return voxels(w)
	}
	if err := writeFile(f.image, body); err != nil || f.single() {
		return err
	}
	return writeFile(f.header, func(w io.Writer) error {
		_, err := w.Write(head)
		return err
	})
}

// writeFile writes a file atomically, compressed if its name says so. The gzip
// header carries neither name nor time, so equal volumes make equal files.
func writeFile(path string, body func(io.Writer) error) error {
	return atomicfile.Write(path, filePerm, func(w io.Writer) error {
		if !strings.HasSuffix(strings.ToLower(path), ".gz") {
			return body(w)
		}
		z, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
		if err != nil {
			return err
		}
		if err := body(z); err != nil {
			return err
		}
		return z.Close()
	})
}
