package metrics_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
)

// TestFamiliesAgreeWithMetricsReloaded goes beyond the oracle: overlap, other
// percentiles and boundary IoU of several widths.
func TestFamiliesAgreeWithMetricsReloaded(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/metrics_reloaded.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]map[string]float64
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 8 {
		t.Fatalf("%d cases", len(cases))
	}
	known := oracle(t)
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := readMask(t, fmt.Sprintf("testdata/oracle/%s.reference.nii.gz", name))
			pred := readMask(t, fmt.Sprintf("testdata/oracle/%s.prediction.nii.gz", name))
			for theirs, v := range want {
				metric, within, _ := strings.Cut(theirs, " within ")
				o := metrics.Options{Spacing: known[name].Spacing, Beta: 2, Metrics: []string{metric}}
				if within != "" {
					if _, err := fmt.Sscan(within, &o.BoundaryWidth); err != nil {
						t.Fatal(err)
					}
				}
				r, err := metrics.Evaluate(t.Context(), ref, pred, o)
				if err != nil {
					t.Fatal(err)
				}
				if !close1e5(r.Values[metric], v) || r.Beta != 2 || within != "" && r.BoundaryWidth != o.BoundaryWidth {
					t.Errorf("%s = %v, want %v", theirs, r.Values[metric], v)
				}
			}
		})
	}
}

// TestBoundaryIoUByBruteForce measures each foreground voxel against each border
// voxel of its mask.
func TestBoundaryIoUByBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		width := rapid.SampledFrom([]float64{0.5, 1, 1.5, 2, 3}).Draw(rt, "width")
		s.options.Metrics, s.options.BoundaryWidth = []string{metrics.BoundaryIoU}, width
		ref, pred := shell(s.ref, width), shell(s.pred, width)
		common, either := 0, 0
		for i := range ref {
			if ref[i] && pred[i] {
				common++
			}
			if ref[i] || pred[i] {
				either++
			}
		}
		r, err := metrics.Evaluate(t.Context(), s.ref, s.pred, s.options)
		if err != nil {
			rt.Fatal(err)
		}
		if r.Presence != metrics.PresentBoth {
			return
		}
		if got, want := r.Values[metrics.BoundaryIoU], float64(common)/float64(either); got != want {
			rt.Fatalf("boundary IoU %v, want %v", got, want)
		}
	})
}

func shell(m metrics.Mask, width float64) []bool {
	out := make([]bool, len(m.Data))
	border := borderVoxels(m)
	for i, v := range m.Data {
		p := [3]int{i % m.Shape[0], i / m.Shape[0] % m.Shape[1], i / m.Shape[0] / m.Shape[1]}
		out[i] = v == 1 && slices.ContainsFunc(border, func(q [3]int) bool {
			dx, dy, dz := float64(p[0]-q[0]), float64(p[1]-q[1]), float64(p[2]-q[2])
			return math.Sqrt(dx*dx+dy*dy+dz*dz) < width
		})
	}
	return out
}

// TestTheLongAxisMayBeAnyone: volumes are packed along x, or along another axis
// if x is short, and rows may be longer than a word.
func TestTheLongAxisMayBeAnyone(t *testing.T) {
	t.Parallel()
	names := slices.DeleteFunc(metrics.Names(metrics.Minivess), func(name string) bool {
		return strings.Contains(name, "skeleton") || name == metrics.ClDice || name == metrics.RadiusError
	})
	long := metrics.Mask{Shape: [3]int{100, 5, 3}, Data: make([]uint8, 1500)}
	other := metrics.Mask{Shape: long.Shape, Data: make([]uint8, 1500)}
	for i := range long.Data {
		long.Data[i], other.Data[i] = uint8(i*i%7%3%2), uint8(i*i%11%5%2)
	}
	o := metrics.Options{Spacing: [3]float64{0.5, 2, 1}, Tolerance: 1, Metrics: append(names, "hd80")}
	want, err := metrics.Compare(t.Context(), long, other, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, axes := range [][]int{{1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		turned := o
		for to, from := range axes {
			turned.Spacing[to] = o.Spacing[from]
		}
		none := []bool{false, false, false}
		got, err := metrics.Compare(t.Context(), turn(long, axes, none), turn(other, axes, none), turned)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			for name, v := range want[i].Values {
				if math.Abs(got[i].Values[name]-v) > 1e-9 {
					t.Errorf("axes %v: %s %s = %v, want %v", axes, want[i].Definition, name, got[i].Values[name], v)
				}
			}
		}
	}
	bad := turn(long, []int{1, 0, 2}, []bool{false, false, false})
	bad.Data[7] = 2
	if _, err := metrics.Evaluate(t.Context(), bad, bad, o); !errors.Is(err, metrics.ErrNotBinary) || !strings.Contains(err.Error(), "2 at voxel (2, 1, 0)") {
		t.Errorf("got %v", err)
	}
}

func TestNamesSayWhatIsMeasured(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]float64{"hd95": 95, "hd90": 90, "hd99.5": 99.5, "hd1": 1} {
		if got, ok := metrics.HDPercentile(name); !ok || got != q || !metrics.IsDistance(name) || metrics.HigherIsBetter(name) {
			t.Errorf("%s is percentile %v (%v)", name, got, ok)
		}
	}
	for _, name := range []string{"hd", "hd0", "hd100", "hd-5", "hd+5", "hd1e1", "hdx", "hd9.9.9", "xhd95"} {
		if _, ok := metrics.HDPercentile(name); ok {
			t.Errorf("%s is a percentile", name)
		}
	}
	for _, name := range []string{"hd", "assd", "masd", "radius_error", "betti1_error", "euler_error", "brier", "nll", "ece"} {
		if metrics.HigherIsBetter(name) {
			t.Errorf("a higher %s is better", name)
		}
	}
	for _, name := range []string{"dice", "nsd", "boundary_iou", "auroc", "lesion_f1"} {
		if !metrics.HigherIsBetter(name) || metrics.IsDistance(name) {
			t.Errorf("a lower %s is better, or it is a length", name)
		}
	}
}

// TestComparisonsTakeAnyPercentile checks that a comparison keeps percentiles apart from
// the definitions that lack them, and refuses one name that nobody has.
func TestComparisonsTakeAnyPercentile(t *testing.T) {
	t.Parallel()
	o := unit()
	o.Metrics = []string{"hd90", "iou", "dice"}
	m := mask(3, 2, 2, 1, 0, 1)
	c, err := metrics.Compare(t.Context(), m, m, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"dice", "iou", "hd90"}, c.Metrics()); d != "" {
		t.Error(d)
	}
	var definitions []string
	for _, r := range c {
		definitions = append(definitions, r.Definition)
	}
	if d := cmp.Diff([]string{"minivess", "metrics-reloaded", "monai", "surface-distance"}, definitions); d != "" {
		t.Error(d)
	}
	o.Metrics = []string{"dice", "beauty"}
	if _, err := metrics.Compare(t.Context(), m, m, o); !errors.Is(err, metrics.ErrMetric) || !strings.Contains(err.Error(), `"beauty"`) {
		t.Errorf("got %v", err)
	}
}

// TestMemoryStaysBelowFourBytesAVoxel counts all that is allocated on the way,
// which is somewhat more than is held at once.
func TestMemoryStaysBelowFourBytesAVoxel(t *testing.T) {
	shape := [3]int{256, 256, 48}
	voxels := 256 * 256 * 48
	ref := tubes(shape, 0)
	o := metrics.Options{Spacing: [3]float64{1, 1, 2}, Tolerance: 2, Threads: 1, Metrics: []string{"dice", "hd95", "hd", "nsd", "assd", "masd", "boundary_iou"}}
	for name, pred := range map[string]metrics.Mask{"near": tubes(shape, 1), "half missing": halved(ref)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := metrics.Evaluate(t.Context(), ref, pred, o); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		allocated := int64(after.TotalAlloc - before.TotalAlloc)
		if limit := metrics.Memory(shape, o); allocated > limit*5/4 || limit > int64(4*voxels) {
			t.Errorf("%s: %d bytes allocated, %d estimated, %d voxels", name, allocated, limit, voxels)
		}
	}
}

func TestMemoryOfVolumesBeyondTwoGigabytes(t *testing.T) {
	t.Parallel()
	shape := [3]int{2048, 2048, 1024}
	voxels := int64(1) << 32
	got := metrics.Memory(shape, metrics.Options{})
	if got < voxels || got > 4*voxels {
		t.Errorf("%d bytes for %d voxels", got, voxels)
	}
	less := metrics.Memory(shape, metrics.Options{Metrics: []string{"dice"}})
	if less >= got || less > voxels {
		t.Errorf("Dice alone takes %d of %d bytes", less, got)
	}
	if thin := metrics.Memory([3]int{1, 4096, 4096}, metrics.Options{}); thin > 4*4096*4096 {
		t.Errorf("%d bytes for a picture of 4096×4096", thin)
	}
}
