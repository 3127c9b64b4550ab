package metrics_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
)

// scenario is a random pair of masks with options.
type scenario struct {
	ref, pred metrics.Mask
	options   metrics.Options
}

func drawScenario(rt *rapid.T) scenario {
	side := rapid.IntRange(1, 9)
	shape := [3]int{side.Draw(rt, "nx"), side.Draw(rt, "ny"), side.Draw(rt, "nz")}
	n := shape[0] * shape[1] * shape[2]
	voxels := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 0, 1}), n, n)
	// Powers of two scale exactly, so that symmetric cases tie exactly.
	length := rapid.SampledFrom([]float64{0.25, 0.5, 1, 2})
	return scenario{
		metrics.Mask{Shape: shape, Data: voxels.Draw(rt, "reference")},
		metrics.Mask{Shape: shape, Data: voxels.Draw(rt, "prediction")},
		metrics.Options{
			Spacing:   [3]float64{length.Draw(rt, "sx"), length.Draw(rt, "sy"), length.Draw(rt, "sz")},
			Tolerance: rapid.SampledFrom([]float64{0, 0.5, 1, 2}).Draw(rt, "tolerance"),
		},
	}
}

func (s scenario) compare(t *testing.T, rt *rapid.T) metrics.Comparison {
	t.Helper()
	c, err := metrics.Compare(t.Context(), s.ref, s.pred, s.options)
	if err != nil {
		rt.Fatal(err)
	}
	return c
}

// requireEqual compares values by definition and name; scale multiplies the
// distances expected.
func requireEqual(rt *rapid.T, got, want metrics.Comparison, scale float64, skip ...string) {
	for i, r := range want {
		for name, v := range r.Values {
			if slices.Contains(skip, name) {
				continue
			}
			if metrics.IsDistance(name) {
				v *= scale
			}
			g := got[i].Values[name]
			if g != v && !(math.IsNaN(g) && math.IsNaN(v)) && math.Abs(g-v) > 1e-9 {
				rt.Fatalf("%s %s = %v, want %v", r.Definition, name, g, v)
			}
		}
	}
}

func TestSwappingTheMasksChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		swapped := scenario{s.pred, s.ref, s.options}
		got, want := swapped.compare(t, rt), s.compare(t, rt)
		mirrored := map[string]string{
			metrics.Precision: metrics.Recall, metrics.SkeletonPrecision: metrics.SkeletonRecall,
			metrics.LesionPrecision: metrics.LesionRecall,
		}
		oneSided := slices.Concat(slices.Collect(maps.Keys(mirrored)), slices.Collect(maps.Values(mirrored)))
		requireEqual(rt, got, want, 1, append(oneSided, metrics.RadiusError)...)
		for precision, recall := range mirrored {
			if got[0].Values[precision] != want[0].Values[recall] {
				rt.Fatalf("%s %v of the swapped masks, %s %v", precision, got[0].Values[precision], recall, want[0].Values[recall])
			}
		}
	})
}

func TestDistancesScaleWithSpacing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		scaled := s
		for axis := range scaled.options.Spacing {
			scaled.options.Spacing[axis] *= 4
		}
		scaled.options.Tolerance *= 4
		requireEqual(rt, scaled.compare(t, rt), s.compare(t, rt), 4)
	})
}

// TestFlipsAndPermutationsChangeNothing leaves out what centrelines go into:
// which of several equally good voxels thinning keeps depends on the order of
// axes.
func TestFlipsAndPermutationsChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		axes := rapid.Permutation([]int{0, 1, 2}).Draw(rt, "axes")
		flips := rapid.SliceOfN(rapid.Bool(), 3, 3).Draw(rt, "flips")
		turned := scenario{turn(s.ref, axes, flips), turn(s.pred, axes, flips), s.options}
		for to, from := range axes {
			turned.options.Spacing[to] = s.options.Spacing[from]
		}
		requireEqual(rt, turned.compare(t, rt), s.compare(t, rt), 1,
			metrics.ClDice, metrics.SkeletonRecall, metrics.SkeletonPrecision, metrics.RadiusError)
	})
}

func turn(m metrics.Mask, axes []int, flips []bool) metrics.Mask {
	var shape [3]int
	for to, from := range axes {
		shape[to] = m.Shape[from]
	}
	out := metrics.Mask{Shape: shape, Data: make([]uint8, len(m.Data))}
	for i, v := range m.Data {
		old := [3]int{i % m.Shape[0], i / m.Shape[0] % m.Shape[1], i / m.Shape[0] / m.Shape[1]}
		var at [3]int
		for to, from := range axes {
			at[to] = old[from]
			if flips[to] {
				at[to] = shape[to] - 1 - at[to]
			}
		}
		out.Data[at[0]+shape[0]*(at[1]+shape[1]*at[2])] = v
	}
	return out
}

func TestAMaskAgreesWithItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		s.pred = s.ref
		r, err := metrics.Evaluate(t.Context(), s.ref, s.pred, s.options)
		if err != nil {
			rt.Fatal(err)
		}
		for name, v := range r.Values {
			want := 0.0
			if metrics.HigherIsBetter(name) {
				want = 1
			}
			if v != want {
				rt.Fatalf("%s = %v, want %v", name, v, want)
			}
		}
	})
}

// TestDistancesByBruteForce measures border voxels against each other one by
// one, with percentiles as NumPy's documentation defines them.
func TestDistancesByBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		if !slices.Contains(s.ref.Data, 1) || !slices.Contains(s.pred.Data, 1) {
			rt.Skip("an empty mask has no border")
		}
		r, err := metrics.Evaluate(t.Context(), s.ref, s.pred, s.options)
		if err != nil {
			rt.Fatal(err)
		}
		a := directed(s.ref, s.pred, s.options.Spacing)
		b := directed(s.pred, s.ref, s.options.Spacing)
		near := 0
		var total float64
		for _, d := range slices.Concat(a, b) {
			total += d
			if d <= s.options.Tolerance {
				near++
			}
		}
		n := float64(len(a) + len(b))
		for name, want := range map[string]float64{
			metrics.HD:   max(slices.Max(a), slices.Max(b)),
			metrics.HD95: max(quantile(a, 0.95), quantile(b, 0.95)),
			metrics.NSD:  float64(near) / n,
			metrics.ASSD: total / n,
			metrics.MASD: (mean(a) + mean(b)) / 2,
		} {
			if math.Abs(r.Values[name]-want) > 1e-9 {
				rt.Fatalf("%s = %v, want %v", name, r.Values[name], want)
			}
		}
	})
}

// directed lists the distances from a's border voxels to b's.
func directed(a, b metrics.Mask, spacing [3]float64) []float64 {
	var out []float64
	to := borderVoxels(b)
	for _, p := range borderVoxels(a) {
		best := math.Inf(1)
		for _, q := range to {
			var sum float64
			for axis := range 3 {
				d := float64(p[axis]-q[axis]) * spacing[axis]
				sum += d * d
			}
			best = min(best, math.Sqrt(sum))
		}
		out = append(out, best)
	}
	return out
}

func borderVoxels(m metrics.Mask) [][3]int {
	set := func(p [3]int) bool {
		for axis, v := range p {
			if v < 0 || v >= m.Shape[axis] {
				return false
			}
		}
		return m.Data[p[0]+m.Shape[0]*(p[1]+m.Shape[1]*p[2])] == 1
	}
	var out [][3]int
	for i := range m.Data {
		p := [3]int{i % m.Shape[0], i / m.Shape[0] % m.Shape[1], i / m.Shape[0] / m.Shape[1]}
		inner := true
		for axis := range 3 {
			for _, step := range []int{-1, 1} {
				q := p
				q[axis] += step
				inner = inner && set(q)
			}
		}
		if set(p) && !inner {
			out = append(out, p)
		}
	}
	return out
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	k := int(at)
	if k+1 == len(sorted) {
		return sorted[k]
	}
	return sorted[k]*(1-(at-float64(k))) + sorted[k+1]*(at-float64(k))
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// BenchmarkCompareOnVessels scores a volume of MiniVess's size.
func BenchmarkCompareOnVessels(b *testing.B) {
	shape := [3]int{512, 512, 64}
	ref := tubes(shape, 0)
	for name, pred := range map[string]metrics.Mask{"near": tubes(shape, 1), "half missing": halved(ref)} {
		for _, metric := range append([]string{"all"}, metrics.Names(metrics.Minivess)...) {
			b.Run(fmt.Sprintf("%s/%s", name, metric), func(b *testing.B) {
				o := metrics.Options{Spacing: [3]float64{1, 1, 2}, Tolerance: 2}
				if metric != "all" {
					o.Metrics = []string{metric}
				}
				for b.Loop() {
					if _, err := metrics.Evaluate(b.Context(), ref, pred, o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// tubes draws winding tubes of radius 2 to 6 voxels, shifted by a few voxels.
func tubes(shape [3]int, shift int) metrics.Mask {
	m := metrics.Mask{Shape: shape, Data: make([]uint8, shape[0]*shape[1]*shape[2])}
	for k := range 24 {
		radius := 2 + k%5
		for s := range 4 * shape[0] {
			u := float64(s) / float64(4*shape[0])
			x := int(u*float64(shape[0])) + shift
			y := int(float64(shape[1])*(0.5+0.45*math.Sin(6*u+float64(k)))) + shift
			z := int(float64(shape[2]) * (0.5 + 0.4*math.Cos(4*u+1.7*float64(k))))
			ball(m, x, y, z, radius)
		}
	}
	return m
}

func ball(m metrics.Mask, cx, cy, cz, radius int) {
	for z := max(cz-radius/2, 0); z <= min(cz+radius/2, m.Shape[2]-1); z++ {
		for y := max(cy-radius, 0); y <= min(cy+radius, m.Shape[1]-1); y++ {
			for x := max(cx-radius, 0); x <= min(cx+radius, m.Shape[0]-1); x++ {
				if (x-cx)*(x-cx)+(y-cy)*(y-cy)+4*(z-cz)*(z-cz) <= radius*radius {
					m.Data[x+m.Shape[0]*(y+m.Shape[1]*z)] = 1
				}
			}
		}
	}
}

func halved(m metrics.Mask) metrics.Mask {
	out := metrics.Mask{Shape: m.Shape, Data: slices.Clone(m.Data)}
	for i := range out.Data {
		if i%m.Shape[0] > m.Shape[0]/2 {
			out.Data[i] = 0
		}
	}
	return out
}
