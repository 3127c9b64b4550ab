package probability_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

// fixture is what scripts/peers/metrics_probability_fixture.py writes.
type fixture struct {
	Binary []struct {
		Name         string
		N            int
		Sharp, Truth int
		Levels       float64
		Ignore       float64
		Bins         int
		Values       map[string]float64
	}
	Classes []struct {
		Name             string
		N, Classes, Bins int
		Values           map[string]float64
	}
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "probability.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
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

func power(x float64, k int) float64 {
	out := x
	for range k - 1 {
		out *= x
	}
	return out
}

// tolerance is netcal's and scikit-learn's: they clip and subtract in float32.
const tolerance = 2e-6

func compare(t *testing.T, got probability.Result, want map[string]float64) {
	t.Helper()
	if len(want) != len(probability.Names()) {
		t.Fatalf("the fixture has %d metrics, want %d", len(want), len(probability.Names()))
	}
	for name, w := range want {
		limit := tolerance
		if name == probability.AUROC || name == probability.AveragePrecision || name == probability.Brier {
			limit = 1e-7
		}
		if g, ok := got.Values[name]; !ok || !(math.Abs(g-w) <= limit) {
			t.Errorf("%s is %v, want %v", name, g, w)
		}
	}
}

func TestBinaryAgreesWithPeers(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Binary {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			x, v, keep := unit(c.Name+".p", c.N), unit(c.Name+".y", c.N), unit(c.Name+".keep", c.N)
			p, y := make([]float32, c.N), make([]uint8, c.N)
			ignored := int64(0)
			for i := range x {
				q := power(x[i], c.Sharp)
				if c.Levels > 0 {
					q = math.Floor(q*(c.Levels+1)) / c.Levels
				}
				p[i] = float32(q)
				switch {
				case keep[i] < c.Ignore:
					y[i] = 255
					ignored++
					p[i] = float32(math.NaN()) // is not looked at
				case v[i] < power(x[i], c.Truth):
					y[i] = 1
				}
			}
			ignore := uint8(255)
			for _, threads := range []int{1, 3} {
				r, err := probability.Evaluate(t.Context(), p, y, probability.Options{Bins: c.Bins, Ignore: &ignore, Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, r, c.Values)
				if r.Ignored != ignored || r.Voxels+r.Ignored != int64(c.N) || r.Labels[0]+r.Labels[1] != r.Voxels || len(r.Bins) != c.Bins {
					t.Errorf("counts %+v", r)
				}
			}
		})
	}
}

func TestClassesAgreeWithPeers(t *testing.T) {
	t.Parallel()
	for _, c := range readFixture(t).Classes {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			p, y := classes(c.Name, c.N, c.Classes)
			r, err := probability.EvaluateClasses(t.Context(), p, y, probability.Options{Bins: c.Bins})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, r, c.Values)
		})
	}
}

// classes makes the script's probabilities and reference.
func classes(name string, n, count int) (p [][]float32, y []uint8) {
	p, y = make([][]float32, count), make([]uint8, n)
	x, noise := make([][]float64, count), make([][]float64, count)
	for k := range count {
		x[k], noise[k] = unit(name+".p"+string(rune('0'+k)), n), unit(name+".y"+string(rune('0'+k)), n)
		p[k] = make([]float32, n)
	}
	for i := range n {
		var total float64
		for k := range count {
			total += power(x[k][i], 4)
			if x[k][i]+noise[k][i] > x[y[i]][i]+noise[y[i]][i] {
				y[i] = uint8(k)
			}
		}
		for k := range count {
			p[k][i] = float32(power(x[k][i], 4) / total)
		}
	}
	return p, y
}
