package segresnetds_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/nn"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Conforms(t, segresnetds.New, map[string]map[string]any{
		"supervised": {"init_filters": 4, "blocks_down": []int{1, 2, 1}, "dsdepth": 2, "norm": "instance"},
		"anisotropic": {
			"init_filters": 4, "num_groups": 2, "norm": "group", "act": "prelu", "in_channels": 2, "out_channels": 3,
			"blocks_down": []int{1, 1, 1}, "resolution": []float64{1, 1, 2}, "dropout": 0.3, "upsample_mode": "trilinear",
		},
		"shuffled":   {"init_filters": 4, "blocks_down": []int{1, 1}, "act": "mish", "upsample_mode": "pixelshuffle"},
		"one level":  {"init_filters": 4, "blocks_down": []int{1}, "norm": []any{"instance", map[string]any{"affine": false}}},
		"deconv, ds": {"init_filters": 4, "blocks_down": []int{1, 1}, "dsdepth": 7, "upsample_mode": "deconvgroup"},
	})
}

// The key files list MONAI 1.4.0's state_dict (name, shape, type) below the
// number of trained elements; scripts/peers/segresnetds_fixture.py wrote them.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	counted := func(a modeltest.Adapter) []string {
		return append([]string{strconv.FormatInt(nn.CountElements(a.TrainableParameters()), 10)}, modeltest.KeyLines(a)...)
	}
	modeltest.Keys(t, segresnetds.New, "testdata/keys_segresnetds_%s.txt", counted, map[string]map[string]any{
		"default": nil,
		"auto3dseg": {
			"blocks_down": []int{1, 2, 2, 4, 4}, "dsdepth": 4, "norm": "instance", "resolution": []float64{1, 1, 5},
		},
		"trilinear": {
			"init_filters": 16, "norm": []any{"batch", map[string]any{"affine": false}}, "act": "prelu", "upsample_mode": "nontrainable",
		},
	})
}

// As MONAI's shape_factor.
func TestDivisorFollowsResolution(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		levels     int
		resolution []float64
		want       [3]int
	}{
		{4, nil, [3]int{8, 8, 8}},
		{6, []float64{1, 1, 1}, [3]int{32, 32, 32}},
		{6, []float64{1, 1, 5}, [3]int{32, 32, 8}},
		{6, []float64{0.5, 2, 1}, [3]int{32, 8, 16}},
		{3, []float64{1, 1, 1.9}, [3]int{4, 4, 4}},
		{3, []float64{1, 1, 100}, [3]int{4, 4, 1}},
		{1, []float64{1, 1, 2}, [3]int{1, 1, 1}},
	} {
		blocks := make([]int, c.levels)
		for i := range blocks {
			blocks[i] = 1
		}
		m, err := segresnetds.New(map[string]any{"init_filters": 1, "blocks_down": blocks, "resolution": c.resolution})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Config().Divisor; got != c.want {
			t.Errorf("%d levels, resolution %v: sizes must be multiples of %v, want %v", c.levels, c.resolution, got, c.want)
		}
	}
}

// The heads are finest first, the logits before them, each half as large along
// the axes that its level divides.
func TestHeads(t *testing.T) {
	t.Parallel()
	m, err := segresnetds.New(map[string]any{
		"init_filters": 2, "norm": "instance", "blocks_down": []int{1, 1, 1, 1}, "dsdepth": 3, "resolution": []float64{1, 1, 2}, "out_channels": 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: nn.Shape{2, 1, 8, 16, 12}})
	if err != nil {
		t.Fatal(err)
	}
	var got []nn.Shape
	for _, o := range p.Outputs {
		got = append(got, p.Values[o].Shape)
	}
	want := []nn.Shape{{2, 3, 8, 16, 12}, {2, 3, 4, 8, 12}, {2, 3, 2, 4, 6}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestSmallIsAModel(t *testing.T) {
	t.Parallel()
	m, err := segresnetds.New(segresnetds.Small())
	if err != nil {
		t.Fatal(err)
	}
	if n := nn.CountElements(m.TrainableParameters()); n > 2_000_000 {
		t.Errorf("%d parameters are not few", n)
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, segresnetds.New, map[string]map[string]any{
		"init_filters is 0":                                 {"init_filters": 0},
		"did you mean init_filters?":                        {"init_filter": 8},
		"in_channels is 5000, must be 1 to 4096":            {"in_channels": 5000},
		"out_channels is -1":                                {"out_channels": -1},
		"num_groups is 0":                                   {"num_groups": 0},
		"dropout is 1, must be at least 0 and below 1":      {"dropout": 1.0},
		`norm is "layer", must be group, instance or batch`: {"norm": "layer"},
		`act is "softmax"`:                                  {"act": "softmax"},
		"dsdepth is 0, must be at least 1":                  {"dsdepth": 0},
		"blocks_down has 0 levels":                          {"blocks_down": []int{}},
		"blocks_down: 0 blocks at one level":                {"blocks_down": []int{1, 0}},
		"blocks_up: 99 blocks at one level":                 {"blocks_up": []int{1, 1, 99}},
		"must be positive":                                  {"resolution": []float64{1, 2, 0}},
		`upsample_mode is "cubic"`:                          {"upsample_mode": "cubic"},
		"give one of them":                                  {"upsample": "deconv", "upsample_mode": "deconv"},

		"init_filters is 12, must be a multiple of num_groups (8)":                 {"init_filters": 12, "norm": "group"},
		"blocks_up has 1 levels, must have one less than blocks_down (4)":          {"blocks_up": []int{1}},
		"resolution has 2 numbers, must have 3 (x, y, z) or none":                  {"resolution": []float64{1, 2}},
		"pixelshuffle doubles all axes alike, resolution [1 1 5] asks for [2 2 1]": {"upsample_mode": "pixelshuffle", "resolution": []float64{1, 1, 5}},
	})
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := segresnetds.New(map[string]any{"blocks_down": []int{1, 2, 2, 4, 4}, "resolution": []float64{1, 1, 5}})
	if err != nil {
		t.Fatal(err)
	}
	modeltest.RefusesSizes(t, m, map[string]nn.Shape{
		"multiples of 16; axis x has 24, 16 or 32 would fit": {1, 1, 24, 16, 16},
		"multiples of 4; axis z has 5, 4 or 8 would fit":     {1, 1, 16, 16, 5},
		"takes 1 channels, the image has 3":                  {1, 3, 16, 16, 16},
	})
}
