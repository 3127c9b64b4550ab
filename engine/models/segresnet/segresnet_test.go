package segresnet_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Conforms(t, segresnet.New, map[string]map[string]any{
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
	})
}

// The key files list MONAI 1.4.0's state_dict: name, shape, type.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	modeltest.Keys(t, segresnet.New, "testdata/keys_segresnet_%s.txt", modeltest.KeyLines, map[string]map[string]any{
		"default": {"init_filters": 8}, "16": {"init_filters": 16}, "32": {"init_filters": 32},
	})
}

// The counts of MONAI 1.4.0.
func TestParameterCounts(t *testing.T) {
	t.Parallel()
	three := func(option, value string) map[string]any {
		return map[string]any{"init_filters": 4, "num_groups": 2, "blocks_down": []int{1, 1, 1}, "blocks_up": []int{1, 2}, option: value}
	}
	modeltest.Counts(t, segresnet.New, map[int64]map[string]any{
		1_176_186:  nil,
		4_700_914:  {"init_filters": 16},
		18_796_002: {"init_filters": 32},
		1_186_994:  {"upsample_mode": "deconv"},
		28_218:     three("upsample_mode", "deconvgroup"),
		45_486:     three("upsample_mode", "pixelshuffle"),
		27_926:     three("norm", "instance"),
		28_110:     three("norm", "batch"),
		28_117:     three("act", "prelu"),
	})
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, segresnet.New, map[string]map[string]any{
		"init_filters is 0":                                 {"init_filters": 0},
		"did you mean init_filters?":                        {"init_filter": 8},
		"dropout is 1, must be at least 0 and below 1":      {"dropout": 1.0},
		"num_groups is 0":                                   {"num_groups": 0},
		"blocks_down has 0 levels":                          {"blocks_down": []int{}},
		"0 blocks at one level":                             {"blocks_down": []int{1, 0, 1, 1}},
		"dropout is -0.1, must be at least 0 and below 1":   {"dropout_prob": -0.1},
		`norm is "layer", must be group, instance or batch`: {"norm": "layer"},
		"norm batch has no num_groups":                      {"norm": []any{"batch", map[string]any{"num_groups": 2}}},
		`unknown field "groups"`:                            {"norm": []any{"group", map[string]any{"groups": 3}}},
		"momentum is 2":                                     {"norm": []any{"batch", map[string]any{"momentum": 2}}},
		"eps is -1":                                         {"norm": []any{"instance", map[string]any{"eps": -1}}},
		"track_running_stats":                               {"norm": []any{"instance", map[string]any{"track_running_stats": true}}},
		"must be a name or a pair":                          {"norm": 3},
		"must start with a name":                            {"norm": []any{3}},
		`act is "geglu", must be relu, relu6`:               {"act": "geglu"},
		`act "relu" has no alpha`:                           {"act": []any{"relu", map[string]any{"alpha": 1}}},
		"negative_slope is 1.5":                             {"act": []any{"leakyrelu", map[string]any{"negative_slope": 1.5}}},
		"alpha is -2":                                       {"act": []any{"elu", map[string]any{"alpha": -2}}},
		"with alpha 0":                                      {"act": []any{"elu", map[string]any{"alpha": 0}}},
		"has 8 parameters, must have 1":                     {"act": []any{"prelu", map[string]any{"num_parameters": 8}}},
		`approximated by "tanh"`:                            {"act": []any{"gelu", map[string]any{"approximate": "tanh"}}},
		"out_channels is -1":                                {"out_channels": -1},

		"init_filters is 12, must be a multiple of num_groups (8)":                            {"init_filters": 12},
		"blocks_up has 1 levels, must have one less than blocks_down (4)":                     {"blocks_up": []int{1}},
		`upsample_mode is "cubic", must be deconv, deconvgroup, nontrainable or pixelshuffle`: {"upsample": "cubic"},
		"upsample is another name of upsample_mode: give one of them":                         {"upsample": "deconv", "upsample_mode": "deconv"},
		"init_filters is 8, must be a multiple of num_groups (3)":                             {"norm": []any{"group", map[string]any{"num_groups": 3}}},
	})
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := segresnet.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.RefusesSizes(t, m, map[string]nn.Shape{
		"multiples of 8; axis x has 20, 16 or 24 would fit": {1, 1, 20, 16, 16},
		"axis z has 5, 8 would fit":                         {1, 1, 16, 16, 5},
		"takes 1 channels, the image has 3":                 {1, 3, 16, 16, 16},
		"must be (N, C, X, Y, Z)":                           {1, 16, 16, 16},
	})
}
