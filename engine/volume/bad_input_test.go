package volume

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// sample gives the bytes of a valid little-endian NIfTI-1 file: int16, 3×4×5.
func sample(tb testing.TB) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/nibabel/v1_le_int16.nii")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func sample2(tb testing.TB) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/nibabel/v2_le_float32.nii")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func put16(b []byte, at int, v int16) []byte {
	binary.LittleEndian.PutUint16(b[at:], uint16(v))
	return b
}

func put32f(b []byte, at int, v float32) []byte {
	binary.LittleEndian.PutUint32(b[at:], math.Float32bits(v))
	return b
}

func compressed(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func save(tb testing.TB, name string, b []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func TestRefusesBadFiles(t *testing.T) {
	t.Parallel()
	extensions, err := os.ReadFile("testdata/nibabel/extensions.nii")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		b    []byte
		kind error
		says string
	}{
		{"empty", nil, ErrTruncated, "ends after 0 bytes"},
		{"two bytes", []byte{92, 1}, ErrTruncated, "ends after 2 bytes"},
		{"text", []byte("hello, I am not a volume at all"), ErrNotNIfTI, "begins with bytes 68 65"},
		{"header cut", sample(t)[:200], ErrTruncated, "ends after 200 bytes"},
		{"voxels cut", sample(t)[:400], ErrTruncated, "states 120 bytes of voxels, the file has 48"},
		{"no voxels", sample(t)[:352], ErrTruncated, "the file has 0"},
		{"analyze", append(sample(t)[:344], make([]byte, 200)...), ErrNotNIfTI, "ANALYZE 7.5"},
		{"bad magic", append(append(sample(t)[:344], "xyz\x00"...), make([]byte, 200)...), ErrNotNIfTI, `signature is "xyz\x00"`},
		{"text mode", append(append(sample2(t)[:4], "n+2\x00\n\x1a\n\n"...), sample2(t)[12:]...), ErrNotNIfTI, "text mode"},
		{"no dimensions", put16(sample(t), 40, 0), ErrHeader, "0 dimensions"},
		{"eight dimensions", put16(sample(t), 40, 8), ErrHeader, "8 dimensions"},
		{"negative size", put16(sample(t), 42, -3), ErrHeader, "dimension 1 has size -3"},
		{"zero size", put16(sample(t), 46, 0), ErrHeader, "dimension 3 has size 0"},
		{"lies about shape", put16(sample(t), 42, 300), ErrTruncated, "states 12000 bytes of voxels, the file has 120"},
		{"huge", put16(put16(put16(sample(t), 42, 32767), 44, 32767), 46, 32767), ErrTooLarge, "raise the limit"},
		{"overflow", overflow(sample2(t)), ErrTooLarge, "raise the limit"},
		{"complex", put16(sample(t), 70, 32), ErrUnsupported, "complex64 voxels"},
		{"float128", put16(sample(t), 70, 1536), ErrUnsupported, "float128 voxels"},
		{"rgb", put16(sample(t), 70, 128), ErrUnsupported, "RGB24 voxels"},
		{"unknown datatype", put16(sample(t), 70, 77), ErrUnsupported, "datatype 77"},
		{"bits", put16(sample(t), 72, 8), ErrHeader, "8 bits a voxel, but int16 has 16"},
		{"offset in header", put32f(sample(t), 108, 100), ErrHeader, "inside the header"},
		{"offset not whole", put32f(sample(t), 108, 352.5), ErrHeader, "voxels would begin"},
		{"offset NaN", put32f(sample(t), 108, float32(math.NaN())), ErrHeader, "voxels would begin"},
		{"offset beyond end", put32f(sample(t), 108, 4096), ErrTruncated, "byte 4096, beyond its end"},
		{"inter not finite", put32f(put32f(sample(t), 112, 2), 116, float32(math.Inf(1))), ErrHeader, "scl_inter is +Inf"},
		{"four dimensions", put16(put16(put16(sample(t), 40, 4), 46, 1), 48, 5), ErrDim, "keep one 3D volume a file"},
		{"extension size", put16(extensions, 352, 9999), ErrHeader, "header extension 1 states"},
		{"more than stated", append(sample(t), make([]byte, maxTrailing+1)...), ErrHeader, "the file goes on"},
		{"pair in one file", append(append(sample(t)[:344], magicPair1...), sample(t)[348:]...), ErrHeader, "rename it to .hdr"},
		{"gzip header", []byte{0x1f, 0x8b, 7, 7, 7}, ErrTruncated, ""},
		{"gzip method", append([]byte{0x1f, 0x8b, 7}, make([]byte, 60)...), ErrCorrupt, "gzip"},
		{"gzip cut", compressed(t, sample(t))[:150], ErrTruncated, "download it again"},
		{"gzip checksum", flip(compressed(t, sample(t)), -6), ErrCorrupt, "checksum"},
		{"gzip cannot hold it", compressed(t, put16(put16(sample(t), 42, 30000), 44, 300)), ErrTruncated, "compressed bytes can hold"},
		{"gzip bomb", compressed(t, append(sample(t), make([]byte, 64<<20)...)), ErrHeader, "the file goes on"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := save(t, "bad.nii", test.b)
			for what, read := range readers() {
				if errors.Is(test.kind, ErrDim) && what == "raw" {
					continue
				}
				err := read(t.Context(), path)
				if !errors.Is(err, test.kind) {
					t.Fatalf("%s: error %v, want %v", what, err, test.kind)
				}
				if !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "bad.nii") {
					t.Errorf("%s: error %q should name the file and say %q", what, err, test.says)
				}
			}
		})
	}
}

func overflow(b []byte) []byte {
	for i := range 3 {
		binary.LittleEndian.PutUint64(b[24+8*i:], math.MaxInt64/2)
	}
	return b
}

// flip changes a byte, counted from the end if negative.
func flip(b []byte, at int) []byte {
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0xff
	return b
}

// readers are the ways to read a file to its end.
func readers() map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{
		"volume": func(ctx context.Context, p string) error { _, err := Read(ctx, p, Limits{}); return err },
		"raw":    func(ctx context.Context, p string) error { _, err := ReadRaw(ctx, p, Limits{}); return err },
		"labels": func(ctx context.Context, p string) error {
			_, err := ReadLabels(ctx, p, Limits{})
			if errors.Is(err, ErrNotLabels) { // small files are converted before the end is looked at
				_, err = Read(ctx, p, Limits{})
			}
			return err
		},
		"verify": func(ctx context.Context, p string) error { _, err := Verify(ctx, p, Limits{}); return err },
	}
}

// Wherever a file is cut, it is refused as truncated and nothing panics.
func TestRefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{"a.nii": sample(t), "b.nii": sample2(t), "c.nii.gz": compressed(t, sample(t))} {
		for n := range whole {
			_, err := Read(t.Context(), save(t, name, whole[:n]), Limits{})
			if !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(whole), err)
			}
		}
	}
}

// A header that claims much in a small file must not cost memory.
func TestClaimsCostNoMemory(t *testing.T) {
	b := compressed(t, put16(put16(sample(t), 42, 30000), 44, 10000))
	path := save(t, "claim.nii.gz", b)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(t.Context(), path, Limits{}); !errors.Is(err, ErrTruncated) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("refusing the file takes %d bytes", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if _, err := Read(ctx, "scan.dcm", Limits{}); !errors.Is(err, ErrName) {
		t.Errorf("dcm: %v", err)
	}
	if _, err := Read(ctx, filepath.Join(t.TempDir(), "none.nii"), Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Read(ctx, save(t, "alone.hdr", sample(t)), Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("header without image: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "folder.nii")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(ctx, dir, Limits{}); !errors.Is(err, ErrNotNIfTI) {
		t.Errorf("folder: %v", err)
	}
	_, err := Read(ctx, save(t, "evil\x1b[31m.nii", []byte("nonsense")), Limits{})
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("the error %q passes a terminal escape on", err)
	}
}

func TestNonFinitePolicy(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	path := filepath.Join(t.TempDir(), "nan.nii")
	v := &Volume{Shape: [3]int{2, 2, 1}, Spacing: [3]float64{1, 1, 1}, Data: []float32{1, nan, inf, 4}}
	if err := Write(t.Context(), path, v, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), path, Limits{}); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "(1, 0, 0)") {
		t.Errorf("default: %v", err)
	}
	zero, err := Read(t.Context(), path, Limits{NonFinite: NonFiniteZero})
	if err != nil || zero.Data[1] != 0 || zero.Data[2] != 0 || zero.Data[3] != 4 {
		t.Errorf("zero: %v, %v", zero, err)
	}
	keep, err := Read(t.Context(), path, Limits{NonFinite: NonFiniteKeep})
	if err != nil || keep.Data[1] == keep.Data[1] || keep.Data[2] != inf {
		t.Errorf("keep: %v, %v", keep, err)
	}
	if _, err := ReadLabels(t.Context(), path, Limits{}); !errors.Is(err, ErrNotLabels) {
		t.Errorf("labels: %v", err)
	}
	if err := Write(t.Context(), path, v, WriteOptions{Datatype: Int16}); !errors.Is(err, ErrNonFinite) {
		t.Errorf("write as int16: %v", err)
	}
	v.Data = []float32{1e300 / 1e290, 40000, 0, 0}
	if err := Write(t.Context(), path, v, WriteOptions{Datatype: Int16}); !errors.Is(err, ErrRange) {
		t.Errorf("write 1e10 as int16: %v", err)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	path := save(t, "a.nii", sample(t)) // 60 voxels: 120 bytes stored, 240 as float32
	if _, err := Read(t.Context(), path, Limits{MaxBytes: 239}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("239 bytes: %v", err)
	}
	if _, err := Read(t.Context(), path, Limits{MaxBytes: 240}); err != nil {
		t.Errorf("240 bytes: %v", err)
	}
	if _, err := ReadLabels(t.Context(), path, Limits{MaxBytes: 119}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("labels, 119 bytes: %v", err)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l.nii.gz")
	l := &Labels{Shape: [3]int{2, 1, 2}, Spacing: [3]float64{0.5, 0.5, 2}, Unit: "um", Data: []uint8{0, 1, 255, 3}}
	for _, d := range []Datatype{0, Uint8, Int16, Float32, Float64, Uint64} {
		if err := WriteLabels(t.Context(), path, l, WriteOptions{Datatype: d}); err != nil {
			t.Fatal(err)
		}
		got, err := ReadLabels(t.Context(), path, Limits{})
		if err != nil || !bytes.Equal(got.Data, l.Data) || got.Spacing != l.Spacing || got.Unit != "um" {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	for _, bad := range []float32{-1, 0.5, 256, 1e9} {
		v := &Volume{Shape: [3]int{1, 1, 2}, Spacing: [3]float64{1, 1, 1}, Data: []float32{0, bad}}
		if err := Write(t.Context(), path, v, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLabels(t.Context(), path, Limits{}); !errors.Is(err, ErrNotLabels) || !strings.Contains(err.Error(), "(0, 0, 1)") {
			t.Errorf("%g as a label: %v", bad, err)
		}
	}
}
