package cases_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/cases"
)

// differences draws values that are often equal, often 0 and of either sign.
func differences(rt *rapid.T, low, high int) []float64 {
	step := rapid.SampledFrom([]float64{0.1, 1, 1e-9}).Draw(rt, "step")
	return rapid.SliceOfN(rapid.Map(rapid.IntRange(-9, 12), func(v int) float64 { return step * float64(v) }), low, high).Draw(rt, "differences")
}

func compared(rt *rapid.T, d []float64, o cases.Options) cases.Paired {
	rt.Helper()
	p, err := cases.Compare(make([]float64, len(d)), d, cases.Question{HigherIsBetter: true}, o)
	if err != nil {
		rt.Fatal(err)
	}
	return p
}

// TestPermutationAgainstEveryPattern enumerates the signs one pattern at a time.
func TestPermutationAgainstEveryPattern(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		whole := rapid.SliceOfN(rapid.IntRange(-9, 12), 0, 11).Draw(rt, "whole")
		sum := func(pattern int) (s int) {
			for i, v := range whole {
				if pattern>>i&1 == 1 {
					v = -v
				}
				s += v
			}
			return max(s, -s)
		}
		far := 0
		for pattern := range 1 << len(whole) {
			if sum(pattern) >= sum(0) {
				far++
			}
		}
		d := make([]float64, len(whole)) // tenths, whose sums are rounded
		for i, v := range whole {
			d[i] = float64(v) / 10
		}
		p := compared(rt, d, cases.Options{Resamples: 10})
		if want := float64(far) / float64(int(1)<<len(whole)); math.Abs(p.Permutation-want) > 1e-12 {
			rt.Errorf("p = %v, want %v (%s)", p.Permutation, want, p.PermutationMethod)
		}
	})
}

// TestRandomPermutationIsNearTheExact compares 30 differences, counted out, with
// 31, sampled: the last is so small that it hardly matters.
func TestRandomPermutationIsNearTheExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	d := make([]float64, 31)
	for i := range d {
		d[i] = random.NormFloat64() + 0.6
	}
	d[30] = 1e-9
	o := cases.Options{Resamples: 200_000, Seed: 1}
	exact, err := cases.Compare(make([]float64, 30), d[:30], cases.Question{}, o)
	if err != nil {
		t.Fatal(err)
	}
	sampled, err := cases.Compare(make([]float64, 31), d, cases.Question{}, o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := cases.Compare(make([]float64, 31), d, cases.Question{}, o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(exact.PermutationMethod, "exact, n = 30") || !strings.Contains(sampled.PermutationMethod, "200000 random") {
		t.Errorf("methods %q and %q", exact.PermutationMethod, sampled.PermutationMethod)
	}
	// Four standard errors of a share of 200,000.
	if slack := 4 * math.Sqrt(exact.Permutation/200_000); exact.Permutation > 0.2 || math.Abs(sampled.Permutation-exact.Permutation) > slack {
		t.Errorf("exact %v, sampled %v", exact.Permutation, sampled.Permutation)
	}
	if sampled.Permutation != again.Permutation {
		t.Errorf("with the same seed %v and %v", sampled.Permutation, again.Permutation)
	}
}

func TestIntervalHoldsTheEstimateAndMirrors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := differences(rt, cases.MinForInterval, 20)
		o := cases.Options{Resamples: 1000, Seed: rapid.Uint64().Draw(rt, "seed")}
		p := compared(rt, d, o)
		slack := 1e-9 * (math.Abs(p.Interval.Low) + math.Abs(p.Interval.High))
		if p.Interval.Low > p.MeanDifference+slack || p.Interval.High < p.MeanDifference-slack {
			rt.Errorf("%v is not in %+v", p.MeanDifference, *p.Interval)
		}
		for i := range d {
			d[i] = -d[i]
		}
		m := compared(rt, d, o)
		if math.Abs(m.Interval.Low+p.Interval.High) > slack+1e-15 || math.Abs(m.Interval.High+p.Interval.Low) > slack+1e-15 {
			rt.Errorf("%+v mirrors to %+v", *p.Interval, *m.Interval)
		}
		if m.Effects.RankBiserial != -p.Effects.RankBiserial || m.Effects.CliffsDelta != -p.Effects.CliffsDelta {
			rt.Errorf("%+v mirrors to %+v", *p.Effects, *m.Effects)
		}
		for _, e := range []float64{p.Effects.RankBiserial, p.Effects.CliffsDelta} {
			if e < -1 || e > 1 {
				rt.Errorf("effects %+v", *p.Effects)
			}
		}
	})
}

// TestIntervalCoversAsOftenAsItSays draws skewed samples of 20 whose mean is
// known. BCa falls a little short of 95 % at such a size; far off it would be
// wrong.
func TestIntervalCoversAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	covered := 0
	const trials = 600
	for i := range trials {
		values := make([]float64, 20)
		for j := range values {
			values[j] = random.ExpFloat64()
		}
		if iv := cases.Summarise(values, cases.Options{Seed: uint64(i), Resamples: 500}).Interval; iv.Low <= 1 && 1 <= iv.High {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.88 || share > 0.97 {
		t.Errorf("%.3f of the intervals hold the mean", share)
	}
}

func TestHolmIsMonotoneAndBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 12).Draw(rt, "p")
		was := slices.Clone(p)
		adjusted := cases.Holm(p)
		if !slices.Equal(p, was) || len(adjusted) != len(p) {
			rt.Fatalf("%v became %v, adjusted %v", was, p, adjusted)
		}
		for i := range p {
			if adjusted[i] < p[i] || adjusted[i] > min(1, p[i]*float64(len(p)))+1e-15 {
				rt.Errorf("%v adjusts to %v among %d", p[i], adjusted[i], len(p))
			}
			for j := range p {
				if p[i] < p[j] && adjusted[i] > adjusted[j] {
					rt.Errorf("%v before %v, adjusted %v and %v", p[i], p[j], adjusted[i], adjusted[j])
				}
			}
		}
	})
}

func several(rt *rapid.T) []cases.Scores {
	n := rapid.IntRange(0, 9).Draw(rt, "n")
	value := rapid.Map(rapid.IntRange(-1, 8), func(v int) float64 {
		if v < 0 {
			return math.NaN()
		}
		return float64(v) / 8
	})
	runs := make([]cases.Scores, rapid.IntRange(0, 5).Draw(rt, "runs"))
	for i := range runs {
		runs[i] = cases.Scores{Name: string(rune('a' + i)), Values: rapid.SliceOfN(value, n, n).Draw(rt, "values")}
	}
	return runs
}

func TestSeveralRunsAreConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		runs := several(rt)
		higher := rapid.Bool().Draw(rt, "higher")
		o := cases.Options{Resamples: 60}
		s, err := cases.CompareAll(runs, cases.Question{Metric: "dice", HigherIsBetter: higher}, o)
		if err != nil {
			rt.Fatal(err)
		}
		if len(s.Pairs) != len(runs)*(len(runs)-1)/2 && len(runs) > 0 {
			rt.Errorf("%d pairs of %d runs", len(s.Pairs), len(runs))
		}
		first := 0.0
		for i, place := range s.Ranking.Places {
			first += place.First
			if i > 0 {
				before := s.Ranking.Places[i-1]
				if place.Rank < before.Rank || place.Rank != before.Rank && (before.Mean > place.Mean) != higher {
					rt.Errorf("%+v is before %+v", before, place)
				}
			}
		}
		if s.Ranking.Stability != nil && first < 1-1e-9 {
			rt.Errorf("no run is first in some resamples: %+v", s.Ranking)
		}
		for _, p := range s.Pairs {
			if p.Adjusted < p.P || p.Comparisons != len(s.Pairs) || p.Verdict == "" {
				rt.Errorf("pair %+v", p)
			}
			if (p.Outcome == cases.BetterA || p.Outcome == cases.BetterB) && (p.Adjusted >= cases.Level || p.Interval == nil) {
				rt.Errorf("claimed without grounds: %+v", p)
			}
		}
		if _, err := json.Marshal(s); err != nil {
			rt.Error(err)
		}
		again, err := cases.CompareAll(runs, cases.Question{Metric: "dice", HigherIsBetter: higher}, o)
		if err != nil {
			rt.Fatal(err)
		}
		if again.Verdict != s.Verdict {
			rt.Errorf("%q and then %q", s.Verdict, again.Verdict)
		}
	})
}

func TestTwoOfSeveralAreComparedAsAlone(t *testing.T) {
	t.Parallel()
	a, b := []float64{1, 2, 3, 4, 5, 6.5}, []float64{2, 3, 4, 5, 6, 7}
	q := cases.Question{Metric: "hd95", A: "a", B: "b"}
	alone, err := cases.Compare(b, a, cases.Question{Metric: "hd95", A: "b", B: "a"}, cases.Options{})
	if err != nil {
		t.Fatal(err)
	}
	both, err := cases.CompareAll([]cases.Scores{{Name: "b", Values: b}, {Name: "a", Values: a}}, q, cases.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(alone, both.Pairs[0], cmp.FilterPath(func(p cmp.Path) bool { return strings.HasSuffix(p.String(), "differences") }, cmp.Ignore())); d != "" {
		t.Error(d)
	}
}

func TestSeveralUnpairedRunsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := cases.CompareAll([]cases.Scores{{Name: "a", Values: []float64{1}}, {Name: "b"}}, cases.Question{}, cases.Options{})
	if !errors.Is(err, cases.ErrUnpaired) || !strings.Contains(err.Error(), "1 of a and 0 of b") {
		t.Errorf("got %v", err)
	}
}
