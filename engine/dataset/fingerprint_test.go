package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

// peerVolume writes volume i of scripts/peers/nnunet_plan_fixture.py.
func peerVolume(t *testing.T, root string, i int) Volume {
	t.Helper()
	shape := [3]int{11 + 2*i, 9, 6 + i} // x, y, z; x is fastest there too
	n := shape[0] * shape[1] * shape[2]
	image := &volume.Volume{Shape: shape, Spacing: [3]float64{0.5, 0.5, 1 + float64(i)}, Data: nntest.Image(fmt.Sprintf("fingerprint %d", i), nn.Shape{n})}
	label := &volume.Labels{Shape: shape, Spacing: image.Spacing, Data: make([]uint8, n)}
	for k, v := range image.Data {
		x, y, z := k%shape[0], k/shape[0]%shape[1], k/shape[0]/shape[1]
		v = float32(math.RoundToEven(1000 * (float64(v) + float64(0.2*float64(i)))))
		if z < 1+i%2 || x < 2 || y == shape[1]-1 {
			v = 0
		}
		image.Data[k] = v
		if v > 300 {
			label.Data[k] = 1
		}
	}
	v := Volume{ID: fmt.Sprintf("v%d", i), Image: fmt.Sprintf("images/v%d.nii", i), Label: fmt.Sprintf("labels/v%d.nii", i), Shape: shape, Spacing: image.Spacing}
	write(t, root, v.Image, func(p string) error { return volume.Write(t.Context(), p, image, volume.WriteOptions{}) })
	write(t, root, v.Label, func(p string) error { return volume.WriteLabels(t.Context(), p, label, volume.WriteOptions{}) })
	return v
}

func peerDataset(t *testing.T) Dataset {
	t.Helper()
	d := Dataset{Name: "peer", Root: t.TempDir(), Digest: "d1"}
	for i := range 3 {
		d.Volumes = append(d.Volumes, peerVolume(t, d.Root, i))
	}
	return d
}

// TestFingerprintIsNNUNets compares with what nnU-Net's extractor said of the
// same volumes. It draws ten million voxels where we count them all, so its
// mean and deviation are off by up to 1/1000.
func TestFingerprintIsNNUNets(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/nnunet_fingerprint.json")
	if err != nil {
		t.Fatal(err)
	}
	var want Fingerprint
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for i := range want.Shapes {
		slices.Reverse(want.Shapes[i][:])
		slices.Reverse(want.Spacings[i][:])
	}
	var steps []int
	got, err := MeasureFingerprint(t.Context(), peerDataset(t), nil, func(done, total int) { steps = append(steps, done*10+total) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{13, 23, 33}, steps); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	w, g := want.Intensities["0"], got.Intensities["0"]
	for name, pair := range map[string][2]float64{"mean": {w.Mean, g.Mean}, "std": {w.Std, g.Std}} {
		if math.Abs(pair[0]-pair[1]) > 1e-3*pair[0] {
			t.Errorf("%s is %g, nnU-Net says %g", name, pair[1], pair[0])
		}
	}
	w.Mean, w.Std = g.Mean, g.Std
	want.Intensities["0"], want.Digest = w, "d1"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-nnU-Net +ours)\n%s", diff)
	}
}

// TestDistribution compares with a sorted list in which each volume's values
// weigh the same together.
func TestDistribution(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type weighted struct{ value, weight float64 }
		var all []weighted
		d := newDistribution()
		volumes := rapid.SliceOfN(rapid.SliceOfN(rapid.Float32Range(-1e4, 1e4), 1, 40), 1, 5).Draw(t, "volumes")
		mean := 0.0
		for _, values := range volumes {
			d.add(values)
			for _, v := range values {
				w := 1 / float64(len(values)) / float64(len(volumes))
				all = append(all, weighted{float64(v), w})
				mean += w * float64(v)
			}
		}
		variance := 0.0
		for _, v := range all {
			variance += v.weight * (v.value - mean) * (v.value - mean)
		}
		got := d.intensities()
		if math.Abs(got.Mean-mean) > 1e-6*(1+math.Abs(mean)) || math.Abs(got.Std-math.Sqrt(variance)) > 1e-6*(1+math.Sqrt(variance)) {
			t.Fatalf("mean %g, std %g; want %g, %g", got.Mean, got.Std, mean, math.Sqrt(variance))
		}
		slices.SortFunc(all, func(a, b weighted) int { return int(math.Copysign(1, a.value-b.value)) })
		if got.Min != all[0].value || got.Max != all[len(all)-1].value {
			t.Fatalf("from %g to %g, want %g to %g", got.Min, got.Max, all[0].value, all[len(all)-1].value)
		}
		// At least half of the weight lies at or below the median, give or take a bin.
		below := 0.0
		for _, v := range all {
			if v.value <= got.Median+math.Abs(got.Median)/4096 {
				below += v.weight
			}
		}
		if below < 0.5-1e-9 {
			t.Fatalf("%g of the weight lies below the median %g", below, got.Median)
		}
	})
}

// TestBinsAscend: values in ascending order have bins in ascending order.
func TestBinsAscend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float32().Draw(t, "a"), rapid.Float32().Draw(t, "b")
		if a < b && bin(a) > bin(b) {
			t.Fatalf("%g has bin %d, %g has %d", a, bin(a), b, bin(b))
		}
	})
	for i := range 8191 {
		if bin(float32(i)) == bin(float32(i+1)) {
			t.Fatalf("%d and %d share a bin", i, i+1)
		}
	}
}

func TestFingerprintIsCached(t *testing.T) {
	t.Parallel()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := peerDataset(t)
	ids := []string{"v2", "v0"}
	if _, ok := CachedFingerprint(ws, d, ids); ok {
		t.Error("a fingerprint that nobody measured")
	}
	first, err := ReadFingerprint(t.Context(), ws, d, ids, nil)
	if err != nil || len(first.Shapes) != 2 || first.Shapes[1] != [3]int{13, 8, 7} {
		t.Fatalf("%+v, %v", first, err)
	}
	file := fingerprintFile(ws, d, ids)
	other := d
	other.Digest = "d2"
	if _, ok := CachedFingerprint(ws, other, ids); ok {
		t.Error("a dataset with other contents has the same fingerprint")
	}
	for _, damaged := range []string{"", "{", `{"dataset_digest":"d9"}`} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFingerprint(t.Context(), ws, d, []string{"v0", "v2"}, nil)
		if diff := cmp.Diff(first, again); diff != "" || err != nil {
			t.Errorf("after the file held %q: %v %s", damaged, err, diff)
		}
	}
	if err := os.RemoveAll(filepath.Join(d.Root, "images")); err != nil {
		t.Fatal(err)
	}
	again, err := ReadFingerprint(t.Context(), ws, d, ids, func(int, int) { t.Error("measured again") })
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("from the cache: %v %s", err, diff)
	}
}

func TestFingerprintRefuses(t *testing.T) {
	t.Parallel()
	d := peerDataset(t)
	if _, err := MeasureFingerprint(t.Context(), d, []string{"nobody"}, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no volumes: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MeasureFingerprint(ctx, d, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	d.Volumes[1].Label = d.Volumes[0].Label
	if _, err := MeasureFingerprint(t.Context(), d, nil, nil); !errors.Is(err, ErrMismatch) {
		t.Errorf("another volume's label: %v", err)
	}
}

// TestEmptyVolume: nothing is cropped away from a volume of zeros, and it has
// no foreground to describe.
func TestEmptyVolume(t *testing.T) {
	t.Parallel()
	d := Dataset{Root: t.TempDir()}
	v := Volume{ID: "z", Image: "images/z.nii", Label: "labels/z.nii", Shape: [3]int{4, 3, 2}, Spacing: [3]float64{1, 1, 1}}
	write(t, d.Root, v.Image, func(p string) error {
		return volume.Write(t.Context(), p, &volume.Volume{Shape: v.Shape, Spacing: v.Spacing, Data: make([]float32, 24)}, volume.WriteOptions{})
	})
	putLabel(t, d.Root, v.Label, v.Shape, v.Spacing)
	d.Volumes = []Volume{v}
	got, err := MeasureFingerprint(t.Context(), d, nil, nil)
	want := Fingerprint{Spacings: [][3]float64{v.Spacing}, Shapes: [][3]int{v.Shape}, RelativeSize: 1}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}
