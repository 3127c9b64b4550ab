package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

// fixture is what scripts/peers/metrics_probability_fixture.py writes.
type fixture struct {
	BCa []struct {
		Name               string
		N, Skew, Resamples int
		Confidence         float64
		Bias, Acceleration float64
		Low, High          float64 // of the script's draws
		FreeLow            float64 `json:"free_low"` // of SciPy's own, many more
		FreeHigh           float64 `json:"free_high"`
	}
	Paired []struct {
		Name                              string
		N                                 int
		Shift                             float64
		Wilcoxon, Permutation, Detectable float64
		RankBiserial                      float64 `json:"rank_biserial"`
		CliffsDelta                       float64 `json:"cliffs_delta"`
		HedgesG                           float64 `json:"hedges_g"`
	}
	Ranking []struct {
		Name               string
		Runs, N, Resamples int
		Ranks              []int
		First              []float64
		MeanRanks          []float64 `json:"mean_ranks"`
		Tau                float64
		Tied               int
	}
	Holm    []struct{ P, Adjusted []float64 }
	Student []struct{ P, DF, T float64 }
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.BCa) == 0 || len(f.Paired) == 0 || len(f.Ranking) == 0 || len(f.Holm) == 0 || len(f.Student) == 0 {
		t.Fatal("the fixture lacks a part")
	}
	return f
}

// unit is n numbers in [0, 1), the same as the script's.
func unit(name string, n int) []float64 {
	out := make([]float64, n)
	for i, u := range nntest.Image(name, nn.Shape{n}) {
		out[i] = (float64(u) + 1) / 2
	}
	return out
}

func scores(name string, n, skew int) []float64 {
	out := unit(name, n)
	for i, x := range out {
		v := x
		for range skew - 1 {
			v *= x
		}
		out[i] = math.Floor(v*(1<<20)) / (1 << 20)
	}
	return out
}

func draws(name string, resamples, n int) [][]int {
	u := unit(name+".draws", resamples*n)
	out := make([][]int, resamples)
	for i := range out {
		out[i] = make([]int, n)
		for j := range out[i] {
			out[i][j] = int(math.Floor(u[i*n+j] * float64(n)))
		}
	}
	return out
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestIntervalsAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).BCa {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			values := scores(c.Name, c.N, c.Skew)
			var means []float64
			for _, drawn := range draws(c.Name, c.Resamples, c.N) {
				var sum float64
				for _, at := range drawn {
					sum += values[at]
				}
				means = append(means, sum/float64(c.N))
			}
			slices.Sort(means)
			z, a := bias(means, mean(values)), acceleration(values)
			if !near(z, c.Bias, 1e-12) || !near(a, c.Acceleration, 1e-12) {
				t.Errorf("bias %v and acceleration %v, want %v and %v", z, a, c.Bias, c.Acceleration)
			}
			low, high := corrected(z, a, c.Confidence)
			if l, h := quantile(means, low), quantile(means, high); !near(l, c.Low, 1e-12) || !near(h, c.High, 1e-12) {
				t.Errorf("interval %v to %v, want %v to %v", l, h, c.Low, c.High)
			}
			own := interval(values, Options{Seed: 3, Confidence: c.Confidence, Resamples: 200_000})
			if wide := 0.01 * (c.FreeHigh - c.FreeLow); !near(own.Low, c.FreeLow, wide) || !near(own.High, c.FreeHigh, wide) {
				t.Errorf("with draws of its own %+v, SciPy's %v to %v", own, c.FreeLow, c.FreeHigh)
			}
		})
	}
}

func TestPairedStatisticsAgreeWithPeers(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Paired {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			a, b := scores(c.Name+".a", c.N, 1), scores(c.Name+".b", c.N, 1)
			for i := range b {
				b[i] += c.Shift
			}
			p, err := Compare(a, b, Question{HigherIsBetter: true}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for what, pair := range map[string][2]float64{
				"Wilcoxon": {p.P, c.Wilcoxon}, "permutation": {p.Permutation, c.Permutation}, "rank-biserial": {p.Effects.RankBiserial, c.RankBiserial},
				"Cliff's delta": {p.Effects.CliffsDelta, c.CliffsDelta}, "Hedges' g": {*p.Effects.HedgesG, c.HedgesG},
			} {
				if !near(pair[0], pair[1], 1e-12) {
					t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
				}
			}
			if d := *p.Detectable; math.Abs(d/c.Detectable-1) > 0.01 {
				t.Errorf("detectable %v, by the noncentral t %v", d, c.Detectable)
			}
		})
	}
}

func TestRankingAgreesWithChallengeR(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Ranking {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			runs := make([]Scores, c.Runs)
			for i := range runs {
				runs[i] = Scores{Name: fmt.Sprint(i), Values: unit(fmt.Sprintf("%s.%d", c.Name, i), c.N)}
				for j, v := range runs[i].Values {
					runs[i].Values[j] = math.Floor(8*min(v+float64(i)/10, 1)) / 8
				}
			}
			r := Ranking{N: c.N, Places: make([]Place, c.Runs)}
			places := ranking(runs, true, Options{}.resolve()).Places
			if !slices.IsSortedFunc(places, func(a, b Place) int { return a.Rank - b.Rank }) {
				t.Errorf("places are not in order: %+v", places)
			}
			for _, place := range places {
				r.Places[place.run] = Place{Rank: place.Rank}
			}
			all := draws(c.Name, c.Resamples, c.N)
			r.settle(runs, true, Options{Resamples: c.Resamples, Confidence: 0.95}, func(into []int) {
				copy(into, all[0])
				all = all[1:]
			})
			for i, place := range r.Places {
				if place.Rank != c.Ranks[i] || !near(place.First, c.First[i], 1e-12) || !near(place.MeanRank, c.MeanRanks[i], 1e-12) {
					t.Errorf("run %d: %+v, want rank %d, first %v, mean rank %v", i, place, c.Ranks[i], c.First[i], c.MeanRanks[i])
				}
				if place.BestRank < 1 || float64(place.BestRank) > place.MeanRank+1 || place.LastRank < place.BestRank || place.LastRank > c.Runs {
					t.Errorf("run %d: %+v", i, place)
				}
			}
			if s := r.Stability; !near(*s.Tau, c.Tau, 1e-12) || s.Tied != c.Tied || s.Resamples != c.Resamples {
				t.Errorf("τ %v with %d tied, want %v with %d", *s.Tau, s.Tied, c.Tau, c.Tied)
			}
		})
	}
}

func TestHolmAgreesWithStatsmodels(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Holm {
		got := Holm(c.P)
		for i := range got {
			got[i] = math.Round(got[i]*1e12) / 1e12
			c.Adjusted[i] = math.Round(c.Adjusted[i]*1e12) / 1e12
		}
		if d := cmp.Diff(c.Adjusted, got); d != "" {
			t.Error(d)
		}
	}
}

func TestStudentAgreesWithSciPy(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Student {
		if got := studentQuantile(c.P, c.DF); math.Abs(got/c.T-1) > 1e-10 {
			t.Errorf("t(%v, %v) = %v, want %v", c.P, c.DF, got, c.T)
		}
	}
}
