package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/metrics"
)

func mask(nx, ny, nz int, voxels ...uint8) metrics.Mask {
	data := make([]uint8, max(nx*ny*nz, 0))
	copy(data, voxels)
	return metrics.Mask{Shape: [3]int{nx, ny, nz}, Data: data}
}

func unit() metrics.Options { return metrics.Options{Spacing: [3]float64{1, 1, 1}, Tolerance: 1} }

func TestBadInputIsOneClearError(t *testing.T) {
	t.Parallel()
	good := mask(2, 2, 2, 1)
	tests := map[string]struct {
		ref, pred metrics.Mask
		change    func(*metrics.Options)
		want      error
		says      string
	}{
		"shapes differ":        {good, mask(2, 2, 3), nil, metrics.ErrShape, "reference has shape [2 2 2], the prediction [2 2 3]"},
		"no voxels":            {mask(0, 2, 2), mask(0, 2, 2), nil, metrics.ErrShape, "at least one voxel"},
		"negative side":        {mask(-1, 2, 2), mask(-1, 2, 2), nil, metrics.ErrShape, "at least one voxel"},
		"too little data":      {metrics.Mask{Shape: good.Shape, Data: good.Data[:7]}, good, nil, metrics.ErrShape, "holds 7 voxels but its shape [2 2 2] means 8"},
		"too many voxels":      {metrics.Mask{Shape: [3]int{1 << 20, 1 << 20, 1 << 20}}, good, nil, metrics.ErrShape, "more than 2⁴⁰ voxels"},
		"label map":            {good, mask(2, 2, 2, 1, 0, 0, 0, 0, 0, 3), nil, metrics.ErrNotBinary, "the prediction holds 3 at voxel (0, 1, 1)"},
		"reference of 255":     {mask(2, 2, 2, 255), good, nil, metrics.ErrNotBinary, "the reference holds 255 at voxel (0, 0, 0)"},
		"no spacing":           {good, good, func(o *metrics.Options) { o.Spacing = [3]float64{} }, metrics.ErrSpacing, "0 along x"},
		"negative spacing":     {good, good, func(o *metrics.Options) { o.Spacing[2] = -2 }, metrics.ErrSpacing, "-2 along z"},
		"spacing not a number": {good, good, func(o *metrics.Options) { o.Spacing[1] = math.NaN() }, metrics.ErrSpacing, "NaN along y"},
		"endless spacing":      {good, good, func(o *metrics.Options) { o.Spacing[1] = math.Inf(1) }, metrics.ErrSpacing, "+Inf along y"},
		"negative tolerance":   {good, good, func(o *metrics.Options) { o.Tolerance = -1 }, metrics.ErrTolerance, "-1"},
		"tolerance no number":  {good, good, func(o *metrics.Options) { o.Tolerance = math.NaN() }, metrics.ErrTolerance, "NaN"},
		"endless tolerance":    {good, good, func(o *metrics.Options) { o.Tolerance = math.Inf(1) }, metrics.ErrTolerance, "+Inf"},
		"unknown metric":       {good, good, func(o *metrics.Options) { o.Metrics = []string{"dise"} }, metrics.ErrMetric, `"dise" in definition minivess, which has dice`},
		"unknown definition":   {good, good, func(o *metrics.Options) { o.Definition = "monay" }, metrics.ErrDefinition, `"monay"; choose one of minivess, `},
		"unknown policy":       {good, good, func(o *metrics.Options) { o.Empty = "drop" }, metrics.ErrPolicy, `"drop"; choose penalise, nan or exclude`},
		"negative beta":        {good, good, func(o *metrics.Options) { o.Beta = -1 }, metrics.ErrParameter, "beta -1"},
		"beta not a number":    {good, good, func(o *metrics.Options) { o.Beta = math.NaN() }, metrics.ErrParameter, "beta NaN"},
		"negative boundary":    {good, good, func(o *metrics.Options) { o.BoundaryWidth = -2 }, metrics.ErrParameter, "boundary width -2"},
		"endless boundary":     {good, good, func(o *metrics.Options) { o.BoundaryWidth = math.Inf(1) }, metrics.ErrParameter, "boundary width +Inf"},
		"percentile of 100":    {good, good, func(o *metrics.Options) { o.Metrics = []string{"hd100"} }, metrics.ErrMetric, `"hd100"`},
		"percentile of 0":      {good, good, func(o *metrics.Options) { o.Metrics = []string{"hd0"} }, metrics.ErrMetric, `"hd0"`},
		"no percentile":        {good, good, func(o *metrics.Options) { o.Metrics = []string{"hd9x"} }, metrics.ErrMetric, `"hd9x"`},
		"percentile of medpy":  {good, good, func(o *metrics.Options) { o.Definition, o.Metrics = "medpy", []string{"hd90"} }, metrics.ErrMetric, "medpy, which has hd95"},
		"metric of another":    {good, good, func(o *metrics.Options) { o.Definition, o.Metrics = "medpy", []string{"nsd"} }, metrics.ErrMetric, "medpy, which has hd95"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unit()
			if test.change != nil {
				test.change(&o)
			}
			_, err := metrics.Evaluate(t.Context(), test.ref, test.pred, o)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v saying %q", err, test.want, test.says)
			}
		})
	}
}

func TestCompareRefusesWhatNobodyHas(t *testing.T) {
	t.Parallel()
	o := unit()
	o.Metrics = []string{"beauty"}
	if _, err := metrics.Compare(t.Context(), mask(1, 1, 1, 1), mask(1, 1, 1, 1), o); !errors.Is(err, metrics.ErrMetric) {
		t.Errorf("got %v", err)
	}
	if _, err := metrics.Compare(t.Context(), mask(1, 1, 1, 1), mask(1, 1, 2, 1), unit()); !errors.Is(err, metrics.ErrShape) {
		t.Errorf("got %v", err)
	}
	if _, err := metrics.Compare(t.Context(), mask(1, 1, 1, 1), mask(1, 1, 1, 1), unit(), "nobody"); !errors.Is(err, metrics.ErrDefinition) {
		t.Errorf("got %v", err)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := metrics.Evaluate(ctx, mask(1, 1, 1, 1), mask(1, 1, 1, 1), unit()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestSmallAndFullMasksAreOrdinary scores what often trips implementations up.
func TestSmallAndFullMasksAreOrdinary(t *testing.T) {
	t.Parallel()
	full := mask(3, 4, 5)
	for i := range full.Data {
		full.Data[i] = 1
	}
	perfect := map[string]float64{
		"dice": 1, "iou": 1, "precision": 1, "recall": 1, "volume_similarity": 1, "f_beta": 1, "cldice": 1,
		"hd95": 0, "hd": 0, "nsd": 1, "assd": 0, "masd": 0, "boundary_iou": 1,
		"skeleton_recall": 1, "skeleton_precision": 1, "radius_error": 0,
		"betti0_error": 0, "betti1_error": 0, "betti2_error": 0, "euler_error": 0,
		"lesion_precision": 1, "lesion_recall": 1, "lesion_f1": 1, "panoptic_quality": 1,
	}
	tests := map[string]struct {
		ref, pred metrics.Mask
		want      map[string]float64
	}{
		"one voxel": {
			mask(1, 1, 1, 1), mask(1, 1, 1, 1),
			perfect,
		},
		"two voxels of one row, one apart": {
			mask(3, 1, 1, 1), mask(3, 1, 1, 0, 0, 1),
			map[string]float64{
				"dice": 0, "iou": 0, "precision": 0, "recall": 0, "volume_similarity": 1, "f_beta": 0, "cldice": 0,
				"hd95": 2, "hd": 2, "nsd": 0, "assd": 2, "masd": 2, "boundary_iou": 0,
				"skeleton_recall": 0, "skeleton_precision": 0, "radius_error": 1,
				"betti0_error": 0, "betti1_error": 0, "betti2_error": 0, "euler_error": 0,
				"lesion_precision": 0, "lesion_recall": 0, "lesion_f1": 0, "panoptic_quality": 0,
			},
		},
		"one slice": {
			mask(2, 2, 1, 1, 1, 1, 1), mask(2, 2, 1, 1, 1, 1, 1),
			perfect,
		},
		"all foreground": {
			full, full,
			perfect,
		},
		"a mask that thins to nothing": {
			mask(2, 2, 2, 0, 0, 0, 1, 0, 0, 1, 1), mask(2, 2, 2, 0, 0, 0, 1, 0, 0, 1, 1),
			perfect,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := metrics.Evaluate(t.Context(), test.ref, test.pred, unit())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, r.Values); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRoundedSpacingIsForgiven: three voxels of 0.1, stored in single
// precision, are within 0.3 for us, though not for floating point.
func TestRoundedSpacingIsForgiven(t *testing.T) {
	t.Parallel()
	o := metrics.Options{Spacing: [3]float64{float64(float32(0.1)), 1, 1}, Tolerance: 0.3, Metrics: []string{metrics.NSD}}
	c, err := metrics.Compare(t.Context(), mask(4, 1, 1, 1), mask(4, 1, 1, 0, 0, 0, 1), o, metrics.Minivess, metrics.MetricsReloaded)
	if err != nil {
		t.Fatal(err)
	}
	if c[0].Values["nsd"] != 1 || c[1].Values["nsd"] != 0 {
		t.Errorf("NSD %v and %v, want 1 and 0", c[0].Values["nsd"], c[1].Values["nsd"])
	}
}

func TestEmptyMasksFollowThePolicy(t *testing.T) {
	t.Parallel()
	something, nothing := mask(3, 4, 1, 1), mask(3, 4, 1)
	diagonal := math.Sqrt(9 + 16 + 1)
	nan := math.NaN()
	tests := map[string]struct {
		ref, pred                metrics.Mask
		definition               string
		policy                   metrics.EmptyPolicy
		presence                 metrics.Presence
		dice, cldice, hd95, nsd  float64
		valued, excluded, byRule int
	}{
		"missed, penalised":    {something, nothing, "", "", metrics.MissedStructure, 0, 0, diagonal, 0, 24, 0, 20},
		"invented, penalised":  {nothing, something, "", "", metrics.InventedOnly, 0, 0, diagonal, 0, 24, 0, 20},
		"neither, penalised":   {nothing, nothing, "", "", metrics.EmptyBoth, 1, 1, 0, 1, 24, 0, 20},
		"missed, nan":          {something, nothing, "", metrics.EmptyNaN, metrics.MissedStructure, 0, nan, nan, 0, 24, 8, 12},
		"neither, nan":         {nothing, nothing, "", metrics.EmptyNaN, metrics.EmptyBoth, 1, nan, 0, 1, 24, 3, 17},
		"missed, by reference": {something, nothing, metrics.MetricsReloaded, "", metrics.MissedStructure, 0, nan, nan, 0, 7, 5, 2},
		"reference penalised":  {something, nothing, metrics.MetricsReloaded, metrics.EmptyPenalise, metrics.MissedStructure, 0, 0, diagonal, 0, 7, 0, 7},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unit()
			o.Definition, o.Empty = test.definition, test.policy
			r, err := metrics.Evaluate(t.Context(), test.ref, test.pred, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Presence != test.presence {
				t.Errorf("presence %q, want %q", r.Presence, test.presence)
			}
			for name, want := range map[string]float64{"dice": test.dice, "cldice": test.cldice, "hd95": test.hd95, "nsd": test.nsd} {
				if got := r.Values[name]; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Errorf("%s = %v, want %v", name, got, want)
				}
			}
			if len(r.Values) != test.valued || len(r.Excluded) != test.excluded || len(r.ByPolicy) != test.byRule {
				t.Errorf("%d values, %d excluded, %d by policy; want %d, %d, %d",
					len(r.Values), len(r.Excluded), len(r.ByPolicy), test.valued, test.excluded, test.byRule)
			}
		})
	}
}

func TestExcludingGivesReasonsInsteadOfValues(t *testing.T) {
	t.Parallel()
	o := unit()
	o.Empty, o.Metrics = metrics.EmptyExclude, []string{"dice", "hd95"}
	r, err := metrics.Evaluate(t.Context(), mask(2, 1, 1, 1), mask(2, 1, 1), o)
	if err != nil {
		t.Fatal(err)
	}
	why := "excluded by policy: the prediction is empty and the reference is not"
	if d := cmp.Diff(map[string]string{"dice": why, "hd95": why}, r.Excluded); d != "" || len(r.Values) != 0 {
		t.Error(d, r.Values)
	}
}

func TestJSONKeepsNonFiniteValues(t *testing.T) {
	t.Parallel()
	c, err := metrics.Compare(t.Context(), mask(2, 1, 1, 1), mask(2, 1, 1), metrics.Options{
		Spacing: [3]float64{1, 1, 1}, Metrics: []string{"hd95", "assd"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"minivess":{"assd":2.449489742783178,"hd95":2.449489742783178},"metrics-reloaded":{"assd":"NaN","hd95":"NaN"},` +
		`"monai":{"assd":"Inf","hd95":"NaN"},"surface-distance":{"hd95":"Inf"},"medpy":{"hd95":"NaN"}}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"hd95", "assd"}, c.Metrics()); d != "" {
		t.Error(d)
	}
	one, err := json.Marshal(c[1])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(one), `"definition":"metrics-reloaded"`) || !strings.Contains(string(one), `"hd95":"NaN"`) {
		t.Errorf("got %s", one)
	}
}

func TestForegroundPicksOneLabel(t *testing.T) {
	t.Parallel()
	got := metrics.Foreground([3]int{4, 1, 1}, []uint8{0, 255, 2, 255}, 255)
	if d := cmp.Diff(metrics.Mask{Shape: [3]int{4, 1, 1}, Data: []uint8{0, 1, 0, 1}}, got); d != "" {
		t.Error(d)
	}
}
