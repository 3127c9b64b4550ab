package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/volume"
)

// maxShift is how far, in voxels, a label's corner may lie from its image's.
const maxShift = 0.1

// inspect reads a pair of files: the label whole, the image as far as is needed
// to know that it is intact. A label that does not match is reported beside
// the volume, not as an error.
func inspect(ctx context.Context, root string, p pair) (Volume, *MismatchError, error) {
	v := Volume{ID: p.id, Image: p.image, Label: p.label}
	image, label := filepath.Join(root, filepath.FromSlash(p.image)), filepath.Join(root, filepath.FromSlash(p.label))
	h, err := volume.Verify(ctx, image, volume.Limits{})
	if err != nil {
		return v, nil, err
	}
	l, err := volume.ReadLabels(ctx, label, volume.Limits{})
	if err != nil {
		return v, nil, err
	}
	v.Shape, v.Spacing, v.Unit = h.Shape(), h.Spacing(), h.Unit()
	v.Foreground, v.LabelValues = count(l.Data)
	if v.ImageSHA256, err = hashFiles(ctx, image, &v.Bytes); err != nil {
		return v, nil, err
	}
	if v.LabelSHA256, err = hashFiles(ctx, label, &v.Bytes); err != nil {
		return v, nil, err
	}
	return v, compare(p, h, l.Header), nil
}

// count gives the labelled fraction and the values that occur.
func count(labels []uint8) (foreground float64, values []int) {
	var histogram [256]int
	for _, v := range labels {
		histogram[v]++
	}
	for v, n := range histogram {
		if n > 0 {
			values = append(values, v)
		}
	}
	return 1 - float64(histogram[0])/float64(len(labels)), values
}

// hashFiles gives the SHA-256 of a volume's file, or of header and image file
// one after the other, and adds their size to bytes.
func hashFiles(ctx context.Context, path string, bytes *int64) (string, error) {
	paths, err := volume.Files(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, p := range paths {
		n, err := hashFile(ctx, h, p)
		if err != nil {
			return "", err
		}
		*bytes += n
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(ctx context.Context, w io.Writer, path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.Copy(w, &contextReader{ctx, f})
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// compare tells how a label's grid differs from its image's, nil if not.
func compare(p pair, image, label *volume.Header) *MismatchError {
	m := &MismatchError{
		Image: p.image, Label: p.label,
		ImageShape: image.Shape(), LabelShape: label.Shape(),
		ImageSpacing: image.Spacing(), LabelSpacing: label.Spacing(),
		ImageUnit: image.Unit(), LabelUnit: label.Unit(),
	}
	switch {
	case m.ImageShape != m.LabelShape:
		m.Reason = shapeReason(m.ImageShape, m.LabelShape)
	case unstated(label) || unstated(image):
		return nil // the header says nothing of the grid, so it cannot contradict
	case m.ImageUnit != m.LabelUnit && m.ImageUnit != "" && m.LabelUnit != "":
		m.Reason = fmt.Sprintf("The label is in %s, the image in %s.", m.LabelUnit, m.ImageUnit)
	case !sameSpacing(m.ImageSpacing, m.LabelSpacing):
		m.Reason = "The voxel sizes differ."
	default:
		shift := displacement(image, label)
		if shift <= maxShift {
			return nil
		}
		m.Reason = fmt.Sprintf("The label lies up to %.1f voxels beside the image (the affines differ).", shift)
	}
	return m
}

func shapeReason(image, label [3]int) string {
	if image[0] == label[0] && image[1] == label[1] {
		d := label[2] - image[2]
		noun := "slices"
		if abs(d) == 1 {
			noun = "slice"
		}
		if d < 0 {
			return fmt.Sprintf("The label has %d %s less than the image.", -d, noun)
		}
		return fmt.Sprintf("The label has %d %s more than the image.", d, noun)
	}
	if image == [3]int{label[1], label[0], label[2]} {
		return "The shapes differ; x and y seem to be swapped."
	}
	return "The shapes differ."
}

// unstated tells a header that says nothing of where its voxels lie, as
// programs write that store a bare array.
func unstated(h *volume.Header) bool {
	if h.Spacing() != [3]float64{1, 1, 1} {
		return false
	}
	a := h.Affine()
	for i := range 3 {
		for j := range 3 {
			if (i == j && math.Abs(a[i][j]) != 1) || (i != j && a[i][j] != 0) {
				return false
			}
		}
	}
	return h.Unit() == "" || h.SformCode <= 0 && h.QformCode <= 0 ||
		a[0][3] == 0 && a[1][3] == 0 && a[2][3] == 0
}

func sameSpacing(a, b [3]float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-3*max(a[i], b[i]) {
			return false
		}
	}
	return true
}

// displacement gives the largest distance between the two grids' corners, in
// units of the image's smallest voxel size.
func displacement(image, label *volume.Header) float64 {
	a, b := image.Affine(), label.Affine()
	shape, spacing := image.Shape(), image.Spacing()
	worst := 0.0
	for corner := range 8 {
		index := [4]float64{3: 1}
		for axis := range 3 {
			if corner>>axis&1 == 1 {
				index[axis] = float64(shape[axis] - 1)
			}
		}
		sum := 0.0
		for i := range 3 {
			d := 0.0
			for j := range 4 {
				d += (a[i][j] - b[i][j]) * index[j]
			}
			sum += d * d
		}
		worst = max(worst, math.Sqrt(sum))
	}
	return worst / min(spacing[0], spacing[1], spacing[2])
}
