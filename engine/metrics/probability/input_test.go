package probability_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minivess/minivess/engine/metrics/probability"
)

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	half := []float32{0.5, 0.5}
	ignore := uint8(9)
	tests := map[string]struct {
		p    []float32
		y    []uint8
		o    probability.Options
		want error
		says string
	}{
		"NaN":                        {[]float32{0, nan}, []uint8{0, 1}, probability.Options{}, probability.ErrProbability, "NaN at voxel 1"},
		"a logit":                    {[]float32{3.5, 0}, []uint8{0, 1}, probability.Options{}, probability.ErrProbability, "3.5 at voxel 0; probabilities lie in [0, 1], so apply sigmoid"},
		"negative":                   {[]float32{-0.1, 0}, []uint8{0, 1}, probability.Options{}, probability.ErrProbability, "-0.1 at voxel 0"},
		"infinite":                   {[]float32{0, inf}, []uint8{0, 1}, probability.Options{}, probability.ErrProbability, "+Inf at voxel 1"},
		"a label":                    {half, []uint8{0, 2}, probability.Options{}, probability.ErrLabel, "holds 2 at voxel 1"},
		"lengths":                    {half, []uint8{0}, probability.Options{}, probability.ErrShape, "2 probabilities of class 0 but 1 reference voxels"},
		"nothing":                    {nil, nil, probability.Options{}, probability.ErrShape, "no voxel"},
		"all ignored":                {half, []uint8{9, 9}, probability.Options{Ignore: &ignore}, probability.ErrLabel, "every voxel of the reference is 9"},
		"too few bins":               {half, []uint8{0, 1}, probability.Options{Bins: -1}, probability.ErrBins, "-1"},
		"too many bins":              {half, []uint8{0, 1}, probability.Options{Bins: probability.MaxBins + 1}, probability.ErrBins, "10001; choose 1 to 10000"},
		"an unknown metric":          {half, []uint8{0, 1}, probability.Options{Metrics: []string{"bier"}}, probability.ErrMetric, `"bier"; there are [brier`},
		"uncertainty that is short":  {half, []uint8{0, 1}, probability.Options{Uncertainty: half[:1]}, probability.ErrShape, "1 values of uncertainty but 2 voxels"},
		"uncertainty that is NaN":    {half, []uint8{0, 1}, probability.Options{Uncertainty: []float32{0, nan}}, probability.ErrUncertainty, "NaN at voxel 1"},
		"uncertainty below 0":        {half, []uint8{0, 1}, probability.Options{Uncertainty: []float32{-1, 0}}, probability.ErrUncertainty, "-1 at voxel 0"},
		"uncertainty without bounds": {half, []uint8{0, 1}, probability.Options{Uncertainty: []float32{inf, 0}}, probability.ErrUncertainty, "+Inf at voxel 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := probability.Evaluate(t.Context(), test.p, test.y, test.o)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestBadClassesAreRefused(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	tests := map[string]struct {
		p    [][]float32
		y    []uint8
		want error
		says string
	}{
		"one class":     {[][]float32{{1}}, []uint8{0}, probability.ErrShape, "of 1 classes"},
		"not softmaxed": {[][]float32{{0.5}, {0.75}}, []uint8{0}, probability.ErrProbability, "voxel 0 add up to 1.25"},
		"NaN":           {[][]float32{{0.5}, {nan}}, []uint8{0}, probability.ErrProbability, "NaN of class 1 at voxel 0"},
		"a label":       {[][]float32{{0.5}, {0.5}}, []uint8{2}, probability.ErrLabel, "holds 2 at voxel 0 but there are probabilities of 2 classes"},
		"lengths":       {[][]float32{{0.5}, {0.5, 1}}, []uint8{1}, probability.ErrShape, "2 probabilities of class 1 but 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := probability.EvaluateClasses(t.Context(), test.p, test.y, probability.Options{})
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestWhatIsUndefinedIsExplained(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	oneClass, right, wrong, flat := "undefined: every voxel of the reference is of one class", "undefined: every voxel is right",
		"undefined: every voxel is wrong", "undefined: every voxel is as uncertain as the others"
	tests := map[string]struct {
		p    []float32
		y    []uint8
		want map[string]float64
		why  map[string]string
	}{
		"no foreground, right": {
			[]float32{0, 0.25},
			[]uint8{0, 0},
			map[string]float64{"brier": 0.03125, "auroc": nan, "average_precision": nan, "uncertainty_auroc": nan, "uncertainty_spearman": nan},
			map[string]string{"auroc": oneClass, "average_precision": oneClass, "uncertainty_auroc": right, "uncertainty_spearman": right},
		},
		"all foreground, wrong": {
			[]float32{0, 0},
			[]uint8{1, 1},
			map[string]float64{"brier": 1, "auroc": nan, "average_precision": nan, "uncertainty_auroc": nan, "uncertainty_spearman": nan},
			map[string]string{"auroc": oneClass, "average_precision": oneClass, "uncertainty_auroc": wrong, "uncertainty_spearman": wrong},
		},
		"equally uncertain": {
			[]float32{0, 1},
			[]uint8{1, 1},
			map[string]float64{"brier": 0.5, "auroc": nan, "average_precision": nan, "uncertainty_auroc": 0.5, "uncertainty_spearman": nan},
			map[string]string{"auroc": oneClass, "average_precision": oneClass, "uncertainty_spearman": flat},
		},
		"perfect": {
			[]float32{0, 1},
			[]uint8{0, 1},
			map[string]float64{"brier": 0, "auroc": 1, "average_precision": 1, "uncertainty_auroc": nan, "uncertainty_spearman": nan},
			map[string]string{"uncertainty_auroc": right, "uncertainty_spearman": right},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := probability.Evaluate(t.Context(), test.p, test.y, probability.Options{
				Metrics: []string{"brier", "auroc", "average_precision", "uncertainty_auroc", "uncertainty_spearman"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, r.Values, cmpopts.EquateNaNs()); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(test.why, r.Excluded); d != "" {
				t.Error(d)
			}
			if r.Bins != nil || len(r.Definition) != len(test.want) {
				t.Errorf("got %d bins and %d definitions", len(r.Bins), len(r.Definition))
			}
		})
	}
}

func TestAbsentClassesAreNamed(t *testing.T) {
	t.Parallel()
	p := [][]float32{{0.5, 0.25}, {0.25, 0.5}, {0.25, 0.25}}
	r, err := probability.EvaluateClasses(t.Context(), p, []uint8{0, 1}, probability.Options{Metrics: []string{"auroc", "nll"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Values["auroc"] != 1 || r.Excluded["auroc"] != "without the classes that the reference lacks: 2" || math.Abs(r.Values["nll"]-math.Ln2) > 1e-15 {
		t.Errorf("got %+v", r)
	}
}

// TestUncertaintyMayComeFromElsewhere takes an ensemble's spread, say, which
// points at the wrong voxel better than the entropy does.
func TestUncertaintyMayComeFromElsewhere(t *testing.T) {
	t.Parallel()
	p, y := []float32{0.9, 0.4, 0.2}, []uint8{0, 0, 0}
	names := probability.Options{Metrics: []string{"uncertainty_auroc", "uncertainty_spearman"}}
	entropy, err := probability.Evaluate(t.Context(), p, y, names)
	if err != nil {
		t.Fatal(err)
	}
	names.Uncertainty = []float32{7, 1, 0}
	given, err := probability.Evaluate(t.Context(), p, y, names)
	if err != nil {
		t.Fatal(err)
	}
	if entropy.Values["uncertainty_auroc"] != 0 || given.Values["uncertainty_auroc"] != 1 {
		t.Errorf("entropy %v, given %v", entropy.Values, given.Values)
	}
	if got := given.Definition["uncertainty_auroc"]; !strings.Contains(got, "the uncertainty given") {
		t.Errorf("definition %q", got)
	}
}

func TestACancelledContextEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := probability.Evaluate(ctx, []float32{0, 1}, []uint8{0, 1}, probability.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDirectionsOfMetrics(t *testing.T) {
	t.Parallel()
	up := map[string]bool{"brier": false, "nll": false, "ece": false, "mce": false, "auroc": true, "average_precision": true, "uncertainty_auroc": true, "uncertainty_spearman": true}
	if len(probability.Names()) != len(up) {
		t.Errorf("names %v", probability.Names())
	}
	for _, name := range probability.Names() {
		if probability.HigherIsBetter(name) != up[name] {
			t.Errorf("%s: %v", name, !up[name])
		}
	}
}
