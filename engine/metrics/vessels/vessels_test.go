package vessels_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/topology"
	"github.com/minivess/minivess/engine/metrics/vessels"
)

// drawing makes a one-slice mask out of rows of characters.
func drawing(lines ...string) ([]uint8, [3]int) {
	var mask []uint8
	for _, line := range lines {
		for _, c := range line {
			if c == '#' {
				mask = append(mask, 1)
			} else {
				mask = append(mask, 0)
			}
		}
	}
	return mask, [3]int{len(lines[0]), len(lines), 1}
}

func measure(t *testing.T, mask []uint8, shape [3]int, spacing [3]float64) vessels.Table {
	t.Helper()
	table, err := vessels.Measure(t.Context(), mask, shape, spacing)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var alike = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })

func TestMeasuresAJunctionAndARing(t *testing.T) {
	t.Parallel()
	mask, shape := drawing(
		"..............###.",
		".#.....#.....#...#",
		"..#...#......#...#",
		"...#.#.......#...#",
		"....#.........###.",
		"....#.............",
		"....#......#......",
	)
	got := measure(t, mask, shape, [3]float64{3, 4, 1})
	long := 5.0 // a diagonal step
	want := vessels.Table{
		Components: []vessels.Component{
			{
				Number: 1, Voxels: 12, Volume: 144, First: [3]int{13, 0, 0}, Last: [3]int{17, 4, 0},
				CentrelineVoxels: 12, Length: 4*long + 4*3 + 4*4, Segments: 1,
				RadiusMin: 3, RadiusMax: 4,
			},
			{
				Number: 2, Voxels: 9, Volume: 108, First: [3]int{1, 1, 0}, Last: [3]int{7, 6, 0},
				CentrelineVoxels: 9, Length: 6*long + 2*4, BranchPoints: 1, EndPoints: 3, Segments: 3, Tortuosity: 1,
				RadiusMean: 3, RadiusMin: 3, RadiusMax: 3,
			},
			{
				Number: 3, Voxels: 1, Volume: 12, First: [3]int{11, 6, 0}, Last: [3]int{11, 6, 0},
				CentrelineVoxels: 1, RadiusMean: 3, RadiusMin: 3, RadiusMax: 3,
			},
		},
		Segments: []vessels.Segment{
			{
				Component: 1, From: [3]int{14, 0, 0}, To: [3]int{14, 0, 0}, Voxels: 12, Length: 4*long + 4*3 + 4*4,
				RadiusMin: 3, RadiusMax: 4,
			},
			{Component: 2, From: [3]int{1, 1, 0}, To: [3]int{4, 4, 0}, Voxels: 4, Length: 15, Chord: 15, Tortuosity: 1},
			{Component: 2, From: [3]int{7, 1, 0}, To: [3]int{4, 4, 0}, Voxels: 4, Length: 15, Chord: 15, Tortuosity: 1},
			{Component: 2, From: [3]int{4, 4, 0}, To: [3]int{4, 6, 0}, Voxels: 3, Length: 8, Chord: 8, Tortuosity: 1},
		},
	}
	// Amid its flat stretches the ring is 4 from background, elsewhere 3.
	ring := (2*4.0 + 10*3.0) / 12
	want.Components[0].RadiusMean, want.Segments[0].RadiusMean = ring, ring
	for i := range want.Segments[1:] {
		s := &want.Segments[1+i]
		s.RadiusMean, s.RadiusMin, s.RadiusMax = 3, 3, 3
	}
	if d := cmp.Diff(want, got, alike); d != "" {
		t.Error(d)
	}
}

func TestTortuosityIsTheWayOverTheChord(t *testing.T) {
	t.Parallel()
	mask, shape := drawing(
		"#...#...#",
		".#.#.#.#.",
		"..#...#..",
	)
	got := measure(t, mask, shape, [3]float64{1, 1, 1}).Components
	if len(got) != 1 || math.Abs(got[0].Tortuosity-math.Sqrt2) > 1e-12 || math.Abs(got[0].Length-8*math.Sqrt2) > 1e-12 {
		t.Errorf("got %+v", got)
	}
}

func TestAnEmptyMaskHasNoVessels(t *testing.T) {
	t.Parallel()
	got := measure(t, make([]uint8, 24), [3]int{2, 3, 4}, [3]float64{1, 1, 1})
	if len(got.Components)+len(got.Segments) != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestOnlyAFullMaskEndsAtTheVolumesFaces holds what counts as background.
func TestOnlyAFullMaskEndsAtTheVolumesFaces(t *testing.T) {
	t.Parallel()
	full := slices.Repeat([]uint8{1}, 5*3*4)
	at := []int32{2 + 5*(1+3*1)}
	for _, c := range []struct {
		hole int
		want float64
	}{{-1, 4}, {0 + 5*(1+3*1), 20}, {4 + 5*(2+3*3), math.Sqrt(20*20 + 9*9 + 2*2*2*2)}} {
		mask := slices.Clone(full)
		if c.hole >= 0 {
			mask[c.hole] = 0
		}
		got, err := vessels.Radii(t.Context(), mask, [3]int{5, 3, 4}, [3]float64{10, 9, 2}, at, 1)
		if err != nil || len(got) != 1 || math.Abs(got[0]-c.want) > 1e-12 {
			t.Errorf("hole at %d: got %v, want %v, %v", c.hole, got, c.want, err)
		}
	}
}

func TestRadiiAreTheNearestBackground(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 6)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		mask := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 1, 1, 1, 1}), n, n).Draw(rt, "mask")
		mask[rapid.IntRange(0, n-1).Draw(rt, "hole")] = 0
		size := rapid.SampledFrom([]float64{0.3, 1, 1.7, 4})
		spacing := [3]float64{size.Draw(rt, "dx"), size.Draw(rt, "dy"), size.Draw(rt, "dz")}
		at := make([]int32, n)
		for i := range at {
			at[i] = int32(i)
		}
		got, err := vessels.Radii(t.Context(), mask, shape, spacing, at, 2)
		if err != nil {
			rt.Fatal(err)
		}
		place := func(i int) [3]int { return [3]int{i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]} }
		for i := range mask {
			want := math.Inf(1)
			for j, v := range mask {
				if v == 0 {
					a, b := place(i), place(j)
					sum := 0.0
					for axis := range 3 {
						d := float64(a[axis]-b[axis]) * spacing[axis]
						sum += d * d
					}
					want = min(want, math.Sqrt(sum))
				}
			}
			if math.Abs(got[i]-want) > 1e-12 {
				rt.Fatalf("voxel %v: got %v, want %v", place(i), got[i], want)
			}
		}
	})
}

// TestTablesAddUp holds what must be true of any mask: voxels, centrelines and
// lengths are shared out without loss, and sizes scale with the spacing.
func TestTablesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 9)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		mask := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 1}), n, n).Draw(rt, "mask")
		spacing := [3]float64{0.5, 1.25, 2}
		table := measure(t, mask, shape, spacing)
		centreline, err := skeleton.Voxels(t.Context(), mask, shape)
		if err != nil {
			rt.Fatal(err)
		}
		length, err := vessels.Length(centreline, shape, spacing)
		if err != nil {
			rt.Fatal(err)
		}
		voxels, segments := 0, 0
		for _, c := range table.Components {
			voxels += c.Voxels
			n -= c.CentrelineVoxels
			segments += c.Segments
			length -= c.Length
			if c.RadiusMin > c.RadiusMean+1e-12 || c.RadiusMean > c.RadiusMax+1e-12 || c.RadiusMin < 0.5 {
				rt.Fatalf("radii of %+v", c)
			}
		}
		ones := 0
		for _, v := range mask {
			ones += int(v)
		}
		if voxels != ones || len(mask)-n != len(centreline) || segments != len(table.Segments) || math.Abs(length) > 1e-9 {
			rt.Fatalf("%d of %d voxels, %d of %d centreline voxels, %d of %d segments, %v of length left",
				voxels, ones, len(mask)-n, len(centreline), segments, len(table.Segments), length)
		}
		double := measure(t, mask, shape, [3]float64{1, 2.5, 4})
		for i, c := range table.Components {
			d := double.Components[i]
			if math.Abs(d.Length-2*c.Length) > 1e-9 || math.Abs(d.RadiusMean-2*c.RadiusMean) > 1e-9 ||
				math.Abs(d.Volume-8*c.Volume) > 1e-9 || math.Abs(d.Tortuosity-c.Tortuosity) > 1e-9 {
				rt.Fatalf("%+v doubled is %+v", c, d)
			}
		}
		if again := measure(t, mask, shape, spacing); !cmp.Equal(again, table) {
			rt.Fatalf("a second time: %s", cmp.Diff(table, again))
		}
	})
}

func TestOverlapsAreSharesOfCentrelines(t *testing.T) {
	t.Parallel()
	o := vessels.Overlap{Reference: 8, ReferenceInPrediction: 4, Prediction: 4, PredictionInReference: 3}
	if o.Recall() != 0.5 || o.Precision() != 0.75 || math.Abs(o.ClDice()-0.6) > 1e-12 {
		t.Errorf("got %v, %v, %v", o.Recall(), o.Precision(), o.ClDice())
	}
	if o = (vessels.Overlap{}); !math.IsNaN(o.Recall()) || !math.IsNaN(o.Precision()) || !math.IsNaN(o.ClDice()) {
		t.Errorf("of nothing: %v, %v, %v", o.Recall(), o.Precision(), o.ClDice())
	}
}

func TestRefusesBadInput(t *testing.T) {
	t.Parallel()
	mask, shape, one := []uint8{1, 1, 0, 0}, [3]int{4, 1, 1}, [3]float64{1, 1, 1}
	for _, spacing := range [][3]float64{{0, 1, 1}, {1, -1, 1}, {1, 1, math.NaN()}, {math.Inf(1), 1, 1}} {
		if _, err := vessels.Measure(t.Context(), mask, shape, spacing); !errors.Is(err, vessels.ErrSpacing) {
			t.Errorf("measuring with spacing %v: %v", spacing, err)
		}
		if _, err := vessels.Length(nil, shape, spacing); !errors.Is(err, vessels.ErrSpacing) {
			t.Errorf("length with spacing %v: %v", spacing, err)
		}
		if _, err := vessels.Radii(t.Context(), mask, shape, spacing, nil, 0); !errors.Is(err, vessels.ErrSpacing) {
			t.Errorf("radii with spacing %v: %v", spacing, err)
		}
	}
	for _, shape := range [][3]int{{2, 1, 1}, {4, 0, 1}, {-2, -2, 1}} {
		if _, err := vessels.Measure(t.Context(), mask, shape, one); !errors.Is(err, topology.ErrInput) {
			t.Errorf("measuring with shape %v: %v", shape, err)
		}
		if _, err := vessels.Trace(t.Context(), mask, mask, shape, 0); !errors.Is(err, skeleton.ErrInput) {
			t.Errorf("tracing with shape %v: %v", shape, err)
		}
		if _, err := vessels.Radii(t.Context(), mask, shape, one, nil, 0); !errors.Is(err, vessels.ErrVoxels) {
			t.Errorf("radii with shape %v: %v", shape, err)
		}
	}
	for _, at := range [][]int32{{4}, {-1}, {1, 1}, {2, 1}} {
		if _, err := vessels.Radii(t.Context(), mask, shape, one, at, 0); !errors.Is(err, vessels.ErrVoxels) {
			t.Errorf("radii at %v: %v", at, err)
		}
		if _, err := vessels.Length(at, shape, one); !errors.Is(err, vessels.ErrVoxels) {
			t.Errorf("length of %v: %v", at, err)
		}
		if _, err := vessels.CompareRadii(t.Context(), mask, mask, shape, one, at, 0); !errors.Is(err, vessels.ErrVoxels) {
			t.Errorf("comparing at %v: %v", at, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := vessels.Measure(ctx, mask, shape, one); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
