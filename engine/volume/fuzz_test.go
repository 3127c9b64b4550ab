package volume

import (
	"bytes"
	"context"
	"os"
	"testing"
)

// FuzzHeader: what decodes and checks out encodes to the same bytes.
func FuzzHeader(f *testing.F) {
	for _, name := range []string{"v1_le_int16", "v1_be_float64", "v2_le_uint8", "v2_be_int64", "extensions", "qform", "scaled_uint8"} {
		b, err := os.ReadFile("testdata/nibabel/" + name + ".nii")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := newSource("fuzz.nii", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		h, err := readHeader(s, true, Limits{})
		if err != nil {
			return
		}
		h.Affine()
		h.Spacing()
		encoded, err := h.encode()
		if err != nil {
			t.Fatalf("a header that was read cannot be written: %v", err)
		}
		again, err := decodeHeader("fuzz.nii", encoded, h.Version, h.BigEndian)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.encode()
		if err != nil || !bytes.Equal(encoded, twice) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}

// FuzzRead: no input makes reading panic or take memory beyond the limit, and
// what can be read has as many voxels as its shape says.
func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Add(sample2(f))
	f.Add(compressed(f, sample(f)))
	f.Add(compressed(f, sample2(f)))
	f.Add(sample(f)[:360])
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{MaxBytes: 1 << 20, NonFinite: NonFiniteZero}
		open := func() (*source, *Header, bool) {
			s, err := newSource("fuzz.nii", bytes.NewReader(b), int64(len(b)))
			if err != nil {
				return nil, nil, false
			}
			h, err := readHeader(s, true, limits)
			return s, h, err == nil && s.holds(h) == nil
		}
		if s, h, ok := open(); ok {
			v, err := readVolume(context.Background(), s, h, limits)
			if err == nil && len(v.Data) != v.Shape[0]*v.Shape[1]*v.Shape[2] {
				t.Fatalf("%d voxels of shape %v", len(v.Data), v.Shape)
			}
		}
		if s, h, ok := open(); ok {
			l, err := readLabels(context.Background(), s, h, limits)
			if err == nil && len(l.Data) != l.Shape[0]*l.Shape[1]*l.Shape[2] {
				t.Fatalf("%d labels of shape %v", len(l.Data), l.Shape)
			}
		}
	})
}
