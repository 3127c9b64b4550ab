package soft_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/skeleton"
	"github.com/minivess/minivess/engine/train/soft"
)

func losses() map[string]soft.Loss {
	return map[string]soft.Loss{"clDice": soft.ClDice, "cbDice": soft.CbDice, "boundary": soft.Boundary}
}

func of(t *testing.T, l soft.Loss, p, y []float32, shape [3]int) (float64, []float32) {
	t.Helper()
	g := make([]float32, len(p))
	v, err := l(t.Context(), p, y, shape, 1, g)
	if err != nil {
		t.Fatal(err)
	}
	return v, g
}

// tube is a vessel that runs askew through the volume.
func tube(shape [3]int, slope float64, radius float64) []float32 {
	m := make([]float32, shape[0]*shape[1]*shape[2])
	for i := range m {
		x, y, z := i%shape[0], i/shape[0]%shape[1], i/(shape[0]*shape[1])
		dx, dy := float64(x)-float64(shape[0])/3-slope*float64(z), float64(y)-float64(shape[1])/2
		if dx*dx+dy*dy <= radius*radius {
			m[i] = 1
		}
	}
	return m
}

func hard(m []float32) metrics.Mask {
	data := make([]uint8, len(m))
	for i, v := range m {
		data[i] = uint8(v)
	}
	return metrics.Mask{Data: data}
}

// MONAI's soft clDice has the same value and the same gradient.
func TestClDiceAgreesWithMONAI(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/monai.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		MONAI string
		Cases []struct {
			Shape             [3]int
			Frequency, Radius float64
			Loss              float64
			Gradient          []float64
		}
	}
	if err := json.Unmarshal(b, &fixture); err != nil || fixture.MONAI != "1.4.0" || len(fixture.Cases) != 3 {
		t.Fatal(err, fixture.MONAI)
	}
	for _, c := range fixture.Cases {
		n := len(c.Gradient)
		p, y := make([]float32, n), make([]float32, n)
		for i := range p {
			p[i] = float32(0.5 + 0.5*math.Sin(float64(i)*c.Frequency))
			x, row, z := i%c.Shape[0], i/c.Shape[0]%c.Shape[1], i/(c.Shape[0]*c.Shape[1])
			if float64((row-3)*(row-3)+(x-z)*(x-z)) <= c.Radius*c.Radius {
				y[i] = 1
			}
		}
		v, g := of(t, soft.ClDice, p, y, c.Shape)
		if math.Abs(v-c.Loss) > 1e-6 {
			t.Errorf("%v: %v, MONAI has %v", c.Shape, v, c.Loss)
		}
		for i := range g {
			if math.Abs(float64(g[i])-c.Gradient[i]) > 1e-6 {
				t.Fatalf("%v: gradient %d is %v, MONAI has %v", c.Shape, i, g[i], c.Gradient[i])
			}
		}
	}
}

// curve is a vessel of one voxel in each slice.
func curve(shape [3]int, slope float64) []float32 {
	m := make([]float32, shape[0]*shape[1]*shape[2])
	for z := range shape[2] {
		x := int(math.Round(float64(shape[0])/3 + slope*float64(z)))
		m[x+shape[0]*(shape[1]/2+shape[1]*z)] = 1
	}
	return m
}

func sum(m []float32) float64 {
	n := 0.0
	for _, v := range m {
		n += float64(v)
	}
	return n
}

func metric(t *testing.T, p, y []float32, shape [3]int, name string) float64 {
	t.Helper()
	ref, pred := hard(y), hard(p)
	ref.Shape, pred.Shape = shape, shape
	r, err := metrics.Evaluate(t.Context(), ref, pred, metrics.Options{Spacing: [3]float64{1, 1, 1}, Metrics: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Values[name]
}

// Of masks one voxel thin, which are their own skeletons in either way of
// thinning, 1 − loss is the metric clDice but for the voxel that both sides of
// each ratio have added, exactly; without it the difference is at most that.
func TestClDiceOfThinMasks(t *testing.T) {
	t.Parallel()
	shape := [3]int{18, 12, 20}
	rapid.Check(t, func(rt *rapid.T) {
		slope := rapid.Float64Range(-0.25, 0.55)
		y, p := curve(shape, slope.Draw(rt, "reference")), curve(shape, slope.Draw(rt, "prediction"))
		slice := shape[0] * shape[1]
		clear(p[3*slice:][:rapid.IntRange(0, 12).Draw(rt, "missed")*slice])
		for i, s := range soft.Skeleton(y, shape, soft.Iterations) {
			if s != y[i] {
				rt.Fatalf("voxel %d of a thin mask is %v in its skeleton", i, s)
			}
		}
		loss, _ := of(t, soft.ClDice, p, y, shape)
		most := 0.0
		smoothed := func(name string, m []float32) float64 {
			n := sum(m)
			most = max(most, 2/(n+1))
			return (metric(t, p, y, shape, name)*n + soft.Smooth) / (n + soft.Smooth)
		}
		precision, recall := smoothed(metrics.SkeletonPrecision, p), smoothed(metrics.SkeletonRecall, y)
		if want := 2 * precision * recall / (precision + recall); math.Abs(1-loss-want) > 1e-6 {
			rt.Fatalf("1 − loss is %v, the metrics say %v", 1-loss, want)
		}
		if want := metric(t, p, y, shape, metrics.ClDice); math.Abs(1-loss-want) > most {
			rt.Fatalf("1 − loss is %v, the metric %v", 1-loss, want)
		}
	})
}

// Of thick masks the two differ by the way of thinning too: by at most 0.12 where
// half of a vessel is missed, or it is too thick.
func TestClDiceOfThickMasks(t *testing.T) {
	t.Parallel()
	shape := [3]int{24, 20, 32}
	half := func(m []float32) []float32 {
		clear(m[len(m)/2:])
		return m
	}
	for _, c := range []struct {
		name string
		p, y []float32
	}{
		{"the same", tube(shape, 0.3, 3), tube(shape, 0.3, 3)},
		{"too thick", tube(shape, 0.3, 4), tube(shape, 0.3, 2)},
		{"too thin", tube(shape, 0.3, 1), tube(shape, 0.3, 3)},
		{"half of it", half(tube(shape, 0.3, 3)), tube(shape, 0.3, 3)},
		{"half of it, thin", half(tube(shape, 0, 1.5)), tube(shape, 0, 2.5)},
		{"elsewhere", tube(shape, 0, 2), tube(shape, -10, 0.4)},
	} {
		loss, _ := of(t, soft.ClDice, c.p, c.y, shape)
		if want := metric(t, c.p, c.y, shape, metrics.ClDice); math.Abs(1-loss-want) > 0.12 {
			t.Errorf("%s: 1 − loss is %v, the metric %v", c.name, 1-loss, want)
		}
	}
}

// A soft skeleton of a mask lies in it and is 0 or 1; more erosions than the
// vessel is thick change nothing.
func TestSkeletonOfAMask(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		shape := [3]int{8, 7, 6}
		n := shape[0] * shape[1] * shape[2]
		mask := make([]float32, n)
		for i, on := range rapid.SliceOfN(rapid.Bool(), n, n).Draw(rt, "mask") {
			if on {
				mask[i] = 1
			}
		}
		s, more := soft.Skeleton(mask, shape, 10), soft.Skeleton(mask, shape, 20)
		for i, v := range s {
			if v != 0 && v != 1 || v > mask[i] || v != more[i] {
				rt.Fatalf("voxel %d: %v of %v, later %v", i, v, mask[i], more[i])
			}
		}
	})
}

// CbDice is what its definition says, here written down voxel by voxel with
// distances by brute force.
func TestCbDiceIsItsDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		shape := [3]int{9, 8, 7}
		radius, slope := rapid.Float64Range(0.4, 3), rapid.Float64Range(-0.5, 0.8)
		y, p := tube(shape, slope.Draw(rt, "slope"), radius.Draw(rt, "radius")), tube(shape, slope.Draw(rt, "its slope"), radius.Draw(rt, "its radius"))
		for i := range p {
			p[i] = p[i]*0.6 + 0.39*float32(math.Abs(math.Sin(float64(i))))
		}
		got, _ := of(t, soft.CbDice, p, y, shape)
		if want := definition(t, p, y, shape); math.Abs(got-want) > 1e-6 {
			rt.Fatalf("%v, want %v", got, want)
		}
		if same, _ := of(t, soft.CbDice, y, y, shape); math.Abs(same) > 1e-9 {
			rt.Fatalf("masks that agree have a loss of %v", same)
		}
	})
}

// definition follows equations 3 to 7 of the paper literally.
func definition(t *testing.T, p, y []float32, shape [3]int) float64 {
	t.Helper()
	type voxel struct{ v, r, w float64 }
	measure := func(x []float32, p func(i int) float64) []voxel {
		mask := make([]uint8, len(x))
		for i, v := range x {
			if v > 0.5 {
				mask[i] = 1
			}
		}
		line, err := skeleton.Thin(t.Context(), mask, shape)
		if err != nil {
			t.Fatal(err)
		}
		depth, thickest := make([]float64, len(x)), 1.0
		for i := range x {
			if mask[i] == 0 {
				continue
			}
			nearest := math.Inf(1)
			for j := range x {
				if mask[j] != 0 {
					continue
				}
				a := [3]int{i%shape[0] - j%shape[0], i/shape[0]%shape[1] - j/shape[0]%shape[1], i/(shape[0]*shape[1]) - j/(shape[0]*shape[1])}
				nearest = min(nearest, math.Sqrt(float64(a[0]*a[0]+a[1]*a[1]+a[2]*a[2])))
			}
			if depth[i] = nearest; line[i] != 0 {
				thickest = max(thickest, nearest)
			}
		}
		out := make([]voxel, len(x))
		for i, d := range depth {
			out[i].v = p(i) * min(d, thickest) / thickest
			if line[i] != 0 {
				out[i].r = p(i) * d / thickest
				out[i].w = p(i) * (thickest - d + 1) / thickest * (thickest - d + 1) / thickest
			}
		}
		return out
	}
	pred, label := measure(p, func(i int) float64 { return float64(p[i]) }), measure(y, func(int) float64 { return 1 })
	share := func(of, in []voxel) float64 {
		above, below := 1.0, 1.0
		for i, a := range of {
			above += a.w * in[i].v
			if in[i].r == 0 {
				below += a.w * a.r
			} else {
				below += a.w * in[i].r
			}
		}
		return above / below
	}
	precision, recall := share(pred, label), share(label, pred)
	return 1 - 2*precision*recall/(precision+recall)
}

// The boundary loss is the mean of signed distances, has its least value at the
// reference and its greatest at the complement, and grows with the distance of
// a false voxel.
func TestBoundaryAtTheLimits(t *testing.T) {
	t.Parallel()
	shape := [3]int{9, 8, 7}
	y := tube(shape, 0.2, 2)
	n := len(y)
	least, g := of(t, soft.Boundary, y, y, shape)
	other := make([]float32, n)
	for i := range y {
		other[i] = 1 - y[i]
	}
	most, _ := of(t, soft.Boundary, other, y, shape)
	if !(least < 0 && most > 0) {
		t.Fatalf("from %v to %v", least, most)
	}
	for i := range y {
		nearest := math.Inf(1)
		for j := range y {
			if y[i] != y[j] {
				a := [3]int{i%shape[0] - j%shape[0], i/shape[0]%shape[1] - j/shape[0]%shape[1], i/(shape[0]*shape[1]) - j/(shape[0]*shape[1])}
				nearest = min(nearest, math.Sqrt(float64(a[0]*a[0]+a[1]*a[1]+a[2]*a[2])))
			}
		}
		phi := nearest
		if y[i] == 1 {
			phi = 1 - nearest
		}
		if math.Abs(float64(g[i])*float64(n)-phi) > 1e-5 {
			t.Fatalf("voxel %d lies at %v, the gradient says %v", i, phi, float64(g[i])*float64(n))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		mask := make([]float32, n)
		for i, on := range rapid.SliceOfN(rapid.Bool(), n, n).Draw(rt, "mask") {
			if on {
				mask[i] = 1
			}
		}
		if v, _ := of(t, soft.Boundary, mask, y, shape); v < least-1e-9 || v > most+1e-9 {
			rt.Fatalf("%v is not from %v to %v", v, least, most)
		}
	})
	for name, full := range map[string][]float32{"empty": make([]float32, n), "filled": tube(shape, 0, 100)} {
		if v, _ := of(t, soft.Boundary, other, full, shape); v != 0 {
			t.Errorf("an %s reference: %v", name, v)
		}
	}
}

// Gradients are those of finite differences, and scale scales them.
func TestGradients(t *testing.T) {
	t.Parallel()
	for name, l := range losses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				shape := [3]int{6, 5, 7}
				n := shape[0] * shape[1] * shape[2]
				y := tube(shape, rapid.Float64Range(-0.3, 0.5).Draw(rt, "slope"), rapid.Float64Range(0.5, 2).Draw(rt, "radius"))
				// Values a step apart, none of them near a half, so that no other one is
				// chosen when one of them moves.
				p := make([]float32, n)
				const width = 1e-3
				for i, place := range rapid.Permutation(indices(n)).Draw(rt, "places") {
					p[i] = 0.01 + 0.98*(float32(place)+0.5)/float32(n)
				}
				_, g := of(t, l, p, y, shape)
				i := rapid.IntRange(0, n-1).Draw(rt, "voxel")
				at := p[i]
				var v [2]float64
				for k, d := range [2]float32{width / 2, -width / 2} {
					p[i] = at + d
					v[k], _ = of(t, l, p, y, shape)
				}
				p[i] = at
				slope := (v[0] - v[1]) / width
				if math.Abs(slope-float64(g[i])) > 2e-4+0.01*math.Abs(slope) {
					rt.Fatalf("voxel %d at %v: gradient %v, finite difference %v", i, at, g[i], slope)
				}
				scaled := append([]float32(nil), g...)
				if _, err := l(t.Context(), p, y, shape, -2, scaled); err != nil {
					rt.Fatal(err)
				}
				if math.Abs(float64(scaled[i]+g[i])) > 1e-6 {
					rt.Fatalf("gradient %v less twice itself is %v", g[i], scaled[i])
				}
			})
		})
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Patches without a vessel, or full of it, have finite losses and gradients.
func TestEmptyAndFull(t *testing.T) {
	t.Parallel()
	shape := [3]int{4, 3, 5}
	masks := map[string][]float32{"empty": make([]float32, 60), "full": tube(shape, 0, 100), "tube": tube(shape, 0, 1)}
	for name, l := range losses() {
		for a, y := range masks {
			for b, p := range masks {
				v, g := of(t, l, p, y, shape)
				if math.IsNaN(v) || v > 5 || v < -5 {
					t.Errorf("%s of %s and %s is %v", name, a, b, v)
				}
				if a == b && name != "boundary" && math.Abs(v) > 1e-9 {
					t.Errorf("%s of two %s masks is %v", name, a, v)
				}
				for _, x := range g {
					if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
						t.Fatalf("%s of %s and %s: gradient %v", name, a, b, x)
					}
				}
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	shape, ok, y := [3]int{2, 2, 2}, make([]float32, 8), []float32{0, 1, 1, 0, 0, 0, 0, 0}
	for name, l := range losses() {
		for what, try := range map[string]func() error{
			"a short array": func() error { _, err := l(t.Context(), ok[:7], y, shape, 1, make([]float32, 8)); return err },
			"no gradient":   func() error { _, err := l(t.Context(), ok, y, shape, 1, nil); return err },
			"no voxels":     func() error { _, err := l(t.Context(), nil, nil, [3]int{0, 2, 2}, 1, nil); return err },
			"a label 2": func() error {
				_, err := l(t.Context(), ok, []float32{2, 0, 0, 0, 0, 0, 0, 0}, shape, 1, make([]float32, 8))
				return err
			},
			"probability of 2": func() error {
				_, err := l(t.Context(), []float32{2, 0, 0, 0, 0, 0, 0, 0}, ok, shape, 1, make([]float32, 8))
				return err
			},
		} {
			if err := try(); !errors.Is(err, soft.ErrInput) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if _, err := l(ctx, y, y, shape, 1, make([]float32, 8)); name != "clDice" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s goes on after the end: %v", name, err)
		}
	}
}

func BenchmarkLosses(b *testing.B) {
	shape := [3]int{48, 48, 48}
	y := tube(shape, 0.3, 3)
	p := make([]float32, len(y))
	for i := range p {
		p[i] = 0.5 + 0.5*float32(math.Sin(float64(i)))
	}
	g := make([]float32, len(y))
	for name, l := range losses() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l(b.Context(), p, y, shape, 1, g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
