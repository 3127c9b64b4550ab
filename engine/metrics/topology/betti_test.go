package topology_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// unpack reads voxels from bits, the first one lowest.
func unpack(raw []byte, n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = raw[i/8] >> (i % 8) & 1
	}
	return out
}

// TestAgreesWithGUDHI holds Betti numbers to GUDHI's cubical complex and pieces
// to connected-components-3d; see scripts/peers/metrics_topology_fixture.py.
func TestAgreesWithGUDHI(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/betti.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) < 70 {
		t.Fatalf("only %d masks", len(lines))
	}
	for _, line := range lines {
		var name, bits string
		var shape [3]int
		var want topology.Counts
		var pieces int
		if _, err := fmt.Sscan(line, &name, &shape[0], &shape[1], &shape[2],
			&want.Components, &want.Loops, &want.Cavities, &pieces, &bits); err != nil {
			t.Fatal(err)
		}
		want.Euler = want.Components - want.Loops + want.Cavities
		raw, err := hex.DecodeString(bits)
		if err != nil {
			t.Fatal(err)
		}
		mask := unpack(raw, shape[0]*shape[1]*shape[2])
		got, err := topology.Count(t.Context(), mask, shape)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s of shape %v: got %+v, want %+v", name, shape, got, want)
		}
		labels, err := topology.Label(t.Context(), mask, shape)
		if err != nil {
			t.Fatal(err)
		}
		if labels.Number != pieces {
			t.Errorf("%s of shape %v: %d pieces, connected-components-3d finds %d", name, shape, labels.Number, pieces)
		}
	}
}

// drawn is a random mask, wide enough along x at times to take two words.
func drawn(rt *rapid.T) ([]uint8, [3]int) {
	shape := [3]int{rapid.IntRange(1, 9).Draw(rt, "nx"), rapid.IntRange(1, 7).Draw(rt, "ny"), rapid.IntRange(1, 6).Draw(rt, "nz")}
	if rapid.Bool().Draw(rt, "wide") {
		shape[0] += 61
	}
	mask := make([]uint8, shape[0]*shape[1]*shape[2])
	state := rapid.Uint64().Draw(rt, "seed")
	ones := rapid.Uint64Range(0, 16).Draw(rt, "sixteenths")
	for i := range mask {
		state = state*6364136223846793005 + 1442695040888963407
		if state>>60 < ones {
			mask[i] = 1
		}
	}
	return mask, shape
}

// turned returns a mask with its axes in another order and some reversed.
func turned(mask []uint8, shape [3]int, axes [3]int, flip [3]bool) ([]uint8, [3]int) {
	to := [3]int{shape[axes[0]], shape[axes[1]], shape[axes[2]]}
	out := make([]uint8, len(mask))
	for i, v := range mask {
		from := [3]int{i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]}
		var p [3]int
		for k, axis := range axes {
			p[k] = from[axis]
			if flip[k] {
				p[k] = to[k] - 1 - p[k]
			}
		}
		out[p[0]+to[0]*(p[1]+to[1]*p[2])] = v
	}
	return out, to
}

func count(rt *rapid.T, mask []uint8, shape [3]int) topology.Counts {
	c, err := topology.Count(rt.Context(), mask, shape)
	if err != nil {
		rt.Fatal(err)
	}
	return c
}

func TestCountsDoNotDependOnTheAxes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mask, shape := drawn(rt)
		axes := rapid.Permutation([]int{0, 1, 2}).Draw(rt, "axes")
		flip := [3]bool{rapid.Bool().Draw(rt, "x"), rapid.Bool().Draw(rt, "y"), rapid.Bool().Draw(rt, "z")}
		other, otherShape := turned(mask, shape, [3]int(axes), flip)
		if a, b := count(rt, mask, shape), count(rt, other, otherShape); a != b {
			rt.Fatalf("%+v, turned %+v", a, b)
		}
	})
}

func TestCountsAddUpOverSeparateMasks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mask, shape := drawn(rt)
		again := make([]uint8, len(mask))
		for i, v := range mask {
			again[i] = v & mask[len(mask)-1-i]
		}
		gap := make([]uint8, shape[0]*shape[1])
		both := slices.Concat(mask, gap, again)
		a, b := count(rt, mask, shape), count(rt, again, shape)
		got := count(rt, both, [3]int{shape[0], shape[1], 2*shape[2] + 1})
		want := topology.Counts{
			Components: a.Components + b.Components, Loops: a.Loops + b.Loops,
			Cavities: a.Cavities + b.Cavities, Euler: a.Euler + b.Euler,
		}
		if got != want {
			rt.Fatalf("%+v and %+v make %+v", a, b, got)
		}
	})
}

func TestPiecesAreWhatTouches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mask, shape := drawn(rt)
		axes := rapid.IntRange(1, 3).Draw(rt, "axes") // along how many a step to a neighbour may go
		way := [4]topology.Connectivity{1: topology.Faces, 2: topology.Edges, 3: topology.Corners}[axes]
		pieces, err := topology.LabelBy(rt.Context(), mask, shape, way)
		if err != nil {
			rt.Fatal(err)
		}
		label := make([]int, len(mask))
		newest := 0
		cursor := pieces.Cursor()
		for run, ok := cursor.Next(); ok; run, ok = cursor.Next() {
			if run.From >= run.To || run.From/shape[0] != (run.To-1)/shape[0] {
				rt.Fatalf("run %+v leaves its row", run)
			}
			if run.Piece > newest+1 {
				rt.Fatalf("piece %d comes after %d", run.Piece, newest)
			}
			newest = max(newest, run.Piece)
			for i := run.From; i < run.To; i++ {
				label[i] = run.Piece
			}
		}
		if newest != pieces.Number || newest != flood(mask, shape, 1, axes) {
			rt.Fatalf("%d pieces of %d, flood fill finds %d", newest, pieces.Number, flood(mask, shape, 1, axes))
		}
		for i, v := range mask {
			if (label[i] > 0) != (v > 0) {
				rt.Fatalf("voxel %d is %d and labelled %d", i, v, label[i])
			}
			x, y, z := i%shape[0], i/shape[0]%shape[1], i/shape[0]/shape[1]
			for k := range 27 {
				p := [3]int{x + k%3 - 1, y + k/3%3 - 1, z + k/9 - 1}
				if moved := abs(p[0]-x) + abs(p[1]-y) + abs(p[2]-z); moved > axes {
					continue
				}
				if min(p[0], p[1], p[2]) < 0 || p[0] >= shape[0] || p[1] >= shape[1] || p[2] >= shape[2] {
					continue
				}
				if j := p[0] + shape[0]*(p[1]+shape[1]*p[2]); v > 0 && mask[j] > 0 && label[i] != label[j] {
					rt.Fatalf("voxels %d and %d touch but are labelled %d and %d", i, j, label[i], label[j])
				}
			}
		}
	})
}

func abs(v int) int { return max(v, -v) }

// FuzzCount looks for masks whose counts differ from the brute force's.
func FuzzCount(f *testing.F) {
	f.Add(uint8(3), uint8(3), []byte{0xff, 0xef, 0xff, 0x07})
	f.Add(uint8(67), uint8(2), []byte("across two words of sixty-four bits"))
	f.Fuzz(func(t *testing.T, nx, ny uint8, raw []byte) {
		row := max(int(nx), 1) * max(int(ny)%16, 1)
		n := len(raw) * 8 / row * row
		if n == 0 || n > 1<<14 {
			return
		}
		shape := [3]int{max(int(nx), 1), max(int(ny)%16, 1), n / row}
		mask := unpack(raw, n)
		got, err := topology.Count(t.Context(), mask, shape)
		if err != nil {
			t.Fatal(err)
		}
		want := topology.Counts{
			Components: flood(mask, shape, 1, 3), Cavities: flood(mask, shape, 0, 1) - 1, Euler: cells(mask, shape),
		}
		want.Loops = want.Components + want.Cavities - want.Euler
		if got != want || got.Loops < 0 {
			t.Fatalf("shape %v: got %+v, want %+v", shape, got, want)
		}
	})
}
