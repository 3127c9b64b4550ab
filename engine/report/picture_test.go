package report_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func decoded(t *testing.T, b []byte) *image.Paletted {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := img.(*image.Paletted)
	if !ok {
		t.Fatalf("a picture of the type %T", img)
	}
	return p
}

// TestGoldenPictures compares pixels, not bytes: how well they are packed is
// the business of the standard library.
func TestGoldenPictures(t *testing.T) {
	t.Parallel()
	s := tube(t, [3]int{40, 32, 9}, [3]float64{1, 1, 2.5})
	p, err := report.Picture(t.Context(), s, report.PictureOptions{MaxSide: 96})
	if err != nil {
		t.Fatal(err)
	}
	var captions strings.Builder
	for i, v := range p.Views {
		fmt.Fprintln(&captions, v.Plane, v.Slice, v.Caption)
		for _, l := range v.Layers {
			fmt.Fprintf(&captions, "  %s %d×%d: %s\n", l.Kind, l.Width, l.Height, l.Alt)
			file := filepath.Join("testdata", fmt.Sprintf("%d_%s.png", i, l.Kind))
			if *update {
				if err := os.WriteFile(file, l.PNG, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, want := decoded(t, l.PNG), decoded(t, golden)
			if !bytes.Equal(got.Pix, want.Pix) || got.Rect != want.Rect || !cmp.Equal(got.Palette, want.Palette) {
				t.Errorf("%s differs; if that is meant, run with -update and look at it", file)
			}
			if got.Rect.Dx() != l.Width || got.Rect.Dy() != l.Height {
				t.Errorf("%s: %v, said to be %d×%d", file, got.Rect, l.Width, l.Height)
			}
		}
	}
	golden(t, "captions.txt", captions.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestPicturesAreDeterministic(t *testing.T) {
	t.Parallel()
	s := tube(t, [3]int{30, 20, 5}, [3]float64{0.5, 0.5, 2})
	one, err := report.Picture(t.Context(), s, report.PictureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := report.Picture(t.Context(), s, report.PictureOptions{})
	if err != nil || !cmp.Equal(one, two) {
		t.Errorf("two drawings of one scene differ, %v", err)
	}
}

// dots is a scene of n voxels each with its own truth: r and p are strings of 0
// and 1, x fastest.
func dots(shape [3]int, r, p string) report.Scene {
	s := report.Scene{Shape: shape, Spacing: [3]float64{1, 1, 1}, Unit: "mm"}
	for i := range r {
		s.Image = append(s.Image, float32(i))
		s.Reference, s.Prediction = append(s.Reference, r[i]-'0'), append(s.Prediction, p[i]-'0')
	}
	return s
}

func TestCountsAndColours(t *testing.T) {
	t.Parallel()
	p, err := report.Picture(t.Context(), dots([3]int{4, 1, 1}, "1100", "1010"), report.PictureOptions{MaxSide: 16, Margin: -1})
	if err != nil {
		t.Fatal(err)
	}
	if want := (report.Counts{Agreed: 1, Missed: 1, False: 1}); p.Counts != want || len(p.Views) != 1 {
		t.Errorf("%+v, %d views", p.Counts, len(p.Views))
	}
	errs := decoded(t, p.Views[0].Layers[2].PNG)
	if errs.Rect.Dx() != 16 || errs.Rect.Dy() != 4 {
		t.Fatalf("a voxel has %v pixels", errs.Rect)
	}
	// Sky blue, vermillion, yellow, grey: which channel leads tells them apart.
	at := func(x int) color.RGBA {
		c, ok := color.RGBAModel.Convert(errs.At(4*x+2, 2)).(color.RGBA)
		if !ok {
			t.Fatal("no colour")
		}
		return c
	}
	if c := at(0); c.B <= c.G || c.G <= c.R {
		t.Errorf("what agrees is %v", c)
	}
	if c := at(1); int(c.R) <= int(c.G)+50 || c.G <= c.B+50 {
		t.Errorf("what is missed is %v", c)
	}
	if c := at(2); c.R <= c.B+50 || c.G <= c.B+50 {
		t.Errorf("what is false is %v", c)
	}
	if c := at(3); c.R != c.G || c.G != c.B {
		t.Errorf("background is %v", c)
	}
}

// TestAspect draws a plane across the slices as high as they are thick.
func TestAspect(t *testing.T) {
	t.Parallel()
	s := tube(t, [3]int{60, 60, 6}, [3]float64{1, 1, 10})
	p, err := report.Picture(t.Context(), s, report.PictureOptions{MaxSide: 120, Margin: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.Views {
		if l := v.Layers[0]; l.Width != 120 || l.Height != 120 {
			t.Errorf("%s of 60×60 %s is %d×%d", v.Plane, s.Unit, l.Width, l.Height)
		}
	}
}

// TestLargeSlicesAreMadeSmaller keeps a vessel of one voxel and averages grey.
func TestLargeSlicesAreMadeSmaller(t *testing.T) {
	t.Parallel()
	const n = 2048
	s := report.Scene{
		Shape: [3]int{n, n, 1}, Spacing: [3]float64{1, 1, 1},
		Image: make([]float32, n*n), Reference: make([]uint8, n*n), Prediction: make([]uint8, n*n),
	}
	for i := range s.Image {
		s.Image[i] = float32(i % 2 * 100) // averages to the middle
		if i%n == 1001 {
			s.Reference[i] = 1
		}
	}
	p, err := report.Picture(t.Context(), s, report.PictureOptions{Margin: -1})
	if err != nil {
		t.Fatal(err)
	}
	l := p.Views[0].Layers
	if l[0].Width != report.DefaultMaxSide || l[0].Height != report.DefaultMaxSide {
		t.Errorf("%d×%d", l[0].Width, l[0].Height)
	}
	grey, errs := decoded(t, l[0].PNG), decoded(t, l[2].PNG)
	if v := grey.ColorIndexAt(7, 7); v < 31 || v > 33 {
		t.Errorf("an average of black and white is %d of 63", v)
	}
	missed := 0
	for x := range errs.Rect.Dx() {
		if errs.ColorIndexAt(x, 100)/64 == 2 {
			missed++
		}
	}
	if missed != 1 {
		t.Errorf("a line of one voxel is %d pixels wide", missed)
	}
}

func TestOddScenesAreDrawnWithNotes(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		change func(*report.Scene)
		note   string
	}{
		"no structure":      {func(s *report.Scene) { clear(s.Reference); clear(s.Prediction) }, "neither reference nor prediction"},
		"empty reference":   {func(s *report.Scene) { clear(s.Reference) }, "the reference is empty"},
		"empty prediction":  {func(s *report.Scene) { clear(s.Prediction) }, "the prediction is empty"},
		"constant":          {func(s *report.Scene) { clear(s.Image) }, "the same everywhere"},
		"not finite":        {func(s *report.Scene) { s.Image[3], s.Image[4], s.Image[5] = nan, inf, -inf }, "drawn black: 3"},
		"nothing finite":    {func(s *report.Scene) { fill(s.Image, nan) }, "drawn black: 960"},
		"a label without":   {func(s *report.Scene) { s.Label = 7 }, "neither reference nor prediction"},
		"one constant, NaN": {func(s *report.Scene) { clear(s.Image); s.Image[0] = nan }, "the same everywhere"},
		"confused": {func(s *report.Scene) {
			for i := range s.Reference {
				s.Reference[i] *= 2
			}
		}, "drawn as agreeing: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tube(t, [3]int{16, 12, 5}, [3]float64{1, 1, 2})
			c.change(&s)
			p, err := report.Picture(t.Context(), s, report.PictureOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Views) < 3 || !strings.Contains(strings.Join(p.Notes, "\n"), c.note) {
				t.Errorf("%d views, notes %q", len(p.Views), p.Notes)
			}
			for _, v := range p.Views {
				for _, l := range v.Layers {
					decoded(t, l.PNG)
				}
			}
		})
	}
}

func fill(s []float32, v float32) {
	for i := range s {
		s[i] = v
	}
}

// TestBlackIsForWhatIsNotFinite looks at the pixels of such voxels.
func TestBlackIsForWhatIsNotFinite(t *testing.T) {
	t.Parallel()
	s := dots([3]int{4, 1, 1}, "0000", "0000")
	s.Image = []float32{50, float32(math.NaN()), 100, float32(math.Inf(1))}
	p, err := report.Picture(t.Context(), s, report.PictureOptions{Low: 1e-9, High: 100})
	if err != nil {
		t.Fatal(err)
	}
	img := decoded(t, p.Views[0].Layers[0].PNG)
	for x, want := range []uint8{0, 0, 63, 0} {
		if got := img.ColorIndexAt(img.Rect.Dx()/8+x*img.Rect.Dx()/4, 0); got != want {
			t.Errorf("voxel %d is %d, want %d", x, got, want)
		}
	}
}

func TestPictureRefuses(t *testing.T) {
	t.Parallel()
	good := tube(t, [3]int{8, 8, 3}, [3]float64{1, 1, 1})
	for name, c := range map[string]struct {
		change  func(*report.Scene)
		options report.PictureOptions
		want    error
	}{
		"a shorter mask":      {func(s *report.Scene) { s.Reference = s.Reference[1:] }, report.PictureOptions{}, report.ErrShape},
		"no image":            {func(s *report.Scene) { s.Image = nil }, report.PictureOptions{}, report.ErrShape},
		"an empty shape":      {func(s *report.Scene) { s.Shape[1] = 0 }, report.PictureOptions{}, report.ErrShape},
		"a negative shape":    {func(s *report.Scene) { s.Shape = [3]int{-8, -8, 3} }, report.PictureOptions{}, report.ErrShape},
		"an impossible shape": {func(s *report.Scene) { s.Shape = [3]int{math.MaxInt / 2, 8, 3} }, report.PictureOptions{}, report.ErrShape},
		"no spacing":          {func(s *report.Scene) { s.Spacing[2] = 0 }, report.PictureOptions{}, report.ErrSpacing},
		"negative spacing":    {func(s *report.Scene) { s.Spacing[0] = -1 }, report.PictureOptions{}, report.ErrSpacing},
		"NaN spacing":         {func(s *report.Scene) { s.Spacing[0] = math.NaN() }, report.PictureOptions{}, report.ErrSpacing},
		"a tiny picture":      {func(*report.Scene) {}, report.PictureOptions{MaxSide: 3}, report.ErrOptions},
		"a huge picture":      {func(*report.Scene) {}, report.PictureOptions{MaxSide: 1 << 20}, report.ErrOptions},
		"crossed percentiles": {func(*report.Scene) {}, report.PictureOptions{Low: 60, High: 40}, report.ErrOptions},
		"a percentile of 120": {func(*report.Scene) {}, report.PictureOptions{High: 120}, report.ErrOptions},
		"a NaN percentile":    {func(*report.Scene) {}, report.PictureOptions{Low: math.NaN()}, report.ErrOptions},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good
			c.change(&s)
			if _, err := report.Picture(t.Context(), s, c.options); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := report.Picture(ctx, good, report.PictureOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAnySceneCanBeDrawn draws random masks in random shapes and spacings.
func TestAnySceneCanBeDrawn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shape := [3]int{rapid.IntRange(1, 9).Draw(t, "x"), rapid.IntRange(1, 9).Draw(t, "y"), rapid.IntRange(1, 5).Draw(t, "z")}
		n := shape[0] * shape[1] * shape[2]
		spacing := rapid.Float64Range(1e-3, 1e3)
		s := report.Scene{
			Shape: shape, Spacing: [3]float64{spacing.Draw(t, "sx"), spacing.Draw(t, "sy"), spacing.Draw(t, "sz")},
			Image:     rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "image"),
			Reference: rapid.SliceOfN(rapid.Uint8Range(0, 2), n, n).Draw(t, "r"), Prediction: rapid.SliceOfN(rapid.Uint8Range(0, 2), n, n).Draw(t, "p"),
			Label: rapid.Uint8Range(0, 2).Draw(t, "label"),
		}
		o := report.PictureOptions{MaxSide: rapid.IntRange(16, 64).Draw(t, "side"), Margin: rapid.IntRange(-1, 4).Draw(t, "margin")}
		p, err := report.Picture(context.Background(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		want := report.Counts{}
		for i := range n {
			r, q := s.Reference[i] != 0, s.Prediction[i] != 0
			if s.Label != 0 {
				r, q = s.Reference[i] == s.Label, s.Prediction[i] == s.Label
			}
			switch {
			case r && q:
				want.Agreed++
			case r:
				want.Missed++
			case q:
				want.False++
			}
		}
		if p.Counts != want {
			t.Fatalf("counted %+v, want %+v", p.Counts, want)
		}
		for _, v := range p.Views {
			for _, l := range v.Layers {
				if l.Width > o.MaxSide || l.Height > o.MaxSide || l.Width < 1 || l.Height < 1 {
					t.Fatalf("%s is %d×%d, the limit %d", l.Kind, l.Width, l.Height, o.MaxSide)
				}
			}
		}
	})
}
