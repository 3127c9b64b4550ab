package ring_test

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/ring"
)

// heard keeps what is reported for each voxel.
type heard struct {
	mu      sync.Mutex
	shape   [3]int
	spacing [3]float64
	squared map[int]float64
	twice   bool
}

func (h *heard) Found(x, row, dx, dy, dz int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := x + h.shape[0]*row
	_, again := h.squared[at]
	h.twice = h.twice || again
	a, b, c := float64(dx)*h.spacing[0], float64(dy)*h.spacing[1], float64(dz)*h.spacing[2]
	h.squared[at] = a*a + b*b + c*c
}

func search(t *testing.T, queries, targets []uint8, shape [3]int, spacing [3]float64) map[int]float64 {
	t.Helper()
	q, err := bitmask.Pack(t.Context(), queries, shape, 1)
	if err != nil {
		t.Fatal(err)
	}
	to, err := bitmask.Pack(t.Context(), targets, shape, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{shape: shape, spacing: spacing, squared: map[int]float64{}}
	if err := ring.Search(t.Context(), q, to, spacing, 2, func() edt.Sink { return h }); err != nil {
		t.Fatal(err)
	}
	if h.twice {
		t.Fatal("a query was reported twice")
	}
	return h.squared
}

func TestAgreesWithTheTransform(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		shape := [3]int{
			rapid.IntRange(1, 200).Draw(rt, "nx"), rapid.IntRange(1, 24).Draw(rt, "ny"), rapid.IntRange(1, 24).Draw(rt, "nz"),
		}
		n := shape[0] * shape[1] * shape[2]
		queries, targets := make([]uint8, n), make([]uint8, n)
		random := rapid.Uint64().Draw(rt, "seed")
		fill := func(mask []uint8, every int) {
			for i := range mask {
				random = random*6364136223846793005 + 1442695040888963407
				if int(random>>33)%every == 0 {
					mask[i] = 1
				}
			}
		}
		fill(queries, rapid.SampledFrom([]int{1, 3, 40, 1000}).Draw(rt, "queries"))
		fill(targets, rapid.SampledFrom([]int{1, 5, 100, 5000, 1 << 30}).Draw(rt, "targets"))
		targets[rapid.IntRange(0, n-1).Draw(rt, "one target")] = 1
		length := rapid.Float64Range(0.1, 5)
		spacing := [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")}
		got := search(t, queries, targets, shape, spacing)
		want := make([]float64, n)
		if err := edt.Squared(t.Context(), want, targets, shape, spacing, 1); err != nil {
			rt.Fatal(err)
		}
		for i, asked := range queries {
			d, ok := got[i]
			if ok != (asked != 0) || ok && math.Abs(d-want[i]) > 1e-12*want[i] {
				rt.Fatalf("voxel %d of %v at %v: %v (reported %v), want %v", i, shape, spacing, d, ok, want[i])
			}
		}
	})
}

var _ = fmt.Sprint
