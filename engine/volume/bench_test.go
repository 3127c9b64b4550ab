package volume

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkRead reads a 512×512×100 int16 volume, gzipped, or the file that
// MINIVESS_BENCH_NIFTI names; scripts/bench/nifti_read.py lets nibabel read the
// same one.
func BenchmarkRead(b *testing.B) {
	path := os.Getenv("MINIVESS_BENCH_NIFTI")
	if path == "" {
		path = benchVolume(b)
	}
	h, err := ReadHeader(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(h.Voxels() * int64(h.Datatype.Size()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(b.Context(), path, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// benchVolume writes noise over a background, which compresses as microscopy
// does.
func benchVolume(b *testing.B) string {
	b.Helper()
	v := &Volume{Shape: [3]int{512, 512, 100}, Spacing: [3]float64{0.5, 0.5, 1}, Unit: "um"}
	v.Data = make([]float32, 512*512*100)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range v.Data {
		v.Data[i] = float32(int(200 + 30*rng.NormFloat64()))
	}
	path := filepath.Join(b.TempDir(), "bench.nii.gz")
	if err := Write(b.Context(), path, v, WriteOptions{Datatype: Int16}); err != nil {
		b.Fatal(err)
	}
	return path
}
