package bitmask_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
)

// drawMask draws a volume of one byte a voxel whose rows may cross words.
func drawMask(rt *rapid.T) (data []uint8, shape [3]int) {
	shape = [3]int{
		rapid.SampledFrom([]int{1, 2, 7, 8, 63, 64, 65, 130}).Draw(rt, "nx"),
		rapid.IntRange(1, 5).Draw(rt, "ny"), rapid.IntRange(1, 5).Draw(rt, "nz"),
	}
	data = make([]uint8, shape[0]*shape[1]*shape[2])
	random, one := rapid.Uint64().Draw(rt, "seed"), rapid.SampledFrom([]uint64{1, 2, 10, 1 << 62}).Draw(rt, "one in")
	for i := range data {
		random = random*6364136223846793005 + 1442695040888963407
		if random>>33%one == 0 {
			data[i] = 1
		}
	}
	return data, shape
}

func pack(t *testing.T, data []uint8, shape [3]int) *bitmask.Volume {
	t.Helper()
	v, err := bitmask.Pack(t.Context(), data, shape, 2)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// at reads a voxel; what lies outside is 0.
func at(data []uint8, shape [3]int, x, y, z int) uint8 {
	if x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2] {
		return 0
	}
	return data[x+shape[0]*(y+shape[1]*z)]
}

func TestPackedVolumesAreWhatWasPacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		data, shape := drawMask(rt)
		v := pack(t, data, shape)
		if d := cmp.Diff(data, v.Unpack()); d != "" {
			rt.Fatal(d)
		}
		n := 0
		for i, set := range data {
			n += int(set)
			if v.Has(i%shape[0], i/shape[0]) != (set == 1) {
				rt.Fatalf("voxel %d", i)
			}
		}
		if v.Count() != n || bitmask.Common(v, v) != n {
			rt.Fatalf("counted %d and %d, want %d", v.Count(), bitmask.Common(v, v), n)
		}
		other := bitmask.New(shape)
		other.Set(shape[0]-1, 0)
		v.Remove(other)
		if v.Has(shape[0]-1, 0) || v.Count() != n-int(data[shape[0]-1]) {
			rt.Fatal("the voxel was not removed alone")
		}
	})
}

func TestAVoxelThatIsNeither0Nor1IsNamed(t *testing.T) {
	t.Parallel()
	for _, index := range []int{0, 7, 8, 70, 139} {
		data := make([]uint8, 140)
		data[index] = 3
		_, err := bitmask.Pack(t.Context(), data, [3]int{70, 2, 1}, 1)
		if bad := (*bitmask.Bad)(nil); !errors.As(err, &bad) || bad.Index != index || bad.Value != 3 {
			t.Errorf("voxel %d: %v", index, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bitmask.Pack(ctx, make([]uint8, 8), [3]int{8, 1, 1}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBoxesAreTightAndCropsAreCopies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		data, shape := drawMask(rt)
		v := pack(t, data, shape)
		first, size := bitmask.Bounds(v, bitmask.New(shape))
		if v.Count() == 0 {
			if size != [3]int{} {
				rt.Fatalf("box %v of nothing", size)
			}
			return
		}
		lo, hi := shape, [3]int{}
		for i, set := range data {
			if set == 1 {
				for axis, k := range [3]int{i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]} {
					lo[axis], hi[axis] = min(lo[axis], k), max(hi[axis], k)
				}
			}
		}
		if first != lo || size != [3]int{hi[0] - lo[0] + 1, hi[1] - lo[1] + 1, hi[2] - lo[2] + 1} {
			rt.Fatalf("box %v of %v, want %v to %v", first, size, lo, hi)
		}
		keep := [256]bool{1: true}
		selected, err := bitmask.Select(t.Context(), data, shape, first, size, &keep, 2)
		if err != nil {
			rt.Fatal(err)
		}
		crop := v.Crop(first, size)
		for i, set := range crop.Unpack() {
			x, y, z := i%size[0], i/size[0]%size[1], i/size[0]/size[1]
			if want := at(data, shape, first[0]+x, first[1]+y, first[2]+z); set != want {
				rt.Fatalf("voxel (%d, %d, %d) of the crop is %d", x, y, z, set)
			}
		}
		if !slices.Equal(crop.Unpack(), selected.Unpack()) || crop.Count() != v.Count() {
			rt.Fatal("cropping and selecting differ")
		}
	})
}

func TestBordersAndCornersByBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		data, shape := drawMask(rt)
		v := pack(t, data, shape)
		border, err := v.Border(t.Context(), 2)
		if err != nil {
			rt.Fatal(err)
		}
		corners, err := v.Corners(t.Context(), 2)
		if err != nil {
			rt.Fatal(err)
		}
		for i, got := range border.Unpack() {
			x, y, z := i%shape[0], i/shape[0]%shape[1], i/shape[0]/shape[1]
			inner := at(data, shape, x-1, y, z) & at(data, shape, x+1, y, z) & at(data, shape, x, y-1, z) &
				at(data, shape, x, y+1, z) & at(data, shape, x, y, z-1) & at(data, shape, x, y, z+1)
			if got != data[i]&^inner {
				rt.Fatalf("border at (%d, %d, %d) is %d", x, y, z, got)
			}
		}
		side := corners.Shape
		for i, got := range corners.Unpack() {
			x, y, z := i%side[0], i/side[0]%side[1], i/side[0]/side[1]
			var set uint8
			for k := range 8 {
				set += at(data, shape, x-k&1, y-k>>1&1, z-k>>2)
			}
			if (got == 1) != (set > 0 && set < 8) {
				rt.Fatalf("corner at (%d, %d, %d) is %d with %d voxels around it", x, y, z, got, set)
			}
		}
	})
}

func TestBytesIsWhatAVolumeTakes(t *testing.T) {
	t.Parallel()
	for _, shape := range [][3]int{{1, 1, 1}, {64, 3, 2}, {65, 3, 2}} {
		words, _, _ := bitmask.New(shape).Padded()
		if int64(8*len(words)) != bitmask.Bytes(shape) {
			t.Errorf("%v: %d words, %d bytes", shape, len(words), bitmask.Bytes(shape))
		}
	}
}
