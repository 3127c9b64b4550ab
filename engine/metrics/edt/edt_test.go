package edt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
)

// brute measures every voxel against every marked one.
func brute(marked []uint8, shape [3]int, spacing [3]float64) []float64 {
	out := make([]float64, len(marked))
	for i := range out {
		out[i] = math.Inf(1)
		for j, m := range marked {
			if m == 0 {
				continue
			}
			dx := float64(i%shape[0]-j%shape[0]) * spacing[0]
			dy := float64(i/shape[0]%shape[1]-j/shape[0]%shape[1]) * spacing[1]
			dz := float64(i/shape[0]/shape[1]-j/shape[0]/shape[1]) * spacing[2]
			out[i] = min(out[i], dx*dx+dy*dy+dz*dz)
		}
	}
	return out
}

// drawMarks draws a volume, sometimes long along one axis, with few or many marks.
func drawMarks(rt *rapid.T) (marked []uint8, shape [3]int) {
	side := rapid.IntRange(1, 9)
	shape = [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
	shape[rapid.IntRange(0, 2).Draw(rt, "long axis")] = rapid.IntRange(1, 40).Draw(rt, "length")
	n := shape[0] * shape[1] * shape[2]
	marked = make([]uint8, n)
	random, one := rapid.Uint64().Draw(rt, "seed"), rapid.SampledFrom([]uint64{2, 5, 30, 300}).Draw(rt, "one in")
	for i := range marked {
		random = random*6364136223846793005 + 1442695040888963407
		if random>>33%one == 0 {
			marked[i] = 1
		}
	}
	return marked, shape
}

// near tells whether numbers agree to a relative precision, infinities exactly.
func near(got, want, precision float64) bool {
	return got == want || math.Abs(got-want) <= precision*want
}

func TestAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		marked, shape := drawMarks(rt)
		length := rapid.Float64Range(0.05, 5)
		spacing := [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")}
		double, single := make([]float64, len(marked)), make([]float32, len(marked))
		if err := edt.Squared(t.Context(), double, marked, shape, spacing, 3); err != nil {
			rt.Fatal(err)
		}
		if err := edt.Squared(t.Context(), single, marked, shape, spacing, 3); err != nil {
			rt.Fatal(err)
		}
		for i, want := range brute(marked, shape, spacing) {
			if !near(double[i], want, 1e-12) || !near(float64(single[i]), want, 1e-6) {
				rt.Fatalf("voxel %d: %v and %v, want %v", i, double[i], single[i], want)
			}
		}
	})
}

func TestWholeSpacingsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		marked, shape := drawMarks(rt)
		length := rapid.SampledFrom([]float64{1, 2, 3, 7, 50})
		spacing := [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")}
		whole, single := make([]uint32, len(marked)), make([]float32, len(marked))
		if err := edt.Squared(t.Context(), whole, marked, shape, spacing, 2); err != nil {
			rt.Fatal(err)
		}
		if err := edt.Squared(t.Context(), single, marked, shape, spacing, 2); err != nil {
			rt.Fatal(err)
		}
		for i, want := range brute(marked, shape, spacing) {
			if math.IsInf(want, 1) {
				want = edt.Unreached
			} else if want < 1<<24 && float64(single[i]) != want {
				rt.Fatalf("voxel %d: %v in single precision, want %v", i, single[i], want)
			}
			if float64(whole[i]) != want {
				rt.Fatalf("voxel %d: %d, want %v", i, whole[i], want)
			}
		}
	})
}

// sum is a sink that keeps squared distances by voxel.
type sum struct {
	nx      int
	spacing [3]float64
	squared map[int]float64
}

func (s *sum) Found(x, row, dx, dy, dz int) {
	a, b, c := float64(dx)*s.spacing[0], float64(dy)*s.spacing[1], float64(dz)*s.spacing[2]
	s.squared[x+s.nx*row] = a*a + b*b + c*c
}

func nearest(t *testing.T, queries, targets []uint8, shape [3]int, spacing [3]float64) map[int]float64 {
	t.Helper()
	q, err := bitmask.Pack(t.Context(), queries, shape, 1)
	if err != nil {
		t.Fatal(err)
	}
	to, err := bitmask.Pack(t.Context(), targets, shape, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &sum{shape[0], spacing, map[int]float64{}}
	if err := edt.Nearest(t.Context(), q, to, spacing, 1, nil, func() edt.Sink { return s }); err != nil {
		t.Fatal(err)
	}
	return s.squared
}

func TestNearestAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		targets, shape := drawMarks(rt)
		targets[rapid.IntRange(0, len(targets)-1).Draw(rt, "one target")] = 1
		queries := make([]uint8, len(targets))
		for i := range queries {
			queries[i] = uint8(i * i % 3 % 2)
		}
		length := rapid.Float64Range(0.05, 5)
		spacing := [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")}
		got := nearest(t, queries, targets, shape, spacing)
		for i, want := range brute(targets, shape, spacing) {
			d, ok := got[i]
			if ok != (queries[i] == 1) || ok && !near(d, want, 1e-12) {
				rt.Fatalf("voxel %d: %v, want %v", i, d, want)
			}
		}
	})
}

// TestManySlices needs more than 16 bits for the steps along z.
func TestManySlices(t *testing.T) {
	t.Parallel()
	shape := [3]int{2, 1, 40000}
	queries, targets := make([]uint8, 80000), make([]uint8, 80000)
	queries[0], targets[79999] = 1, 1
	got := nearest(t, queries, targets, shape, [3]float64{3, 1, 1})
	if want := 9.0 + 39999*39999; len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestVeryFlatVoxels has parabolas that cross farther out than integers reach.
func TestVeryFlatVoxels(t *testing.T) {
	t.Parallel()
	marked := []uint8{0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0}
	shape, spacing := [3]int{3, 2, 2}, [3]float64{1e-9, 1, 1e9}
	got := make([]float64, len(marked))
	if err := edt.Squared(t.Context(), got, marked, shape, spacing, 1); err != nil {
		t.Fatal(err)
	}
	for i, want := range brute(marked, shape, spacing) {
		if !near(got[i], want, 1e-12) {
			t.Errorf("voxel %d: %v, want %v", i, got[i], want)
		}
	}
}

func TestNothingMarkedIsInfinitelyFar(t *testing.T) {
	t.Parallel()
	got := make([]float64, 24)
	if err := edt.Squared(t.Context(), got, make([]uint8, 24), [3]int{2, 3, 4}, [3]float64{1, 1, 1}, 0); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if !math.IsInf(v, 1) {
			t.Fatalf("voxel %d: %v", i, v)
		}
	}
}

func TestRefusesWhatItCannotTransform(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		results int
		shape   [3]int
		spacing [3]float64
		want    error
	}{
		"another number of results": {7, [3]int{2, 2, 2}, [3]float64{1, 1, 1}, edt.ErrShape},
		"no voxels":                 {8, [3]int{0, 2, 2}, [3]float64{1, 1, 1}, edt.ErrShape},
		"a shape that overflows":    {8, [3]int{1 << 62, 4, 2}, [3]float64{1, 1, 1}, edt.ErrShape},
		"no spacing":                {8, [3]int{2, 2, 2}, [3]float64{1, 0, 1}, edt.ErrSpacing},
		"negative spacing":          {8, [3]int{2, 2, 2}, [3]float64{1, 1, -1}, edt.ErrSpacing},
		"spacing not a number":      {8, [3]int{2, 2, 2}, [3]float64{math.NaN(), 1, 1}, edt.ErrSpacing},
		"endless spacing":           {8, [3]int{2, 2, 2}, [3]float64{math.Inf(1), 1, 1}, edt.ErrSpacing},
		"a fraction as integers":    {8, [3]int{2, 2, 2}, [3]float64{1, 1, 1.5}, edt.ErrSpacing},
		"too far for integers":      {8, [3]int{2, 2, 2}, [3]float64{1, 1, 1 << 16}, edt.ErrSpacing},
	}
	for name, test := range tests {
		err := edt.Squared(t.Context(), make([]uint32, test.results), make([]uint8, 8), test.shape, test.spacing, 0)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one := func() edt.Sink { return &sum{} }
	if err := edt.Nearest(t.Context(), bitmask.New([3]int{1, 2, 3}), bitmask.New([3]int{3, 2, 1}), [3]float64{1, 1, 1}, 1, nil, one); !errors.Is(err, edt.ErrShape) {
		t.Errorf("got %v", err)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := edt.Squared(ctx, make([]float64, 8), make([]uint8, 8), [3]int{2, 2, 2}, [3]float64{1, 1, 1}, 0)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkSquared(b *testing.B) {
	shape := [3]int{512, 512, 64}
	n := shape[0] * shape[1] * shape[2]
	marked, dst := make([]uint8, n), make([]float32, n)
	for i := 0; i < n; i += 997 {
		marked[i] = 1
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				if err := edt.Squared(b.Context(), dst, marked, shape, [3]float64{1, 1, 2}, threads); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestVectorsAgreeWithEnvelopes: single precision looks around every sample where
// that is quick; double precision never does.
func TestVectorsAgreeWithEnvelopes(t *testing.T) {
	t.Parallel()
	random := uint64(1)
	for _, shape := range [][3]int{{75, 60, 4}, {32, 2, 2}, {31, 40, 1}, {16, 301, 2}, {700, 17, 2}, {33, 33, 33}} {
		for _, one := range []uint64{2, 50, 2000, 1 << 60} {
			for _, spacing := range [][3]float64{{1, 1, 2}, {0.31, 0.7, 4.97}, {5, 0.1, 1}} {
				marked := make([]uint8, shape[0]*shape[1]*shape[2])
				for i := range marked {
					random = random*6364136223846793005 + 1442695040888963407
					if random>>33%one == 0 {
						marked[i] = 1
					}
				}
				marked[0] = 1
				single, double := make([]float32, len(marked)), make([]float64, len(marked))
				if err := edt.Squared(t.Context(), single, marked, shape, spacing, 2); err != nil {
					t.Fatal(err)
				}
				if err := edt.Squared(t.Context(), double, marked, shape, spacing, 2); err != nil {
					t.Fatal(err)
				}
				for i, want := range double {
					if !near(float64(single[i]), want, 1e-6) {
						t.Fatalf("%v at %v, one in %d: voxel %d is %v, want %v", shape, spacing, one, i, single[i], want)
					}
				}
			}
		}
	}
}
