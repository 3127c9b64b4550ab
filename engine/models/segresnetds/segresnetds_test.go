package segresnetds_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/nn"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]map[string]any{
		"supervised": {"init_filters": 4, "blocks_down": []int{1, 2, 1}, "dsdepth": 2, "norm": "instance"},
		"anisotropic": {
			"init_filters": 4, "num_groups": 2, "norm": "group", "act": "prelu", "in_channels": 2, "out_channels": 3,
			"blocks_down": []int{1, 1, 1}, "resolution": []float64{1, 1, 2}, "dropout": 0.3, "upsample_mode": "trilinear",
		},
		"shuffled":   {"init_filters": 4, "blocks_down": []int{1, 1}, "act": "mish", "upsample_mode": "pixelshuffle"},
		"one level":  {"init_filters": 4, "blocks_down": []int{1}, "norm": []any{"instance", map[string]any{"affine": false}}},
		"deconv, ds": {"init_filters": 4, "blocks_down": []int{1, 1}, "dsdepth": 7, "upsample_mode": "deconvgroup"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
				m, err := segresnetds.New(o)
				if err != nil {
					return nil, err
				}
				return m, nil
			}, options)
		})
	}
}

// The key files list MONAI 1.4.0's state_dict (name, shape, type) below the
// number of trained elements; scripts/peers/segresnetds_fixture.py wrote them.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	for file, options := range map[string]map[string]any{
		"default": nil,
		"auto3dseg": {
			"blocks_down": []int{1, 2, 2, 4, 4}, "dsdepth": 4, "norm": "instance", "resolution": []float64{1, 1, 5},
		},
		"trilinear": {
			"init_filters": 16, "norm": []any{"batch", map[string]any{"affine": false}}, "act": "prelu", "upsample_mode": "nontrainable",
		},
	} {
		m, err := segresnetds.New(options)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{strconv.FormatInt(nn.CountElements(m.TrainableParameters()), 10)}
		for _, p := range m.TrainableParameters() {
			sizes := strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]int(p.Shape))), ", "), "[]")
			if len(p.Shape) == 1 {
				sizes += ","
			}
			dtype := map[nn.DType]string{nn.F32: "float32", nn.I64: "int64"}[p.Type()]
			got = append(got, fmt.Sprintf("%s (%s) torch.%s", p.Name, sizes, dtype))
		}
		text, err := os.ReadFile("testdata/keys_segresnetds_" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(strings.TrimSpace(string(text)), "\n"), got); d != "" {
			t.Errorf("%s (-MONAI +ours):\n%s", file, d)
		}
	}
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
	for _, c := range []struct {
		options map[string]any
		says    string
	}{
		{map[string]any{"init_filters": 12, "norm": "group"}, "init_filters is 12, must be a multiple of num_groups (8)"},
		{map[string]any{"init_filters": 0}, "init_filters is 0"},
		{map[string]any{"init_filter": 8}, "did you mean init_filters?"},
		{map[string]any{"in_channels": 5000}, "in_channels is 5000, must be 1 to 4096"},
		{map[string]any{"out_channels": -1}, "out_channels is -1"},
		{map[string]any{"num_groups": 0}, "num_groups is 0"},
		{map[string]any{"dropout": 1.0}, "dropout is 1, must be at least 0 and below 1"},
		{map[string]any{"norm": "layer"}, `norm is "layer", must be group, instance or batch`},
		{map[string]any{"act": "softmax"}, `act is "softmax"`},
		{map[string]any{"dsdepth": 0}, "dsdepth is 0, must be at least 1"},
		{map[string]any{"blocks_down": []int{}}, "blocks_down has 0 levels"},
		{map[string]any{"blocks_down": []int{1, 0}}, "blocks_down: 0 blocks at one level"},
		{map[string]any{"blocks_up": []int{1}}, "blocks_up has 1 levels, must have one less than blocks_down (4)"},
		{map[string]any{"blocks_up": []int{1, 1, 99}}, "blocks_up: 99 blocks at one level"},
		{map[string]any{"resolution": []float64{1, 2}}, "resolution has 2 numbers, must have 3 (x, y, z) or none"},
		{map[string]any{"resolution": []float64{1, 2, 0}}, "must be positive"},
		{map[string]any{"upsample_mode": "cubic"}, `upsample_mode is "cubic"`},
		{map[string]any{"upsample": "deconv", "upsample_mode": "deconv"}, "give one of them"},
		{
			map[string]any{"upsample_mode": "pixelshuffle", "resolution": []float64{1, 1, 5}},
			"pixelshuffle doubles all axes alike, resolution [1 1 5] asks for [2 2 1]",
		},
	} {
		_, err := segresnetds.New(c.options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.options, err, c.says)
		}
	}
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := segresnetds.New(map[string]any{"blocks_down": []int{1, 2, 2, 4, 4}, "resolution": []float64{1, 1, 5}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shape nn.Shape
		says  string
	}{
		{nn.Shape{1, 1, 24, 16, 16}, "multiples of 16; axis x has 24, 16 or 32 would fit"},
		{nn.Shape{1, 1, 16, 16, 5}, "multiples of 4; axis z has 5, 4 or 8 would fit"},
		{nn.Shape{1, 3, 16, 16, 16}, "takes 1 channels, the image has 3"},
	} {
		_, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: c.shape})
		if !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.shape, err, c.says)
		}
	}
}
