package ring_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	if err := ring.Search(t.Context(), q, to, spacing, 2, &edt.Scratch{}, func() edt.Sink { return h }); err != nil {
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

// spread puts one voxel in so many into a mask, but for the slices from to on.
func spread(shape [3]int, one uint64, slices int) []uint8 {
	mask := make([]uint8, shape[0]*shape[1]*shape[2])
	random := one
	for i := range shape[0] * shape[1] * slices {
		random = random*6364136223846793005 + 1442695040888963407
		if random>>33%one == 0 {
			mask[i] = 1
		}
	}
	return mask
}

// TestEveryWayAgrees makes each way be taken: rings alone, larger rings for a few,
// the transform for those left over, and for all at once.
func TestEveryWayAgrees(t *testing.T) {
	t.Parallel()
	shape, spacing := [3]int{100, 60, 40}, [3]float64{0.7, 0.5, 1.3}
	near := spread(shape, 20, 40)
	lonely := spread(shape, 50, 2)
	lonely[99+100*(59+60*39)] = 1
	tests := map[string]struct{ queries, targets []uint8 }{
		"all near":                 {spread(shape, 3, 40), near},
		"a few far":                {lonely, spread(shape, 20, 3)},
		"half of the targets gone": {near, spread(shape, 20, 20)},
		"one target for all":       {near, append([]uint8{1}, make([]uint8, len(near)-1)...)},
		"sparse in dense":          {spread(shape, 5000, 40), spread(shape, 2, 40)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := search(t, test.queries, test.targets, shape, spacing)
			want := make([]float64, len(near))
			if err := edt.Squared(t.Context(), want, test.targets, shape, spacing, 1); err != nil {
				t.Fatal(err)
			}
			for i, asked := range test.queries {
				d, ok := got[i]
				if ok != (asked != 0) || ok && math.Abs(d-want[i]) > 1e-12*want[i] {
					t.Fatalf("voxel %d: %v (reported %v), want %v", i, d, ok, want[i])
				}
			}
		})
	}
}

func TestRefusesVolumesThatDoNotFit(t *testing.T) {
	t.Parallel()
	sink := func() edt.Sink { return ring.NewTally() }
	some, other := bitmask.New([3]int{3, 3, 3}), bitmask.New([3]int{3, 3, 2})
	some.Set(1, 1)
	other.Set(1, 1)
	none := bitmask.New([3]int{3, 3, 3})
	for name, pair := range map[string][2]*bitmask.Volume{"another shape": {some, other}, "no target": {some, none}} {
		if err := ring.Search(t.Context(), pair[0], pair[1], [3]float64{1, 1, 1}, 1, nil, sink); !errors.Is(err, ring.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ring.Search(t.Context(), none, some, [3]float64{1, 1, 1}, 1, nil, sink); err != nil {
		t.Errorf("no query: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ring.Search(ctx, some, some, [3]float64{1, 1, 1}, 1, nil, sink); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTalliesAddUp(t *testing.T) {
	t.Parallel()
	a, b := ring.NewTally(), ring.NewTally()
	a.Kinds = func(x, _ int) uint8 { return uint8(x) }
	a.Found(0, 0, 3, 4, 0)  // 5² of kind 0
	b.Found(9, 9, 5, 0, 0)  // the same
	a.Found(2, 0, 0, 0, 5)  // the same distance, of kind 2
	b.Found(0, 0, 0, 16, 0) // beyond the table
	b.Found(0, 0, 0, 16, 0)
	a.Found(0, 1, 0, 0, 0)
	want := []ring.Count{{0, 0, 1}, {25, 0, 2}, {25, 2, 1}, {256, 0, 2}}
	if d := cmp.Diff(want, ring.Counts([3]float64{1, 1, 1}, a, b)); d != "" {
		t.Error(d)
	}
}
