package swinunetr

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// region is what MONAI's compute_mask gives a token at a place along one axis of
// the rolled grid: 0 far from the end, 1 in the last window, 2 within the shift
// of the end.
func region(t tiling, axis, at int) int {
	switch {
	case t.shift[axis] == 0:
		return 2
	case at < t.padded[axis]-t.window[axis]:
		return 0
	case at < t.padded[axis]-t.shift[axis]:
		return 1
	default:
		return 2
	}
}

// Two tokens of a window are in the same region exactly when MONAI's mask does
// not keep them apart.
func TestRegionsAreMONAIsMask(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20)
		grid := [3]int{size.Draw(t, "x"), size.Draw(t, "y"), size.Draw(t, "z")}
		tiles := tile(grid, true)
		regions, n := tiles.regions(), tiles.tokens()
		w := 0
		for window := range indices(tiles.counts()) {
			var mask [][3]int
			for token := range indices(tiles.window) {
				var m [3]int
				for i := range m {
					m[i] = region(tiles, i, window[i]*tiles.window[i]+token[i])
				}
				mask = append(mask, m)
			}
			for range 20 {
				i, j := rapid.IntRange(0, n-1).Draw(t, "i"), rapid.IntRange(0, n-1).Draw(t, "j")
				if (mask[i] == mask[j]) != (regions[w*n+i] == regions[w*n+j]) {
					t.Fatalf("grid %v, window %v: tokens %d and %d are in regions %d and %d, MONAI has %v and %v",
						grid, window, i, j, regions[w*n+i], regions[w*n+j], mask[i], mask[j])
				}
			}
			w++
		}
		if len(regions) != w*n || slices.Max(regions) >= tiles.parts() {
			t.Fatalf("%d regions up to %d for %d windows of %d tokens and %d parts",
				len(regions), slices.Max(regions), w, n, tiles.parts())
		}
	})
}

// The windows that MONAI's get_window_size gives, and the padding to them.
func TestTile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		grid    [3]int
		shifted bool
		want    tiling
	}{
		{[3]int{16, 16, 16}, false, tiling{window: [3]int{7, 7, 7}, padded: [3]int{21, 21, 21}}},
		{[3]int{16, 8, 2}, true, tiling{window: [3]int{7, 7, 2}, shift: [3]int{3, 3, 0}, padded: [3]int{21, 14, 2}}},
		{[3]int{7, 14, 6}, true, tiling{window: [3]int{7, 7, 6}, shift: [3]int{0, 3, 0}, padded: [3]int{7, 14, 6}}},
		{[3]int{4, 2, 1}, true, tiling{window: [3]int{4, 2, 1}, padded: [3]int{4, 2, 1}}},
	} {
		c.want.grid = c.grid
		if got := tile(c.grid, c.shifted); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.grid, got, c.want)
		}
	}
}

// Each row of the table stands for one distance: equal rows, equal distances.
func TestRelativePositions(t *testing.T) {
	t.Parallel()
	positions := relativePositions(fullWindow)
	if len(positions) != fullWindow*fullWindow || slices.Max(positions) != tableRows-1 || slices.Min(positions) != 0 {
		t.Fatalf("%d positions from %d to %d", len(positions), slices.Min(positions), slices.Max(positions))
	}
	at := func(i int) [3]int { return [3]int{i / (side * side), i / side % side, i % side} }
	rows := make(map[int64][3]int)
	for i, row := range positions {
		a, b := at(i/fullWindow), at(i%fullWindow)
		distance := [3]int{a[0] - b[0], a[1] - b[1], a[2] - b[2]}
		if other, ok := rows[row]; ok && other != distance {
			t.Fatalf("row %d stands for distances %v and %v", row, other, distance)
		}
		rows[row] = distance
	}
	if len(rows) != tableRows {
		t.Errorf("%d rows in use, the table has %d", len(rows), tableRows)
	}
	few := relativePositions(8)
	if len(few) != 64 || !slices.Equal(few[8:16], positions[fullWindow:fullWindow+8]) {
		t.Error("small windows do not use the first tokens' positions")
	}
}

// A merging takes each neighbour once unless it is
// legacy, which takes two twice and two never.
func TestMergingOrders(t *testing.T) {
	t.Parallel()
	for merging, distinct := range map[string]int{Legacy: 6, Fixed: 8, V2: 8} {
		seen := make(map[[3]int]bool)
		for _, start := range mergingOrder(merging) {
			seen[start] = true
		}
		if len(seen) != distinct {
			t.Errorf("%s takes %d of the neighbours, want %d", merging, len(seen), distinct)
		}
	}
}

// PyTorch's linspace(0, rate, n) in single precision.
func TestPathRates(t *testing.T) {
	t.Parallel()
	o := Defaults()
	o.DropoutPathRate, o.Depths = 0.3, []int{1, 2, 1, 1}
	want := [stages][]float64{
		{0}, {0.07500000298023224, 0.15000000596046448}, {0.22500000894069672}, {0.30000001192092896},
	}
	for i, rates := range o.pathRates() {
		if !slices.Equal(rates, want[i]) {
			t.Errorf("stage %d: %v, want %v", i, rates, want[i])
		}
	}
}
