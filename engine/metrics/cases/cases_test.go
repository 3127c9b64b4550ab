package cases_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/cases"
)

func TestSummaryClaimsNoMoreThanTheCasesAllow(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	tests := map[string]struct {
		values []float64
		policy int
		want   string
		note   string
	}{
		"none":     {nil, 0, "no value (0 excluded)", "no case has a value"},
		"all lost": {[]float64{nan, math.Inf(1)}, 0, "no value (2 excluded)", "no case has a value"},
		"one":      {[]float64{0.8}, 0, "0.8 (n = 1)", "a single case: nothing is known about the spread"},
		"two":      {[]float64{0.9, 0.7}, 0, "0.8 (median 0.8, range 0.7–0.9, n = 2)", "only 2 cases: their range is all that can honestly be given"},
		"four": {
			[]float64{0.9, 0.7, 0.8, nan, 0},
			1,
			"0.6 (median 0.75, range 0–0.9, n = 4, 1 by empty-mask policy, 1 excluded)",
			"only 4 cases: their range is all that can honestly be given",
		},
		"five equal": {[]float64{2, 2, 2, 2, 2}, 0, "2 (median 2, IQR 2–2, range 2–2, 95 % CI 2–2, n = 5)", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := cases.Summarise(test.values, cases.Options{ByPolicy: test.policy})
			if s.String() != test.want || s.Note != test.note {
				t.Errorf("got %q and %q, want %q and %q", s, s.Note, test.want, test.note)
			}
		})
	}
}

func TestSummaryAsJSONHasNoNaN(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]float64{
		`{"n":0,"excluded":1,"by_policy":0,"note":"no case has a value"}`:                                                                  {math.NaN()},
		`{"n":1,"excluded":0,"by_policy":0,"mean":0,"median":0,"min":0,"max":0,"note":"a single case: nothing is known about the spread"}`: {0},
	} {
		got, err := json.Marshal(cases.Summarise(values, cases.Options{}))
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestIntervalIsReproducibleAndHoldsTheMean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1), cases.MinForInterval, 20).Draw(rt, "values")
		o := cases.Options{Seed: rapid.Uint64().Draw(rt, "seed"), Resamples: 500}
		a, b := cases.Summarise(values, o), cases.Summarise(values, o)
		if d := cmp.Diff(a, b); d != "" {
			rt.Fatal(d)
		}
		if i := a.Interval; i.Low > i.High || i.Low < a.Min-1e-12 || i.High > a.Max+1e-12 {
			rt.Fatalf("interval %+v of %+v", *i, a)
		}
	})
	// 100 values of variance 1/12 around 0.5: the normal interval is ±0.0566.
	values := make([]float64, 100)
	for i := range values {
		values[i] = (float64(i) + 0.5) / 100
	}
	i := cases.Summarise(values, cases.Options{Seed: 1}).Interval
	if math.Abs(i.Low-0.4434) > 0.004 || math.Abs(i.High-0.5566) > 0.004 {
		t.Errorf("interval %+v, want about 0.443–0.557", *i)
	}
}

// TestPValuesAgreeWithSciPy uses values of scipy 1.17.1's wilcoxon, and for
// ties a count over all sign patterns.
func TestPValuesAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	long := func(n int) []float64 {
		d := make([]float64, n)
		for i := range d {
			d[i] = float64(i + 1)
			if i%3 == 0 {
				d[i] = -d[i]
			}
		}
		return d
	}
	tests := map[string]struct {
		differences []float64
		want        float64
	}{
		"ten":                 {[]float64{0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, 0.9, 1.0}, 0.048828125},
		"six of six":          {[]float64{1, 2, 3, 4, 5, 6}, 0.03125},
		"ties":                {[]float64{1, 1, -1, 2, 2, 3, -4, 5}, 0.25},
		"zeros are dropped":   {[]float64{0, 1, 2, 0, 3, 4, 5, 6}, 0.03125},
		"150, exact":          {long(150), 0.0002395179328382735},
		"300, normal":         {long(300), 3.964417054281965e-07},
		"two":                 {[]float64{1, 2}, 0.5},
		"one":                 {[]float64{-3}, 1},
		"nothing differs":     {[]float64{0, 0}, 1},
		"evenly split":        {[]float64{1, -1}, 1},
		"none, nothing known": {nil, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := cases.Compare(make([]float64, len(test.differences)), test.differences, cases.Question{HigherIsBetter: true}, cases.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(p.P-test.want) > 1e-9*max(1, test.want) && math.Abs(p.P/test.want-1) > 1e-9 {
				t.Errorf("p = %v, want %v", p.P, test.want)
			}
		})
	}
}

func TestVerdictDoesNotOverclaim(t *testing.T) {
	t.Parallel()
	dice := cases.Question{Metric: "dice", A: "brisk-otter", B: "calm-heron", HigherIsBetter: true}
	hd95 := cases.Question{Metric: "hd95", A: "brisk-otter", B: "calm-heron"}
	nan := math.NaN()
	tests := map[string]struct {
		a, b    []float64
		q       cases.Question
		outcome cases.Outcome
		says    []string
	}{
		"two volumes": {
			[]float64{0.5, 0.6},
			[]float64{0.9, 0.9},
			dice, cases.Undecidable,
			[]string{"calm-heron has the better dice on 2 of 2 volumes", "+0.35", "cannot tell a difference from chance", "p would be 0.5"},
		},
		"five volumes": {
			[]float64{1, 1, 1, 1, 1},
			[]float64{2, 3, 4, 5, 6},
			dice, cases.Undecidable,
			[]string{"5 of 5 volumes", "p would be 0.062"},
		},
		"split": {[]float64{1, 2}, []float64{2, 1}, dice, cases.Undecidable, []string{"each have the better dice on 1 of 2 volumes"}},
		"clear, lower is better": {
			[]float64{9, 8, 7, 6, 5, 4, 9, 8},
			[]float64{1, 1, 1, 1, 1, 1, 1, 1},
			hd95, cases.BetterB,
			[]string{"calm-heron has the better hd95 on 8 of 8 volumes", "chance alone would rarely give this (p = 0.0078)", "It holds for these volumes"},
		},
		"clear, the other": {
			[]float64{9, 8, 7, 6, 5, 4, 9, 8},
			[]float64{1, 1, 1, 1, 1, 1, 1, 1},
			dice, cases.BetterA,
			[]string{"brisk-otter has the better dice on 8 of 8 volumes"},
		},
		"not shown": {
			[]float64{1, 2, 3, 4, 5, 6, 7},
			[]float64{2, 1, 4, 3, 6, 5, 8},
			dice, cases.NoDifference,
			[]string{"No difference is shown", "does not show that there is none"},
		},
		"equal":          {[]float64{1, 2}, []float64{1, 2}, dice, cases.NoDifference, []string{"have the same dice on 2 volumes"}},
		"nothing shared": {[]float64{nan, 2}, []float64{1, nan}, dice, cases.Undecidable, []string{"No volume has a dice of both"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := cases.Compare(test.a, test.b, test.q, cases.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Outcome != test.outcome {
				t.Errorf("outcome %q, want %q (%s)", p.Outcome, test.outcome, p.Verdict)
			}
			for _, want := range test.says {
				if !strings.Contains(p.Verdict, want) {
					t.Errorf("verdict %q does not say %q", p.Verdict, want)
				}
			}
			if p.N+p.Excluded != len(test.a) || p.AWins+p.BWins+p.Ties != p.N {
				t.Errorf("counts do not add up: %+v", p)
			}
		})
	}
}

func TestUnpairedScoresAreRefused(t *testing.T) {
	t.Parallel()
	_, err := cases.Compare([]float64{1}, []float64{1, 2}, cases.Question{A: "a", B: "b"}, cases.Options{})
	if !errors.Is(err, cases.ErrUnpaired) || !strings.Contains(err.Error(), "1 of a and 2 of b") {
		t.Errorf("got %v", err)
	}
}

// TestSwappingTheSidesMirrorsTheOutcome holds for any scores.
func TestSwappingTheSidesMirrorsTheOutcome(t *testing.T) {
	t.Parallel()
	mirror := map[cases.Outcome]cases.Outcome{
		cases.BetterA: cases.BetterB, cases.BetterB: cases.BetterA,
		cases.NoDifference: cases.NoDifference, cases.Undecidable: cases.Undecidable,
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 15).Draw(rt, "n")
		score := rapid.Map(rapid.IntRange(0, 6), func(v int) float64 { return float64(v) })
		a := rapid.SliceOfN(score, n, n).Draw(rt, "a")
		b := rapid.SliceOfN(score, n, n).Draw(rt, "b")
		q := cases.Question{HigherIsBetter: rapid.Bool().Draw(rt, "higher")}
		ab, err := cases.Compare(a, b, q, cases.Options{Resamples: 50})
		if err != nil {
			rt.Fatal(err)
		}
		ba, err := cases.Compare(b, a, q, cases.Options{Resamples: 50})
		if err != nil {
			rt.Fatal(err)
		}
		if mirror[ab.Outcome] != ba.Outcome || math.Abs(ab.P-ba.P) > 1e-12 || ab.AWins != ba.BWins {
			rt.Fatalf("%+v mirrors to %+v", ab, ba)
		}
	})
}
