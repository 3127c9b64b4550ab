package skeleton_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// unpack reads voxels from hexadecimal bits, the first one lowest.
func unpack(t *testing.T, bits string, n int) []uint8 {
	t.Helper()
	raw, err := hex.DecodeString(bits)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint8, n)
	for i := range out {
		out[i] = raw[i/8] >> (i % 8) & 1
	}
	return out
}

// TestAgreesWithScikitImage compares voxel by voxel; see testdata/masks.py.
func TestAgreesWithScikitImage(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/masks.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) < 80 {
		t.Fatalf("only %d masks", len(lines))
	}
	for i, line := range lines {
		var shape [3]int
		var mask, want string
		if _, err := fmt.Sscan(line, &shape[0], &shape[1], &shape[2], &mask, &want); err != nil {
			t.Fatal(err)
		}
		n := shape[0] * shape[1] * shape[2]
		got, err := skeleton.Thin(t.Context(), unpack(t, mask, n), shape)
		if err != nil {
			t.Fatal(err)
		}
		differ := 0
		for k, v := range unpack(t, want, n) {
			if got[k] != v {
				differ++
			}
		}
		if differ > 0 {
			t.Errorf("mask %d of shape %v: %d voxels differ", i, shape, differ)
		}
	}
}

// TestStaysInsideAndSplitsNothing holds what is certain. Components may vanish:
// like scikit-image, which it must equal, the algorithm takes some pieces of
// three or four voxels away altogether.
func TestStaysInsideAndSplitsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		shape := [3]int{rapid.IntRange(1, 9).Draw(rt, "nx"), rapid.IntRange(2, 9).Draw(rt, "ny"), rapid.IntRange(2, 9).Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		mask := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 1}), n, n).Draw(rt, "mask")
		before := slices.Clone(mask)
		thin, err := skeleton.Thin(t.Context(), mask, shape)
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.Equal(mask, before) {
			rt.Fatal("the mask was changed")
		}
		for i, v := range thin {
			if v > mask[i] {
				rt.Fatalf("voxel %d is on the skeleton but not in the mask", i)
			}
		}
		a, err := topology.Count(t.Context(), mask, shape)
		if err != nil {
			rt.Fatal(err)
		}
		b, err := topology.Count(t.Context(), thin, shape)
		if err != nil {
			rt.Fatal(err)
		}
		if b.Components > a.Components || b.Cavities > a.Cavities {
			rt.Fatalf("topology was %+v, is %+v", a, b)
		}
	})
}

// TestPiecesAreThinnedByThemselves moves a mask about in a larger volume, beside
// another: neither what surrounds a piece nor where it lies matters.
func TestPiecesAreThinnedByThemselves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(2, 7)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		voxels := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 1, 1}), n, n)
		offset := rapid.IntRange(0, 9)
		at := [3]int{offset.Draw(rt, "x"), offset.Draw(rt, "y"), offset.Draw(rt, "z")}
		large := [3]int{at[0] + 2*shape[0] + 1, at[1] + shape[1], at[2] + shape[2]}
		both, want := make([]uint8, large[0]*large[1]*large[2]), make([]uint8, large[0]*large[1]*large[2])
		for k := range 2 {
			mask := voxels.Draw(rt, "mask")
			thin, err := skeleton.Thin(t.Context(), mask, shape)
			if err != nil {
				rt.Fatal(err)
			}
			for i, v := range mask {
				x, y, z := at[0]+i%shape[0]+k*(shape[0]+1), at[1]+i/shape[0]%shape[1], at[2]+i/shape[0]/shape[1]
				j := x + large[0]*(y+large[1]*z)
				both[j], want[j] = v, thin[i]
			}
		}
		got, err := skeleton.Thin(t.Context(), both, large)
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%v instead of %v", got, want)
		}
		listed, err := skeleton.Voxels(t.Context(), both, large)
		if err != nil || !slices.IsSorted(listed) {
			rt.Fatalf("listed %v, %v", listed, err)
		}
		for _, i := range listed {
			want[i]--
		}
		if slices.Max(want) != 0 {
			rt.Fatalf("listed %v", listed)
		}
	})
}

// FuzzThin looks for masks that make it leave the volume or its contract.
func FuzzThin(f *testing.F) {
	f.Add(uint8(3), uint8(3), []byte{0xff, 0xef, 0xff, 0x07})
	f.Add(uint8(1), uint8(9), []byte("flat along x, which has four sides"))
	f.Fuzz(func(t *testing.T, nx, ny uint8, raw []byte) {
		shape := [3]int{max(int(nx)%70, 1), max(int(ny)%40, 1), 0}
		shape[2] = len(raw) * 8 / (shape[0] * shape[1])
		n := shape[0] * shape[1] * shape[2]
		if n == 0 || n > 1<<16 {
			return
		}
		mask := make([]uint8, n)
		for i := range mask {
			mask[i] = raw[i/8] >> (i % 8) & 1
		}
		thin, err := skeleton.Thin(t.Context(), mask, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range thin {
			if v > mask[i] {
				t.Fatalf("voxel %d is on the skeleton but not in the mask", i)
			}
		}
		again, err := skeleton.Thin(t.Context(), thin, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range again {
			if v > thin[i] {
				t.Fatalf("voxel %d came back", i)
			}
		}
	})
}

func TestRefusesWhatIsNoVolume(t *testing.T) {
	t.Parallel()
	for _, shape := range [][3]int{{0, 1, 1}, {2, -1, 1}, {2, 2, 2}, {1 << 20, 1 << 20, 1 << 20}} {
		if _, err := skeleton.Thin(t.Context(), make([]uint8, 3), shape); !errors.Is(err, skeleton.ErrInput) {
			t.Errorf("shape %v: %v", shape, err)
		}
	}
}

func TestStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := skeleton.Thin(ctx, []uint8{1, 1, 1, 1}, [3]int{2, 2, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
