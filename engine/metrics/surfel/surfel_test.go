package surfel_test

import (
	"errors"
	"math"
	"testing"

	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/surfel"
)

// cube is a solid cube of the given side.
func cube(side, from int) *bitmask.Volume {
	mask := bitmask.New([3]int{12, 12, 12})
	for z := from; z < from+side; z++ {
		for y := from; y < from+side; y++ {
			for x := from; x < from+side; x++ {
				mask.Set(x, y+12*z)
			}
		}
	}
	return mask
}

func TestEqualSurfacesCoincide(t *testing.T) {
	t.Parallel()
	mask := cube(4, 3)
	d, err := surfel.Measure(t.Context(), mask, mask, [3]float64{1, 2, 3}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Percentile(95) != 0 || d.Within(0) != 1 {
		t.Errorf("HD95 %v, NSD %v", d.Percentile(95), d.Within(0))
	}
}

func TestNestedCubesAreOneVoxelApart(t *testing.T) {
	t.Parallel()
	inner := cube(4, 4)
	outer := cube(6, 3)
	d, err := surfel.Measure(t.Context(), inner, outer, [3]float64{1, 1, 1}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Percentile(50); got != 1 {
		t.Errorf("median distance %v, want 1", got)
	}
	if got := d.Percentile(100); math.Abs(got-math.Sqrt(3)) > 1e-12 {
		t.Errorf("greatest distance %v, want √3 at the corners", got)
	}
	if got := d.Within(0.99); got != 0 {
		t.Errorf("NSD at 0.99 = %v, want 0", got)
	}
	if got := d.Within(1); got < 0.6 || got >= 1 {
		t.Errorf("NSD at 1 = %v, want all faces but not edges and corners", got)
	}
}

func TestRefusesUnusableMasks(t *testing.T) {
	t.Parallel()
	mask, empty := cube(2, 5), bitmask.New([3]int{12, 12, 12})
	for name, pair := range map[string][2]*bitmask.Volume{
		"empty": {mask, empty}, "both empty": {empty, empty}, "another shape": {mask, bitmask.New([3]int{12, 12, 11})},
	} {
		if _, err := surfel.Measure(t.Context(), pair[0], pair[1], [3]float64{1, 1, 1}, 0, nil); !errors.Is(err, surfel.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
