package patches

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const big = 1 << 30

// save writes a volume whose voxel x, y, z has the value x+10y+100z, and the
// label that mark gives.
func save(t *testing.T, dir, id string, shape [3]int, mark func(x, y, z int) uint8) runs.VolumeRef {
	t.Helper()
	n := shape[0] * shape[1] * shape[2]
	v := volume.Volume{Shape: shape, Spacing: [3]float64{1, 1, 2}, Unit: "um", Data: make([]float32, n)}
	l := volume.Labels{Shape: shape, Spacing: v.Spacing, Unit: "um", Data: make([]uint8, n)}
	for i := range n {
		x, y, z := i%shape[0], i/shape[0]%shape[1], i/(shape[0]*shape[1])
		v.Data[i], l.Data[i] = float32(x+10*y+100*z), mark(x, y, z)
	}
	ref := runs.VolumeRef{ID: id, Image: filepath.Join(dir, id+".nii.gz"), Label: filepath.Join(dir, id+"_seg.nii.gz"), Shape: shape}
	if err := volume.Write(t.Context(), ref.Image, &v, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := volume.WriteLabels(t.Context(), ref.Label, &l, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return ref
}

func corner(x, y, z int) uint8 {
	if x < 2 && y < 2 && z < 2 {
		return 1
	}
	return 0
}

func nothing(int, int, int) uint8 { return 0 }

func open(t *testing.T, o Options, refs ...runs.VolumeRef) *Store {
	t.Helper()
	s, err := Open(t.Context(), refs, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plan() Plan {
	return Plan{Seed: 7, Batch: 2, PatchesPerVolume: 4, StepsPerEpoch: 4, Size: [3]int{8, 8, 8}, Foreground: 0.5, Flip: 0.5}
}

func TestVolumesComeInCOrder(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Normalise: None, Classes: 2, Budget: big}, save(t, t.TempDir(), "a", [3]int{3, 4, 5}, corner))
	c, err := s.Get(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Image[(2*4+3)*5+4], float32(2+30+400); got != want {
		t.Errorf("voxel (2,3,4) is %v, want %v", got, want)
	}
	back := make([]float32, len(c.Image))
	FromC(back, c.Image, c.Shape)
	if back[1] != 1 || back[3] != 10 || back[12] != 100 {
		t.Errorf("the file's order came back as %v…", back[:13])
	}
}

// A budget of nothing reads every volume again and draws the same patches.
func TestBudgetChangesNothingButMemory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refs := []runs.VolumeRef{save(t, dir, "a", [3]int{12, 10, 9}, corner), save(t, dir, "b", [3]int{9, 9, 9}, corner)}
	all := open(t, Options{Normalise: ZScore, Classes: 2, Budget: big}, refs...)
	one := open(t, Options{Normalise: ZScore, Classes: 2, Budget: 5 * 12 * 10 * 9}, refs...)
	none := open(t, Options{Normalise: ZScore, Classes: 2}, refs...)
	if all.Uncached() != 0 || one.Uncached() != 1 || none.Uncached() != 2 || none.Bytes() != 0 {
		t.Fatalf("uncached %d, %d, %d", all.Uncached(), one.Uncached(), none.Uncached())
	}
	want := batches(t, all, 0, 8)
	for _, s := range []*Store{one, none} {
		if diff := cmp.Diff(want, batches(t, s, 0, 8)); diff != "" {
			t.Fatal("the budget changed the batches")
		}
	}
}

// batches collects what a loader gives, copied.
func batches(t *testing.T, s *Store, first, end int64) []Batch {
	t.Helper()
	l := NewLoader(t.Context(), s, plan(), first, end, 3)
	defer l.Close()
	var all []Batch
	for {
		b, err := l.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Batch{b.Step, slices.Clone(b.Image), slices.Clone(b.Label)})
		l.Recycle(b)
	}
}

// A training resumed at any step sees what the uninterrupted one saw.
func TestResumedLoaderGoesOnAlike(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Options{Normalise: ZScore, Classes: 2, Budget: big},
		save(t, dir, "a", [3]int{12, 10, 9}, corner), save(t, dir, "b", [3]int{16, 9, 5}, corner))
	whole := batches(t, s, 0, 12)
	if len(whole) != 12 || whole[11].Step != 11 {
		t.Fatalf("%d batches", len(whole))
	}
	for _, k := range []int64{1, 5, 11} {
		if diff := cmp.Diff(whole[k:], batches(t, s, k, 12)); diff != "" {
			t.Errorf("resuming after %d steps gives other batches", k)
		}
	}
	if cmp.Equal(whole[0].Image, whole[1].Image) || cmp.Equal(whole[0].Image, whole[4].Image) {
		t.Error("steps repeat")
	}
}

// In an epoch each volume gives as many patches as the next.
func TestVolumesTakeTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var refs []runs.VolumeRef
	for i := range 4 {
		refs = append(refs, save(t, dir, strconv.Itoa(i), [3]int{8, 8, 8}, corner))
	}
	s := open(t, Options{Normalise: None, Classes: 2, Budget: big}, refs...)
	p := plan()
	p.StepsPerEpoch = 8 // 4 volumes × 4 patches ÷ 2
	var orders [2][]int
	for epoch := range 2 {
		var seen [4]int
		for step := range 8 {
			for slot := range 2 {
				d := s.Draw(p, int64(epoch*8+step), slot)
				seen[d.Volume]++
				orders[epoch] = append(orders[epoch], d.Volume)
			}
		}
		if seen != [4]int{4, 4, 4, 4} {
			t.Errorf("epoch %d draws %v", epoch, seen)
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("both epochs have one order")
	}
}

// Drawn patches lie in the volume where it is large enough, are centred where
// it is not, and hold foreground when they should.
func TestDraws(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Options{Normalise: None, Classes: 2, Budget: big}, save(t, dir, "a", [3]int{20, 17, 3}, func(x, y, z int) uint8 {
		if x == 15 && y == 5 {
			return 1
		}
		return 0
	}))
	p := plan()
	p.Foreground, p.Flip = 1, 0
	starts := map[[3]int]bool{}
	for step := range int64(200) {
		d := s.Draw(p, step, 0)
		if d.Start != [3]int{11, 1, -2} || d.Flip != [3]bool{} {
			t.Fatalf("foreground patch starts at %v", d.Start)
		}
		p := p
		p.Foreground = 0
		d = s.Draw(p, step, 0)
		if d.Start[0] < 0 || d.Start[0] > 12 || d.Start[1] < 0 || d.Start[1] > 9 || d.Start[2] != -2 {
			t.Fatalf("patch starts at %v", d.Start)
		}
		starts[d.Start] = true
	}
	if len(starts) < 60 {
		t.Errorf("200 draws found %d places", len(starts))
	}
}

// A patch holds the voxels of its volume, flipped as told, zeros outside, and
// labels that are one-hot everywhere.
func TestCut(t *testing.T) {
	t.Parallel()
	shape := [3]int{6, 5, 4}
	store := open(t, Options{Normalise: None, Classes: 3, Budget: big}, save(t, t.TempDir(), "a", shape, func(x, y, z int) uint8 { return uint8((x + y + z) % 3) }))
	c, err := store.Get(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		size := [3]int{rapid.IntRange(1, 8).Draw(rt, "sx"), rapid.IntRange(1, 8).Draw(rt, "sy"), rapid.IntRange(1, 8).Draw(rt, "sz")}
		var d Draw
		for i := range 3 {
			if size[i] >= shape[i] {
				d.Start[i] = -((size[i] - shape[i]) / 2)
			} else {
				d.Start[i] = rapid.IntRange(0, shape[i]-size[i]).Draw(rt, "start")
			}
			d.Flip[i] = rapid.Bool().Draw(rt, "flip")
		}
		n := size[0] * size[1] * size[2]
		image, onehot := make([]float32, n), make([]float32, 3*n)
		fill(image, 99)
		fill(onehot, 99)
		cut(c, d, size, image, onehot)
		for i := range n {
			at := [3]int{i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]}
			inside := true
			for a := range 3 {
				at[a] = turned(at[a], size[a], d.Flip[a]) + d.Start[a]
				inside = inside && at[a] >= 0 && at[a] < shape[a]
			}
			value, class := float32(0), 0
			if inside {
				value, class = float32(at[0]+10*at[1]+100*at[2]), (at[0]+at[1]+at[2])%3
			}
			if image[i] != value {
				rt.Fatalf("%v: voxel %d is %v, want %v", d, i, image[i], value)
			}
			for k := range 3 {
				if want := map[bool]float32{true: 1}[k == class]; onehot[k*n+i] != want {
					rt.Fatalf("%v: class %d of voxel %d is %v, want %v", d, k, i, onehot[k*n+i], want)
				}
			}
		}
	})
}

func TestNormalisations(t *testing.T) {
	t.Parallel()
	x := make([]float32, 1000)
	for i := range x {
		x[i] = float32(i)
	}
	z := slices.Clone(x)
	ZScore.Apply(z)
	var sum, squares float64
	for _, v := range z {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if math.Abs(sum) > 1e-3 || math.Abs(squares-1000) > 1e-2 {
		t.Errorf("zscore: sum %v, squares %v", sum, squares)
	}
	p := slices.Clone(x)
	Percentile.Apply(p) // numpy: 4.995 and 994.005
	if p[0] != 0 || p[999] != 1 || math.Abs(float64(p[500])-(500-4.995)/989.01) > 1e-6 {
		t.Errorf("percentile: %v %v %v", p[0], p[500], p[999])
	}
	flat := []float32{3, 3, 3}
	ZScore.Apply(flat)
	if !slices.Equal(flat, []float32{0, 0, 0}) {
		t.Errorf("a constant volume became %v", flat)
	}
	for _, name := range []string{"zscore", "percentile", "none"} {
		if _, err := ParseNormalisation(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := ParseNormalisation("minmax"); err == nil {
		t.Error("minmax was accepted")
	}
}

func TestBadVolumes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := save(t, dir, "a", [3]int{8, 8, 8}, corner), save(t, dir, "b", [3]int{8, 8, 7}, corner)
	mixed := a
	mixed.Label = b.Label
	gone := a
	gone.Image = filepath.Join(dir, "gone.nii.gz")
	three := save(t, dir, "c", [3]int{8, 8, 8}, func(x, _, _ int) uint8 { return uint8(x % 4) })
	for _, c := range []struct {
		name string
		o    Options
		refs []runs.VolumeRef
		want error
	}{
		{"mismatch", Options{Classes: 2}, []runs.VolumeRef{a, mixed}, ErrMismatch},
		{"unknown class", Options{Classes: 3}, []runs.VolumeRef{three}, ErrClass},
		{"missing file", Options{Classes: 2}, []runs.VolumeRef{gone}, fs.ErrNotExist},
		{"none", Options{Classes: 2}, nil, ErrNoVolumes},
	} {
		if _, err := Open(t.Context(), c.refs, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	s := open(t, Options{Classes: 2, Normalise: None}, save(t, dir, "d", [3]int{4, 4, 4}, func(x, _, _ int) uint8 { return uint8(x/2) * 255 }), save(t, dir, "e", [3]int{4, 4, 4}, nothing))
	if s.Binarised() != 1 || s.WithForeground() != 1 {
		t.Errorf("%d binarised, %d with foreground", s.Binarised(), s.WithForeground())
	}
}

// Many foreground voxels are thinned evenly, not cut off.
func TestIndexIsBounded(t *testing.T) {
	t.Parallel()
	label := make([]uint8, 3*maxIndexed)
	for i := range label {
		label[i] = 1
	}
	all := index(label)
	if len(all) > maxIndexed || all[len(all)-1] < uint32(len(label)-4) {
		t.Errorf("%d indexed, the last at %d of %d", len(all), all[len(all)-1], len(label))
	}
}

// A loader that is closed early, or whose context ends, leaves nothing behind.
func TestLoaderStops(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Normalise: None, Classes: 2, Budget: big}, save(t, t.TempDir(), "a", [3]int{8, 8, 8}, corner))
	l := NewLoader(t.Context(), s, plan(), 0, 1000, 4)
	if _, err := l.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()

	ctx, cancel := context.WithCancel(t.Context())
	l = NewLoader(ctx, s, plan(), 0, 1000, 4)
	cancel()
	for {
		if _, err := l.Next(ctx); err != nil {
			if !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
	}
	l.Close()
}

// A volume that goes away while it is needed is an error of its step.
func TestLoaderTellsErrors(t *testing.T) {
	t.Parallel()
	ref := save(t, t.TempDir(), "a", [3]int{8, 8, 8}, corner)
	s := open(t, Options{Normalise: None, Classes: 2}, ref)
	s.refs[0].Image = ref.Image + ".gone"
	l := NewLoader(t.Context(), s, plan(), 0, 2, 1)
	defer l.Close()
	if _, err := l.Next(t.Context()); err == nil {
		t.Error("a missing volume gave a batch")
	}
}

func BenchmarkCut(b *testing.B) {
	shape, size := [3]int{96, 96, 48}, [3]int{48, 48, 48}
	n := shape[0] * shape[1] * shape[2]
	c := &Case{Shape: shape, Image: make([]float32, n), Label: make([]uint8, n)}
	m := size[0] * size[1] * size[2]
	image, onehot := make([]float32, m), make([]float32, 2*m)
	for b.Loop() {
		cut(c, Draw{Start: [3]int{3, 4, 0}, Flip: [3]bool{true, true, true}}, size, image, onehot)
	}
}
