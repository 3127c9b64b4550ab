package probability_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/probability"
)

// volume draws probabilities, often equal and often at an edge, and a reference
// with both classes.
func volume(rt *rapid.T) (p []float32, y []uint8) {
	n := rapid.IntRange(2, 60).Draw(rt, "n")
	levels := rapid.SampledFrom([]float32{1, 2, 10, 1000}).Draw(rt, "levels")
	whole := rapid.Map(rapid.Float32Range(0, 1), func(v float32) float32 { return float32(math.Round(float64(v*levels))) / levels })
	p = rapid.SliceOfN(whole, n, n).Draw(rt, "p")
	y = rapid.SliceOfN(rapid.Uint8Range(0, 1), n, n).Draw(rt, "y")
	y[0], y[n-1] = 0, 1
	return p, y
}

func score(rt *rapid.T, p []float32, y []uint8, o probability.Options) probability.Result {
	rt.Helper()
	r, err := probability.Evaluate(rt.Context(), p, y, o)
	if err != nil {
		rt.Fatal(err)
	}
	return r
}

func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-12 || math.IsNaN(a) && math.IsNaN(b)
}

// TestAgainstTheDefinitions counts pairs, thresholds and bins one by one.
func TestAgainstTheDefinitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p, y := volume(rt)
		bins := rapid.IntRange(1, 12).Draw(rt, "bins")
		r := score(rt, p, y, probability.Options{Bins: bins})
		var pairs, area, brier, precision float64
		for i := range p {
			brier += (float64(p[i]) - float64(y[i])) * (float64(p[i]) - float64(y[i])) / float64(len(p))
			if y[i] == 0 {
				continue
			}
			above, right := 0.0, 0.0
			for j := range p {
				if p[j] >= p[i] {
					above++
					right += float64(y[j])
				}
				if y[j] == 0 {
					pairs++
					switch {
					case p[i] > p[j]:
						area++
					case p[i] == p[j]:
						area += 0.5
					}
				}
			}
			precision += right / above / float64(r.Labels[1])
		}
		for name, want := range map[string]float64{probability.Brier: brier, probability.AUROC: area / pairs, probability.AveragePrecision: precision} {
			if !near(r.Values[name], want) {
				rt.Errorf("%s is %v, want %v", name, r.Values[name], want)
			}
		}
		var voxels int64
		var mean, worst float64
		for _, b := range r.Bins {
			gap := math.Abs(b.Accuracy - b.Confidence)
			mean, worst = mean+gap*float64(b.Voxels)/float64(len(p)), max(worst, gap)
			voxels += b.Voxels
			if b.Voxels > 0 && (b.Confidence < b.Low-1e-9 || b.Confidence > b.High+1e-9) {
				rt.Errorf("bin %+v", b)
			}
		}
		if voxels != int64(len(p)) || !near(mean, r.Values[probability.ECE]) || worst != r.Values[probability.MCE] {
			rt.Errorf("%d voxels in bins, ECE %v, MCE %v of %+v", voxels, mean, worst, r)
		}
		bounds(rt, r)
	})
}

func bounds(rt *rapid.T, r probability.Result) {
	rt.Helper()
	for name, v := range r.Values {
		low, high := 0.0, 1.0
		switch name {
		case probability.NLL:
			high = -math.Log(probability.Epsilon)
		case probability.UncertaintySpearman:
			low = -1
		}
		if _, excluded := r.Excluded[name]; math.IsNaN(v) != excluded || v < low-1e-12 || v > high+1e-12 {
			rt.Errorf("%s is %v, excluded %q", name, v, r.Excluded[name])
		}
	}
	if r.Values[probability.ECE] > r.Values[probability.MCE]+1e-12 {
		rt.Errorf("the mean gap exceeds the greatest: %v", r.Values)
	}
}

func TestInvariances(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p, y := volume(rt)
		all := probability.Options{}
		was := score(rt, p, y, all)

		// The order of voxels does not matter.
		q, z := slices.Clone(p), slices.Clone(y)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		random.Shuffle(len(q), func(i, j int) { q[i], q[j], z[i], z[j] = q[j], q[i], z[j], z[i] })
		for name, v := range score(rt, q, z, all).Values {
			if !near(v, was.Values[name]) {
				rt.Errorf("shuffled, %s is %v, was %v", name, v, was.Values[name])
			}
		}
		// A map that keeps the order keeps what depends on the order alone.
		for i := range p {
			q[i] = p[i]/2 + p[i]*p[i]*p[i]/4
		}
		monotone := score(rt, q, y, all)
		for _, name := range []string{probability.AUROC, probability.AveragePrecision} {
			if !near(monotone.Values[name], was.Values[name]) {
				rt.Errorf("mapped, %s is %v, was %v", name, monotone.Values[name], was.Values[name])
			}
		}
		// The other class has the complement: eighths are exact.
		for i := range p {
			p[i] = float32(math.Round(float64(8*p[i]))) / 8
			q[i], z[i] = 1-p[i], 1-y[i]
		}
		was = score(rt, p, y, all)
		swapped := score(rt, q, z, all)
		for _, name := range []string{probability.Brier, probability.NLL, probability.AUROC} {
			if !near(swapped.Values[name], was.Values[name]) {
				rt.Errorf("with classes swapped, %s is %v, was %v", name, swapped.Values[name], was.Values[name])
			}
		}
		// Both classes given apart are the same, but for what is documented.
		both, err := probability.EvaluateClasses(rt.Context(), [][]float32{q, p}, y, all)
		if err != nil {
			rt.Fatal(err)
		}
		if !near(both.Values[probability.Brier], 2*was.Values[probability.Brier]) || !near(both.Values[probability.AUROC], was.Values[probability.AUROC]) ||
			!near(both.Values[probability.NLL], was.Values[probability.NLL]) {
			rt.Errorf("as two classes %v, as one %v", both.Values, was.Values)
		}
		bounds(rt, swapped)
	})
}

// TestCopiesOfAVolumeChangeNothing but the way it is computed: a few voxels are
// sorted, of many most are counted.
func TestCopiesOfAVolumeChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p, y := volume(rt)
		one := score(rt, p, y, probability.Options{})
		copies := 4097/len(p) + 1 + rapid.SampledFrom([]int{0, 100}).Draw(rt, "more")
		many := score(rt, slices.Repeat(p, copies), slices.Repeat(y, copies), probability.Options{Threads: 2})
		for name, v := range many.Values {
			// Rounding adds up over the copies.
			if math.Abs(v-one.Values[name]) > 1e-9 || math.IsNaN(v) != math.IsNaN(one.Values[name]) {
				rt.Errorf("of %d copies %s is %v, of one %v", copies, name, v, one.Values[name])
			}
		}
	})
}

// TestLargeVolumesAreExact goes through buckets that are counted instead of
// sorted, and compares with one thread.
func TestLargeVolumesAreExact(t *testing.T) {
	t.Parallel()
	const n = 300_000
	p, y := make([]float32, n), make([]uint8, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = 0.5 + float32(random.IntN(4000))/(1<<20) // within one bucket and its neighbours
		if random.IntN(4000) < int(float32(1<<20)*(p[i]-0.5)) {
			y[i] = 1
		}
	}
	one, err := probability.Evaluate(t.Context(), p, y, probability.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	five, err := probability.Evaluate(t.Context(), p, y, probability.Options{Threads: 5})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one, five); d != "" {
		t.Error(d)
	}
	var positives, negatives [4000]int64
	for i := range p {
		level := int((p[i] - 0.5) * (1 << 20))
		positives[level] += int64(y[i])
		negatives[level] += int64(1 - y[i])
	}
	var twice, below, all, found, precision float64
	for l := range positives {
		twice += float64(positives[l]) * (2*below + float64(negatives[l]))
		below += float64(negatives[l])
		all += float64(positives[l])
	}
	if want := twice / 2 / all / below; math.Abs(one.Values[probability.AUROC]-want) > 1e-14 {
		t.Errorf("AUROC %v, want %v", one.Values[probability.AUROC], want)
	}
	seen := 0.0
	for l := len(positives) - 1; l >= 0; l-- {
		found += float64(positives[l])
		seen += float64(positives[l] + negatives[l])
		if seen > 0 {
			precision += float64(positives[l]) / all * found / seen
		}
	}
	if math.Abs(one.Values[probability.AveragePrecision]-precision) > 1e-12 {
		t.Errorf("average precision %v, want %v", one.Values[probability.AveragePrecision], precision)
	}
}
