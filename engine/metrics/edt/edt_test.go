package edt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/edt"
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

func TestAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 10)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		length := rapid.Float64Range(0.05, 5)
		spacing := [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")}
		n := shape[0] * shape[1] * shape[2]
		marked := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 0, 0, 1}), n, n).Draw(rt, "marked")
		got := make([]float64, n)
		if err := edt.Squared(t.Context(), got, marked, shape, spacing, 3); err != nil {
			rt.Fatal(err)
		}
		for i, want := range brute(marked, shape, spacing) {
			if got[i] != want && math.Abs(got[i]-want) > 1e-12*want {
				rt.Fatalf("voxel %d: %v, want %v", i, got[i], want)
			}
		}
	})
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

func TestRefusesArraysOfAnotherShape(t *testing.T) {
	t.Parallel()
	err := edt.Squared(t.Context(), make([]float64, 7), make([]uint8, 8), [3]int{2, 2, 2}, [3]float64{1, 1, 1}, 0)
	if !errors.Is(err, edt.ErrShape) {
		t.Fatalf("got %v", err)
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
	marked, dst := make([]uint8, n), make([]float64, n)
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
