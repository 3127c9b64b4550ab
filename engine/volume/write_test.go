package volume

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNothingIsLeftOfAWriteThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := &Volume{Shape: [3]int{2, 2, 2}, Spacing: [3]float64{1, 1, 1}, Data: make([]float32, 8)}
	for _, name := range []string{"a.nii", "a.nii.gz", "a.hdr"} {
		if err := Write(ctx, filepath.Join(dir, name), v, WriteOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	one := func() *Volume {
		return &Volume{Shape: [3]int{1, 1, 1}, Spacing: [3]float64{1, 1, 1}, Data: []float32{1}}
	}
	short, odd := one(), one()
	short.Data = nil
	odd.Unit = "furlong"
	long := &Volume{Shape: [3]int{40000, 1, 1}, Spacing: [3]float64{1, 1, 1}, Data: make([]float32, 40000)}
	tests := []struct {
		name string
		file string
		v    *Volume
		o    WriteOptions
		kind error
	}{
		{"name", "a.txt", one(), WriteOptions{}, ErrName},
		{"length", "a.nii", short, WriteOptions{}, ErrDim},
		{"unit", "a.nii", odd, WriteOptions{}, ErrHeader},
		{"datatype", "a.nii", one(), WriteOptions{Datatype: 32}, ErrUnsupported},
		{"version", "a.nii", one(), WriteOptions{Version: 3}, ErrHeader},
		{"long axis", "a.nii", long, WriteOptions{Version: 1}, ErrRange},
	}
	for _, test := range tests {
		if err := Write(t.Context(), filepath.Join(t.TempDir(), test.file), test.v, test.o); !errors.Is(err, test.kind) {
			t.Errorf("%s: %v, want %v", test.name, err, test.kind)
		}
	}
	path := filepath.Join(t.TempDir(), "long.nii.gz")
	if err := Write(t.Context(), path, long, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if h, err := ReadHeader(path); err != nil || h.Version != 2 || h.Shape() != long.Shape {
		t.Errorf("an axis of 40000 voxels: %+v, %v", h, err)
	}
	raw, err := ReadRaw(t.Context(), "testdata/nibabel/v1_be_int16.nii", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	raw.Data = raw.Data[1:]
	if err := WriteRaw(t.Context(), path, raw); !errors.Is(err, ErrDim) {
		t.Errorf("raw with a byte missing: %v", err)
	}
	if _, err := Values[uint8](raw); !errors.Is(err, ErrUnsupported) {
		t.Errorf("values of another type: %v", err)
	}
}

// Writing is deterministic and what is written reads back, whatever the shape,
// datatype, affine and container.
func TestRoundTripProperty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		side := rapid.IntRange(1, 9)
		v := &Volume{Shape: [3]int{side.Draw(r, "x"), side.Draw(r, "y"), side.Draw(r, "z")}}
		v.Unit = rapid.SampledFrom([]string{"", "m", "mm", "um"}).Draw(r, "unit")
		d := rapid.SampledFrom([]Datatype{Uint8, Int8, Uint16, Int16, Uint32, Int32, Uint64, Int64, Float32, Float64}).Draw(r, "datatype")
		low, high := 0, 127
		if d != Uint8 && d != Uint16 && d != Uint32 && d != Uint64 {
			low = -128
		}
		n := v.Shape[0] * v.Shape[1] * v.Shape[2]
		for _, x := range rapid.SliceOfN(rapid.IntRange(low, high), n, n).Draw(r, "voxels") {
			v.Data = append(v.Data, float32(x))
		}
		size := rapid.Float64Range(0.01, 100)
		v.Spacing = [3]float64{size.Draw(r, "sx"), size.Draw(r, "sy"), size.Draw(r, "sz")}
		v.Affine = randomAffine(r, v.Spacing)
		name := filepath.Join(dir, rapid.SampledFrom([]string{"a.nii", "a.nii.gz", "a.hdr", "a.hdr.gz"}).Draw(r, "name"))
		o := WriteOptions{Datatype: d, Version: rapid.IntRange(1, 2).Draw(r, "version")}
		for range 2 {
			if err := Write(context.Background(), name, v, o); err != nil {
				r.Fatal(err)
			}
		}
		got, err := Read(context.Background(), name, Limits{})
		if err != nil {
			r.Fatal(err)
		}
		checkClose(r, v, got)
		// The qform says the same as the sform, as far as three float32 can: near
		// half a turn the format loses about a thousandth of a radian.
		q := got.Header.qform()
		for i := range 3 {
			for j := range 4 {
				if math.Abs(q[i][j]-v.Affine[i][j]) > 1e-6*math.Abs(v.Affine[i][3])+2.5e-3*max(v.Spacing[0], v.Spacing[1], v.Spacing[2]) {
					r.Fatalf("qform %v, affine %v", q, v.Affine)
				}
			}
		}
	})
}

func randomAffine(r *rapid.T, spacing [3]float64) [4][4]float64 {
	q := [4]float64{}
	norm := 0.0
	for i := range q {
		q[i] = rapid.Float64Range(-1, 1).Draw(r, "q")
		norm += q[i] * q[i]
	}
	m := rotation(q)
	if norm < 1e-3 {
		m = rotation([4]float64{1})
	}
	flip := float64(rapid.SampledFrom([]int{1, -1}).Draw(r, "handedness"))
	a := [4][4]float64{3: {3: 1}}
	for i := range 3 {
		a[i] = [4]float64{m[i][0] * spacing[0], m[i][1] * spacing[1], flip * m[i][2] * spacing[2], rapid.Float64Range(-500, 500).Draw(r, "offset")}
	}
	return a
}

func checkClose(r *rapid.T, want, got *Volume) {
	if want.Shape != got.Shape || want.Unit != got.Unit {
		r.Fatalf("shape %v in %q, wrote %v in %q", got.Shape, got.Unit, want.Shape, want.Unit)
	}
	for i := range want.Data {
		if want.Data[i] != got.Data[i] {
			r.Fatalf("voxel %d is %v, wrote %v", i, got.Data[i], want.Data[i])
		}
	}
	for i := range 3 {
		if math.Abs(want.Spacing[i]-got.Spacing[i]) > 1e-6*want.Spacing[i] {
			r.Fatalf("spacing %v, wrote %v", got.Spacing, want.Spacing)
		}
		for j := range 4 {
			if math.Abs(want.Affine[i][j]-got.Affine[i][j]) > 1e-6*(1e-3+math.Abs(want.Affine[i][j])) {
				r.Fatalf("affine %v, wrote %v", got.Affine, want.Affine)
			}
		}
	}
}

// A big volume goes through the pipeline of two goroutines; the voxels must
// arrive in order, and an early end must leave no goroutine behind.
func TestLargeVolume(t *testing.T) {
	t.Parallel()
	v := &Volume{Shape: [3]int{200, 150, 40}, Spacing: [3]float64{1, 1, 1}}
	for i := range 200 * 150 * 40 {
		v.Data = append(v.Data, float32(i%30000))
	}
	for _, name := range []string{"big.nii", "big.nii.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := Write(t.Context(), path, v, WriteOptions{Datatype: Int16}); err != nil {
			t.Fatal(err)
		}
		got, err := Read(t.Context(), path, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range v.Data {
			if v.Data[i] != got.Data[i] {
				t.Fatalf("voxel %d is %v", i, got.Data[i])
			}
		}
		if _, err := ReadLabels(t.Context(), path, Limits{}); !errors.Is(err, ErrNotLabels) {
			t.Errorf("labels: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Read(ctx, path, Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(t.Context(), save(t, name, b[:len(b)-100]), Limits{}); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut: %v", err)
		}
	}
}

// Reading takes the decoded voxels and little more.
func TestReadMemory(t *testing.T) {
	const n = 256 * 256 * 64
	v := &Volume{Shape: [3]int{256, 256, 64}, Spacing: [3]float64{1, 1, 1}, Data: make([]float32, n)}
	path := filepath.Join(t.TempDir(), "big.nii.gz")
	if err := Write(t.Context(), path, v, WriteOptions{Datatype: Int16}); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(t.Context(), path, Limits{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4*n+4<<20 {
		t.Errorf("reading %d bytes of voxels took %d", 4*n, got)
	}
}

func TestEqualVolumesMakeEqualFiles(t *testing.T) {
	t.Parallel()
	v := &Volume{Shape: [3]int{3, 3, 3}, Spacing: [3]float64{1, 2, 3}, Data: make([]float32, 27)}
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "same.nii.gz")
		if err := Write(t.Context(), path, v, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same volume written twice differs")
	}
}
