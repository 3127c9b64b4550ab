package volume_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/volume"
)

// resampled is a line of testdata/resample/peers.jsonl, which
// scripts/peers/volume_resample_fixture.py writes.
type resampled struct {
	Name, Peer string
	From, Onto struct {
		Shape  [3]int
		Affine [4][4]float64
	}
	Labels, Image []byte
	LabelsOnto    []byte `json:"labels_onto"`
	ImageOnto     []byte `json:"image_onto"`
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func TestResamplingAgreesWithPeers(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/resample/peers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	if len(lines) != 8 {
		t.Fatalf("%d pairs of grids, want 8", len(lines))
	}
	for _, line := range lines {
		var c resampled
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		onto := volume.Grid{Shape: c.Onto.Shape, Affine: c.Onto.Affine, Spacing: [3]float64{1, 1, 1}}
		labels, coverage, err := volume.ResampleLabels(t.Context(), &volume.Labels{Shape: c.From.Shape, Affine: c.From.Affine, Data: c.Labels}, onto, 0)
		if err != nil {
			t.Fatal(err)
		}
		image, _, err := volume.Resample(t.Context(), &volume.Volume{Shape: c.From.Shape, Affine: c.From.Affine, Data: floats(c.Image)}, onto, 2)
		if err != nil {
			t.Fatal(err)
		}
		want, unsaid := floats(c.ImageOnto), 0
		for i := range want {
			if c.Peer == "nibabel" && c.LabelsOnto[i] == 255 {
				unsaid++
				continue
			}
			if labels.Data[i] != c.LabelsOnto[i] {
				t.Fatalf("%s: label %d at voxel %d, %s has %d", c.Name, labels.Data[i], i, c.Peer, c.LabelsOnto[i])
			}
			if math.IsNaN(float64(want[i])) || math.Abs(float64(image.Data[i]-want[i])) > 1e-6 {
				t.Fatalf("%s: %v at voxel %d, %s has %v", c.Name, image.Data[i], i, c.Peer, want[i])
			}
		}
		if unsaid > len(want)*9/10 {
			t.Errorf("%s: %s says nothing about %d of %d voxels", c.Name, c.Peer, unsaid, len(want))
		}
		if coverage.Grid != len(want) || coverage.Voxels == 0 || coverage.Uncovered >= coverage.Grid {
			t.Errorf("%s: %+v", c.Name, coverage)
		}
	}
}

// drawGridded draws labels on a grid as headers have them: rotated, flipped,
// stored in single precision.
func drawGridded(rt *rapid.T) *volume.Labels {
	side := rapid.IntRange(1, 7)
	l := &volume.Labels{Shape: [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}, Unit: "um"}
	n := l.Shape[0] * l.Shape[1] * l.Shape[2]
	l.Data = rapid.SliceOfN(rapid.Uint8Range(0, 3), n, n).Draw(rt, "voxels")
	length := rapid.SampledFrom([]float64{0.1, 0.31, 0.7, 1, 5})
	axes := rapid.Permutation([]int{0, 1, 2}).Draw(rt, "axes")
	angle := rapid.Float64Range(0, 6).Draw(rt, "angle")
	c, s := math.Cos(angle), math.Sin(angle)
	turn := [3][3]float64{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}
	l.Affine[3][3] = 1
	for column, axis := range axes {
		l.Spacing[column] = length.Draw(rt, "spacing")
		sign := rapid.SampledFrom([]float64{-1, 1}).Draw(rt, "sign")
		for row := range 3 {
			l.Affine[row][column] = float64(float32(sign * l.Spacing[column] * turn[row][axis]))
		}
	}
	for row := range 3 {
		l.Affine[row][3] = float64(float32(rapid.Float64Range(-300, 300).Draw(rt, "offset")))
	}
	return l
}

// moved is the grid whose voxel (0, 0, 0) is the given voxel.
func moved(g volume.Grid, by [3]int) volume.Grid {
	for row := range 3 {
		for axis, n := range by {
			g.Affine[row][3] += g.Affine[row][axis] * float64(n)
		}
	}
	return g
}

func asImage(l *volume.Labels) *volume.Volume {
	v := &volume.Volume{Shape: l.Shape, Spacing: l.Spacing, Unit: l.Unit, Affine: l.Affine, Data: make([]float32, len(l.Data))}
	for i, label := range l.Data {
		v.Data[i] = float32(label)
	}
	return v
}

// requireOnto checks both ways of resampling against a voxel of the source for
// each of the grid's.
func requireOnto(rt *rapid.T, l *volume.Labels, onto volume.Grid, source func(x, y, z int) (int, bool)) {
	got, coverage, err := volume.ResampleLabels(rt.Context(), l, onto, 1)
	if err != nil {
		rt.Fatal(err)
	}
	image, _, err := volume.Resample(rt.Context(), asImage(l), onto, 1)
	if err != nil {
		rt.Fatal(err)
	}
	uncovered, kept := 0, 0
	for i, label := range got.Data {
		want := uint8(0)
		if at, ok := source(i%onto.Shape[0], i/onto.Shape[0]%onto.Shape[1], i/onto.Shape[0]/onto.Shape[1]); !ok {
			uncovered++
		} else if want = l.Data[at]; want != 0 {
			kept++
		}
		if label != want || image.Data[i] != float32(want) {
			rt.Fatalf("voxel %d is %d and %v, want %d", i, label, image.Data[i], want)
		}
	}
	all := len(l.Data) - bytes.Count(l.Data, []byte{0})
	if coverage.Uncovered != uncovered || coverage.Voxels != all || coverage.Outside != all-kept {
		rt.Fatalf("%+v, want %d uncovered and %d of %d voxels outside", coverage, uncovered, all-kept, all)
	}
}

func TestResamplingByWholeVoxelsMovesThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := drawGridded(rt)
		var by [3]int
		for axis, n := range l.Shape {
			by[axis] = rapid.IntRange(1-n, n-1).Draw(rt, "shift")
		}
		requireOnto(rt, l, moved(l.Grid(), by), func(x, y, z int) (int, bool) {
			at := [3]int{x + by[0], y + by[1], z + by[2]}
			for axis, v := range at {
				if v < 0 || v >= l.Shape[axis] {
					return 0, false
				}
			}
			return at[0] + l.Shape[0]*(at[1]+l.Shape[1]*at[2]), true
		})
		if by == [3]int{} && l.Grid().Differs(moved(l.Grid(), by)) != "" {
			rt.Fatal("a grid differs from itself")
		}
	})
}

func TestResamplingOntoFlippedAxesFlips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := drawGridded(rt)
		axis := rapid.IntRange(0, 2).Draw(rt, "axis")
		var far [3]int
		far[axis] = l.Shape[axis] - 1
		onto := moved(l.Grid(), far)
		for row := range 3 {
			onto.Affine[row][axis] = -onto.Affine[row][axis]
		}
		requireOnto(rt, l, onto, func(x, y, z int) (int, bool) {
			at := [3]int{x, y, z}
			at[axis] = l.Shape[axis] - 1 - at[axis]
			return at[0] + l.Shape[0]*(at[1]+l.Shape[1]*at[2]), true
		})
	})
}

// TestResamplingOntoHalvedVoxelsRepeatsThem takes a grid of half the spacing
// over the same space, and back: nothing is lost.
func TestResamplingOntoHalvedVoxelsRepeatsThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := drawGridded(rt)
		fine := l.Grid()
		for axis := range 3 {
			fine.Shape[axis] *= 2
			fine.Spacing[axis] /= 2
			for row := range 3 {
				fine.Affine[row][axis] /= 2
				fine.Affine[row][3] -= fine.Affine[row][axis] / 2
			}
		}
		up, coverage, err := volume.ResampleLabels(rt.Context(), l, fine, 1)
		if err != nil || coverage.Outside != 0 || coverage.Uncovered != 0 {
			rt.Fatalf("%+v, %v", coverage, err)
		}
		for i, label := range up.Data {
			x, y, z := i%fine.Shape[0]/2, i/fine.Shape[0]%fine.Shape[1]/2, i/fine.Shape[0]/fine.Shape[1]/2
			if want := l.Data[x+l.Shape[0]*(y+l.Shape[1]*z)]; label != want {
				rt.Fatalf("voxel %d is %d, want %d", i, label, want)
			}
		}
		down, _, err := volume.ResampleLabels(rt.Context(), up, l.Grid(), 1)
		if err != nil || !slices.Equal(down.Data, l.Data) {
			rt.Fatalf("%v there and back again (%v)", l.Data, err)
		}
	})
}

// TestLinearResamplingKeepsSlopes resamples values that rise evenly in space:
// between the outermost centres, linear interpolation has no error.
func TestLinearResamplingKeepsSlopes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		from, onto := drawGridded(rt), drawGridded(rt)
		slope := [3]float64{rapid.Float64Range(-1, 1).Draw(rt, "slope"), 0.5, -0.25}
		middle := func(g volume.Grid) (p [3]float64) {
			for row := range 3 {
				p[row] = g.Affine[row][3]
				for axis, n := range g.Shape {
					p[row] += g.Affine[row][axis] * float64(n-1) / 2
				}
			}
			return p
		}
		here, there := middle(from.Grid()), middle(onto.Grid())
		for row := range 3 { // about one place, so that they overlap
			onto.Affine[row][3] += here[row] - there[row]
		}
		value := func(g volume.Grid, i int) float64 {
			x, y, z := float64(i%g.Shape[0]), float64(i/g.Shape[0]%g.Shape[1]), float64(i/g.Shape[0]/g.Shape[1])
			sum := 0.0
			for row, s := range slope {
				sum += s * (g.Affine[row][0]*x + g.Affine[row][1]*y + g.Affine[row][2]*z + g.Affine[row][3] - here[row])
			}
			return sum
		}
		image := asImage(from)
		low, high := math.Inf(1), math.Inf(-1)
		for i := range image.Data {
			v := value(from.Grid(), i)
			image.Data[i] = float32(v)
			low, high = min(low, v), max(high, v)
		}
		got, coverage, err := volume.Resample(rt.Context(), image, onto.Grid(), 2)
		if errors.Is(err, volume.ErrApart) {
			rt.Skip("a thin volume between the centres of the grid")
		}
		if err != nil {
			rt.Fatal(err)
		}
		exact := 0
		for i, v := range got.Data {
			if !(float64(v) >= low-1e-3 && float64(v) <= high+1e-3) && v != 0 {
				rt.Fatalf("voxel %d is %v, beyond %v to %v", i, v, low, high)
			}
			if math.Abs(float64(v)-value(onto.Grid(), i)) < 1e-3 {
				exact++
			}
		}
		inner := innerVoxels(from.Grid(), onto.Grid())
		if exact < inner || coverage.Grid != len(got.Data) {
			rt.Fatalf("%d of %d voxels are on the slope", exact, inner)
		}
	})
}

// innerVoxels counts the voxels of a grid that lie between the outermost centres
// of another, by solving for their position.
func innerVoxels(from, onto volume.Grid) int {
	a := from.Affine
	det := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) + m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	columns := [3][3]float64{{a[0][0], a[0][1], a[0][2]}, {a[1][0], a[1][1], a[1][2]}, {a[2][0], a[2][1], a[2][2]}}
	whole := det(columns)
	n := 0
	for i := range onto.Shape[0] * onto.Shape[1] * onto.Shape[2] {
		at := [3]float64{float64(i % onto.Shape[0]), float64(i / onto.Shape[0] % onto.Shape[1]), float64(i / onto.Shape[0] / onto.Shape[1])}
		inside := true
		for axis := range 3 { // Cramer's rule
			m := columns
			for row := range 3 {
				m[row][axis] = onto.Affine[row][3] - a[row][3]
				for k, v := range at {
					m[row][axis] += onto.Affine[row][k] * v
				}
			}
			p := det(m) / whole
			inside = inside && p > 0.001 && p < float64(from.Shape[axis]-1)-0.001
		}
		if inside {
			n++
		}
	}
	return n
}

func TestResamplingConvertsUnits(t *testing.T) {
	t.Parallel()
	l := &volume.Labels{Shape: [3]int{2, 1, 1}, Spacing: [3]float64{0.5, 1, 1}, Unit: "mm", Data: []uint8{1, 2}}
	for axis, s := range l.Spacing {
		l.Affine[axis][axis] = s
	}
	l.Affine[3][3] = 1
	onto := l.Grid()
	onto.Unit = "um"
	for row := range 3 {
		onto.Spacing[row] *= 1000
		onto.Affine[row][row] *= 1000
	}
	got, _, err := volume.ResampleLabels(t.Context(), l, onto, 1)
	if err != nil || !slices.Equal(got.Data, l.Data) || got.Unit != "um" {
		t.Errorf("%+v, %v", got, err)
	}
	if how := l.Grid().Differs(onto); how != "unit" {
		t.Errorf("the same places in another unit differ in %q", how)
	}
	onto = l.Grid()
	onto.Unit = ""
	if how := l.Grid().Differs(onto); how != "" {
		t.Errorf("a grid without a unit differs in %q", how)
	}
}

func TestGridsDifferInWords(t *testing.T) {
	t.Parallel()
	g := volume.Grid{Shape: [3]int{4, 5, 6}, Spacing: [3]float64{1, 1, 2}, Unit: "um", Affine: [4][4]float64{{1}, {0, 1}, {0, 0, 2}, {0, 0, 0, 1}}}
	for want, change := range map[string]func(*volume.Grid){
		"":                                       func(g *volume.Grid) { g.Affine[0][3] = 0.009 },
		"shape":                                  func(g *volume.Grid) { g.Shape[1]++ },
		"spacing":                                func(g *volume.Grid) { g.Spacing[2], g.Affine[2][2] = 2.1, 2.1 },
		"place: voxels lie 3 um apart":           func(g *volume.Grid) { g.Affine[0][3] = 3 },
		"direction: voxels lie up to 6 um apart": func(g *volume.Grid) { g.Affine[0][0] = -1; g.Affine[0][3] = 0 },
		"unit": func(g *volume.Grid) {
			g.Unit = "mm"
			for a := range 3 {
				g.Spacing[a] /= 1000
				for r := range 3 {
					g.Affine[r][a] /= 1000
				}
			}
		},
		"shape and spacing": func(g *volume.Grid) { g.Shape[0], g.Spacing[0] = 9, 0.5 },
	} {
		other := g
		change(&other)
		got := g.Differs(other)
		if got != want {
			t.Errorf("differs in %q, want %q", got, want)
		}
	}
}

func TestResamplingRefuses(t *testing.T) {
	t.Parallel()
	l := &volume.Labels{Shape: [3]int{2, 2, 2}, Spacing: [3]float64{1, 1, 1}, Data: make([]uint8, 8), Affine: [4][4]float64{{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}}
	for name, c := range map[string]struct {
		change func(*volume.Grid)
		want   error
	}{
		"elsewhere":   {func(g *volume.Grid) { g.Affine[0][3] = 50 }, volume.ErrApart},
		"flat affine": {func(g *volume.Grid) { g.Affine[1] = g.Affine[0] }, volume.ErrAffine},
		"no number":   {func(g *volume.Grid) { g.Affine[1][1] = math.NaN() }, volume.ErrAffine},
		"no voxels":   {func(g *volume.Grid) { g.Shape[2] = 0 }, volume.ErrDim},
	} {
		onto := l.Grid()
		c.change(&onto)
		if _, _, err := volume.ResampleLabels(t.Context(), l, onto, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := volume.ResampleLabels(ctx, l, l.Grid(), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
