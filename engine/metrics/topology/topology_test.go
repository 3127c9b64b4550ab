package topology_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// flood counts pieces by visiting neighbours one by one, on a volume with a
// layer of background around it.
func flood(mask []uint8, shape [3]int, value uint8, reach int) int {
	side := [3]int{shape[0] + 2, shape[1] + 2, shape[2] + 2}
	cells := make([]uint8, side[0]*side[1]*side[2])
	at := func(x, y, z int) int { return x + side[0]*(y+side[1]*z) }
	for i, v := range mask {
		cells[at(1+i%shape[0], 1+i/shape[0]%shape[1], 1+i/shape[0]/shape[1])] = v
	}
	seen := make([]bool, len(cells))
	pieces := 0
	for start := range cells {
		if seen[start] || cells[start] != value {
			continue
		}
		pieces++
		seen[start] = true
		for stack := []int{start}; len(stack) > 0; {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for k := range 27 {
				d := [3]int{k%3 - 1, k/3%3 - 1, k/9 - 1}
				x, y, z := i%side[0]+d[0], i/side[0]%side[1]+d[1], i/side[0]/side[1]+d[2]
				if d[0]*d[0]+d[1]*d[1]+d[2]*d[2] > reach || min(x, y, z) < 0 || x >= side[0] || y >= side[1] || z >= side[2] {
					continue
				}
				if j := at(x, y, z); !seen[j] && cells[j] == value {
					seen[j] = true
					stack = append(stack, j)
				}
			}
		}
	}
	return pieces
}

// cells is the Euler characteristic by its definition: corners less edges plus
// faces less voxels of the union of closed voxels. On a grid of twice the
// resolution, cells of dimension d have d odd coordinates.
func cells(mask []uint8, shape [3]int) int {
	seen := map[[3]int]bool{}
	for i, v := range mask {
		if v == 0 {
			continue
		}
		for k := range 27 {
			seen[[3]int{
				2*(i%shape[0]) + k%3,
				2*(i/shape[0]%shape[1]) + k/3%3,
				2*(i/shape[0]/shape[1]) + k/9,
			}] = true
		}
	}
	sum := 0
	for cell := range seen {
		sum += 1 - 2*((cell[0]&1)^(cell[1]&1)^(cell[2]&1))
	}
	return sum
}

func TestAgreesWithFloodFill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 8)
		shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
		n := shape[0] * shape[1] * shape[2]
		ones := rapid.IntRange(1, 9).Draw(rt, "density")
		mask := make([]uint8, n)
		for i := range mask {
			if rapid.IntRange(0, 9).Draw(rt, "voxel") < ones {
				mask[i] = 1
			}
		}
		got, err := topology.Count(t.Context(), mask, shape)
		if err != nil {
			rt.Fatal(err)
		}
		want := topology.Counts{Components: flood(mask, shape, 1, 3), Cavities: flood(mask, shape, 0, 1) - 1, Euler: cells(mask, shape)}
		want.Loops = want.Components + want.Cavities - want.Euler
		if got != want {
			rt.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestAHollowCubeHasOneCavity(t *testing.T) {
	t.Parallel()
	mask := make([]uint8, 27)
	for i := range mask {
		mask[i] = 1
	}
	mask[13] = 0
	got, err := topology.Count(t.Context(), mask, [3]int{3, 3, 3})
	if err != nil || got != (topology.Counts{Components: 1, Cavities: 1, Euler: 2}) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestRefusesWhatIsNoVolume(t *testing.T) {
	t.Parallel()
	for _, shape := range [][3]int{{0, 1, 1}, {-1, -1, 3}, {2, 2, 2}, {1 << 20, 1 << 20, 1 << 20}} {
		if _, err := topology.Count(t.Context(), make([]uint8, 3), shape); !errors.Is(err, topology.ErrInput) {
			t.Errorf("shape %v: %v", shape, err)
		}
		if _, err := topology.Label(t.Context(), make([]uint8, 3), shape); !errors.Is(err, topology.ErrInput) {
			t.Errorf("shape %v: %v", shape, err)
		}
	}
	if _, err := topology.LabelBy(t.Context(), []uint8{1}, [3]int{1, 1, 1}, 8); !errors.Is(err, topology.ErrConnectivity) {
		t.Errorf("connectivity 8: %v", err)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := topology.Count(ctx, []uint8{1}, [3]int{1, 1, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("counting: %v", err)
	}
	if _, err := topology.Label(ctx, []uint8{1}, [3]int{1, 1, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("labelling: %v", err)
	}
}
