package segresnet_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]map[string]any{
		"trilinear": {"init_filters": 8, "blocks_down": []int{1, 2}, "blocks_up": []int{1}},
		"deconv": {
			"init_filters": 12, "num_groups": 4, "in_channels": 2, "out_channels": 3, "dropout": 0.3,
			"blocks_down": []int{1, 1, 1}, "blocks_up": []int{1, 2}, "upsample": "deconv",
		},
		"pixelshuffle, batch": {
			"init_filters": 4, "norm": "batch", "act": "mish", "blocks_down": []int{1, 1}, "blocks_up": []int{1},
			"upsample_mode": "pixelshuffle",
		},
		"instance, prelu": {
			"init_filters": 6, "norm": "instance", "act": "prelu", "blocks_down": []int{1, 1}, "blocks_up": []int{1},
			"upsample_mode": "deconvgroup",
		},
		"features": {"init_filters": 6, "num_groups": 2, "blocks_down": []int{1, 1}, "blocks_up": []int{1}, "use_conv_final": false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
				m, err := segresnet.New(o)
				if err != nil {
					return nil, err
				}
				return m, nil
			}, options)
		})
	}
}

// The key files list MONAI 1.4.0's state_dict: name, shape, type.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	for file, filters := range map[string]int{"default": 8, "16": 16, "32": 32} {
		m, err := segresnet.New(map[string]any{"init_filters": filters})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range m.TrainableParameters() {
			sizes := strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]int(p.Shape))), ", "), "[]")
			if len(p.Shape) == 1 {
				sizes += ","
			}
			got = append(got, fmt.Sprintf("%s (%s) torch.float32", p.Name, sizes))
		}
		text, err := os.ReadFile("testdata/keys_segresnet_" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(strings.TrimSpace(string(text)), "\n"), got); d != "" {
			t.Errorf("%d filters (-MONAI +ours):\n%s", filters, d)
		}
	}
}

// The counts of MONAI 1.4.0.
func TestParameterCounts(t *testing.T) {
	t.Parallel()
	three := func(option, value string) map[string]any {
		return map[string]any{"init_filters": 4, "num_groups": 2, "blocks_down": []int{1, 1, 1}, "blocks_up": []int{1, 2}, option: value}
	}
	for _, c := range []struct {
		options map[string]any
		want    int64
	}{
		{nil, 1_176_186},
		{map[string]any{"init_filters": 16}, 4_700_914},
		{map[string]any{"init_filters": 32}, 18_796_002},
		{map[string]any{"upsample_mode": "deconv"}, 1_186_994},
		{three("upsample_mode", "deconvgroup"), 28_218},
		{three("upsample_mode", "pixelshuffle"), 45_486},
		{three("norm", "instance"), 27_926},
		{three("norm", "batch"), 28_110},
		{three("act", "prelu"), 28_117},
	} {
		m, err := segresnet.New(c.options)
		if err != nil {
			t.Fatal(err)
		}
		if got := nn.CountElements(m.TrainableParameters()); got != c.want {
			t.Errorf("%v: %d parameters, want %d", c.options, got, c.want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]any
		says    string
	}{
		{map[string]any{"init_filters": 12}, "init_filters is 12, must be a multiple of num_groups (8)"},
		{map[string]any{"init_filters": 0}, "init_filters is 0"},
		{map[string]any{"init_filter": 8}, "did you mean init_filters?"},
		{map[string]any{"dropout": 1.0}, "dropout is 1, must be at least 0 and below 1"},
		{map[string]any{"num_groups": 0}, "num_groups is 0"},
		{map[string]any{"blocks_up": []int{1}}, "blocks_up has 1 levels, must have one less than blocks_down (4)"},
		{map[string]any{"blocks_down": []int{}}, "blocks_down has 0 levels"},
		{map[string]any{"blocks_down": []int{1, 0, 1, 1}}, "0 blocks at one level"},
		{map[string]any{"upsample": "cubic"}, `upsample_mode is "cubic", must be deconv, deconvgroup, nontrainable or pixelshuffle`},
		{map[string]any{"upsample": "deconv", "upsample_mode": "deconv"}, "upsample is another name of upsample_mode: give one of them"},
		{map[string]any{"dropout_prob": -0.1}, "dropout is -0.1, must be at least 0 and below 1"},
		{map[string]any{"norm": "layer"}, `norm is "layer", must be group, instance or batch`},
		{map[string]any{"norm": []any{"batch", map[string]any{"num_groups": 2}}}, "norm batch has no num_groups"},
		{map[string]any{"norm": []any{"group", map[string]any{"num_groups": 3}}}, "init_filters is 8, must be a multiple of num_groups (3)"},
		{map[string]any{"norm": []any{"group", map[string]any{"groups": 3}}}, `unknown field "groups"`},
		{map[string]any{"norm": []any{"batch", map[string]any{"momentum": 2}}}, "momentum is 2"},
		{map[string]any{"norm": []any{"instance", map[string]any{"eps": -1}}}, "eps is -1"},
		{map[string]any{"norm": []any{"instance", map[string]any{"track_running_stats": true}}}, "track_running_stats"},
		{map[string]any{"norm": 3}, "must be a name or a pair"},
		{map[string]any{"norm": []any{3}}, "must start with a name"},
		{map[string]any{"act": "geglu"}, `act is "geglu", must be relu, relu6`},
		{map[string]any{"act": []any{"relu", map[string]any{"alpha": 1}}}, `act "relu" has no alpha`},
		{map[string]any{"act": []any{"leakyrelu", map[string]any{"negative_slope": 1.5}}}, "negative_slope is 1.5"},
		{map[string]any{"act": []any{"elu", map[string]any{"alpha": -2}}}, "alpha is -2"},
		{map[string]any{"act": []any{"elu", map[string]any{"alpha": 0}}}, "with alpha 0"},
		{map[string]any{"act": []any{"prelu", map[string]any{"num_parameters": 8}}}, "has 8 parameters, must have 1"},
		{map[string]any{"act": []any{"gelu", map[string]any{"approximate": "tanh"}}}, `approximated by "tanh"`},
		{map[string]any{"out_channels": -1}, "out_channels is -1"},
	} {
		_, err := segresnet.New(c.options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.options, err, c.says)
		}
	}
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := segresnet.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shape nn.Shape
		says  string
	}{
		{nn.Shape{1, 1, 20, 16, 16}, "multiples of 8; axis x has 20, 16 or 24 would fit"},
		{nn.Shape{1, 1, 16, 16, 5}, "axis z has 5, 8 would fit"},
		{nn.Shape{1, 3, 16, 16, 16}, "takes 1 channels, the image has 3"},
		{nn.Shape{1, 16, 16, 16}, "must be (N, C, X, Y, Z)"},
	} {
		_, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: c.shape})
		if !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.shape, err, c.says)
		}
	}
}
