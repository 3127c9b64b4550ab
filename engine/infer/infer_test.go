package infer_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/infer"
)

func count(shape [3]int) int { return shape[0] * shape[1] * shape[2] }

// wave is the volume that testdata/sliding.py predicts.
func wave(shape [3]int) []float32 {
	x := make([]float32, count(shape))
	for i := range x {
		x[i] = float32(math.Sin(float64(i) * 0.37))
	}
	return x
}

// placed is the predictor of testdata/sliding.py.
func placed(_ context.Context, patches []float32, n int, size [3]int) ([]float32, error) {
	m := count(size)
	out := make([]float32, 0, 2*n*m)
	for b := range n {
		x := patches[b*m:][:m]
		for i, v := range x {
			out = append(out, v*0.5+float32(math.Cos(float64(i)*0.05)))
		}
		for i, v := range x {
			out = append(out, float32(math.Cos(float64(i)*0.05))*v-0.25)
		}
	}
	return out, nil
}

// identity gives the input back as the one class.
func identity(_ context.Context, patches []float32, _ int, _ [3]int) ([]float32, error) {
	return patches, nil
}

func TestAgreesWithMONAI(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/sliding.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		MONAI string
		Cases []struct {
			Shape, Window [3]int
			Overlap       float64
			Mode          infer.Mode
			Float32       string
		}
	}
	if err := json.Unmarshal(b, &fixture); err != nil {
		t.Fatal(err)
	}
	if len(fixture.Cases) < 6 || fixture.MONAI == "" {
		t.Fatalf("%d cases of MONAI %q", len(fixture.Cases), fixture.MONAI)
	}
	for _, c := range fixture.Cases {
		raw, err := base64.StdEncoding.DecodeString(c.Float32)
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{1, 3, 64} {
			o := infer.Options{Window: c.Window, Overlap: c.Overlap, Mode: c.Mode, Batch: batch}
			got, err := infer.SlidingWindow(t.Context(), wave(c.Shape), c.Shape, o, 2, placed)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) != 4*len(got) {
				t.Fatalf("%v: %d values, MONAI has %d", c.Shape, len(got), len(raw)/4)
			}
			for i, v := range got {
				want := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
				if d := math.Abs(float64(v - want)); !(d <= 1e-5) {
					t.Fatalf("%v in %v (%s, overlap %v, batch %d): value %d is %v, MONAI has %v", c.Shape, c.Window, c.Mode, c.Overlap, batch, i, v, want)
				}
			}
		}
	}
}

// A predictor that changes nothing gives the volume back, whatever the shapes,
// and the labels are the choice among the classes.
func TestIdentityAndLabels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 14)
		shape := [3]int{side.Draw(rt, "x"), side.Draw(rt, "y"), side.Draw(rt, "z")}
		o := infer.Options{
			Window:  [3]int{side.Draw(rt, "wx"), side.Draw(rt, "wy"), side.Draw(rt, "wz")},
			Overlap: rapid.SampledFrom([]float64{0, 0.25, 0.5, 0.9}).Draw(rt, "overlap"),
			Mode:    rapid.SampledFrom([]infer.Mode{"", infer.Gaussian, infer.Constant}).Draw(rt, "mode"),
			Batch:   rapid.IntRange(0, 5).Draw(rt, "batch"),
		}
		x := wave(shape)
		got, err := infer.SlidingWindow(t.Context(), x, shape, o, 1, identity)
		if err != nil {
			rt.Fatal(err)
		}
		for i, v := range got {
			if d := math.Abs(float64(v - x[i])); !(d <= 1e-5) {
				rt.Fatalf("voxel %d: %v became %v", i, x[i], v)
			}
		}
		logits, err := infer.SlidingWindow(t.Context(), x, shape, o, 2, placed)
		if err != nil {
			rt.Fatal(err)
		}
		labels, err := infer.Labels(t.Context(), x, shape, o, 2, placed)
		if err != nil {
			rt.Fatal(err)
		}
		n := count(shape)
		for i, l := range labels {
			if (logits[n+i] > logits[i]) != (l == 1) {
				rt.Fatalf("voxel %d: logits %v and %v, label %d", i, logits[i], logits[n+i], l)
			}
		}
	})
}

// The windows cover every voxel and stay inside.
func TestWindowsCover(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		length, window := rapid.IntRange(1, 200).Draw(rt, "length"), rapid.IntRange(1, 64).Draw(rt, "window")
		at := infer.Windows([3]int{length, 1, 1}, [3]int{window, 1, 1}, rapid.Float64Range(0, 0.99).Draw(rt, "overlap"))
		end := 0
		for _, w := range at {
			if w[0] > end {
				rt.Fatalf("gap before %d", w[0])
			}
			end = w[0] + window
		}
		if end != max(length, window) {
			rt.Fatalf("the last window ends at %d of %d", end, max(length, window))
		}
	})
}

func TestImportanceIsSymmetricAndClamped(t *testing.T) {
	t.Parallel()
	w := infer.Importance([3]int{16, 16, 16}, infer.Gaussian)
	if lowest := slices.Min(w); lowest != 1e-3 {
		t.Errorf("lowest weight %v, want the clamp at 1e-3", lowest)
	}
	for i := range w {
		if w[i] != w[len(w)-1-i] {
			t.Fatalf("weights %d and %d differ", i, len(w)-1-i)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	good := infer.Options{Window: [3]int{2, 2, 2}}
	broken := errors.New("out of memory")
	for name, run := range map[string]func() error{
		"length": func() error {
			_, err := infer.SlidingWindow(t.Context(), make([]float32, 7), [3]int{2, 2, 2}, good, 1, identity)
			return err
		},
		"empty": func() error {
			_, err := infer.SlidingWindow(t.Context(), nil, [3]int{2, 2, 2}, good, 1, identity)
			return err
		},
		"shape": func() error {
			_, err := infer.Labels(t.Context(), make([]float32, 8), [3]int{0, 2, 2}, good, 1, identity)
			return err
		},
		"window": func() error {
			_, err := infer.Labels(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, infer.Options{}, 1, identity)
			return err
		},
		"classes": func() error {
			_, err := infer.Labels(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, good, 300, identity)
			return err
		},
		"overlap": func() error {
			_, err := infer.SlidingWindow(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, infer.Options{Window: [3]int{2, 2, 2}, Overlap: 1}, 1, identity)
			return err
		},
		"mode": func() error {
			_, err := infer.SlidingWindow(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, infer.Options{Window: [3]int{2, 2, 2}, Mode: "cubic"}, 1, identity)
			return err
		},
		"predictor's length": func() error {
			_, err := infer.SlidingWindow(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, good, 2, identity)
			return err
		},
	} {
		if err := run(); !errors.Is(err, infer.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	failing := func(context.Context, []float32, int, [3]int) ([]float32, error) { return nil, broken }
	if _, err := infer.SlidingWindow(t.Context(), make([]float32, 8), [3]int{2, 2, 2}, good, 1, failing); !errors.Is(err, broken) {
		t.Errorf("the predictor's error became %v", err)
	}
}

// A stop takes effect between batches, and progress counts every window.
func TestCancelAndProgress(t *testing.T) {
	t.Parallel()
	shape := [3]int{8, 8, 8}
	var told []int
	o := infer.Options{Window: [3]int{4, 4, 4}, Batch: 3, Progress: func(done, total int) {
		if total != 8 {
			t.Errorf("total %d", total)
		}
		told = append(told, done)
	}}
	if _, err := infer.SlidingWindow(t.Context(), wave(shape), shape, o, 1, identity); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []int{2, 5, 8}) {
		t.Errorf("progress %v", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(int, int) { cancel() }
	if _, err := infer.SlidingWindow(ctx, wave(shape), shape, o, 1, identity); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Stitching should cost little beside a network: 16 million voxels, 2 classes.
func BenchmarkStitching(b *testing.B) {
	shape := [3]int{256, 256, 32}
	x := make([]float32, count(shape))
	o := infer.Options{Window: [3]int{64, 64, 32}, Overlap: 0.25}
	out := make([]float32, 2*count(o.Window))
	p := func(context.Context, []float32, int, [3]int) ([]float32, error) { return out, nil }
	for b.Loop() {
		if _, err := infer.Labels(b.Context(), x, shape, o, 2, p); err != nil {
			b.Fatal(err)
		}
	}
}

// Probabilities gives the labels of Labels, and one minus the background's
// softmax of the logits of SlidingWindow.
func TestProbabilities(t *testing.T) {
	t.Parallel()
	shape, classes := [3]int{7, 5, 6}, 3
	x := make([]float32, 7*5*6)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	o := infer.Options{Window: [3]int{4, 4, 8}, Overlap: 0.5, Batch: 2}
	p := func(_ context.Context, in []float32, n int, size [3]int) ([]float32, error) {
		voxels := size[0] * size[1] * size[2]
		out := make([]float32, n*classes*voxels)
		for i, v := range in {
			for c := range classes {
				out[(i/voxels*classes+c)*voxels+i%voxels] = v * float32(c-1) * 3
			}
		}
		return out, nil
	}
	labels, foreground, err := infer.Probabilities(t.Context(), x, shape, o, classes, p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := infer.Labels(t.Context(), x, shape, o, classes, p)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, labels) {
		t.Error("the labels differ")
	}
	logits, err := infer.SlidingWindow(t.Context(), x, shape, o, classes, p)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range foreground {
		var sum float64
		for c := range classes {
			sum += math.Exp(float64(logits[c*len(x)+i]))
		}
		if want := 1 - math.Exp(float64(logits[i]))/sum; math.Abs(float64(got)-want) > 1e-6 {
			t.Fatalf("voxel %d: %v, want %v", i, got, want)
		}
	}
	if _, _, err := infer.Probabilities(t.Context(), x, shape, o, 257, p); !errors.Is(err, infer.ErrInput) {
		t.Errorf("257 classes: %v", err)
	}
}
