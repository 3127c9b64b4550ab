package dynunet_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/nn"
)

// keyed are the options of the lists in testdata/keys, with the number of
// parameters that MONAI counts.
func keyed() map[string]map[string]any {
	return map[string]map[string]any{
		"default": nil,
		"options": {
			"init_filters": 8, "kernel_size": []any{[]int{3, 3, 1}, 3, 3, 3}, "strides": []any{1, []int{2, 2, 1}, 2, 2},
			"deep_supervision": true, "deep_supr_num": 2, "res_block": true, "trans_bias": true,
			"norm_name": "batch", "act_name": "prelu", "dropout": 0.1,
		},
		"plain": {"filters": []int{6, 6, 8}, "norm_name": "instance", "out_channels": 3, "in_channels": 2},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Conforms(t, dynunet.New, map[string]map[string]any{
		"small": {"init_filters": 4, "strides": []int{1, 2, 2, 2}},
		"everything": {
			"init_filters": 4, "in_channels": 2, "out_channels": 3, "strides": []any{1, []int{2, 2, 1}, 2},
			"kernel_size": []any{[]int{3, 3, 1}, 3, 3}, "res_block": true, "trans_bias": true, "deep_supervision": true,
			"norm_name": []any{"group", map[string]any{"num_groups": 2}}, "act_name": "prelu",
		},
		"batch": {"filters": []int{4, 6, 8}, "norm_name": "batch", "act_name": "elu"},
	})
}

// The key files are MONAI 1.4.0's state_dict (name, shape, type) and the number
// of its parameters. What MONAI repeats under skip_layers leads to a declared
// parameter; the rest are the declared parameters, in that order.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	for file, options := range keyed() {
		m, err := dynunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		keys, count := modeltest.ReadCountedKeys(t, "testdata/keys/"+file+".txt")
		for name, n := range modeltest.RepeatedKeys(t, file, m, keys) {
			if n > 1 {
				t.Errorf("%s: %d names lead to %s", file, n, name)
			}
		}
		if n := fmt.Sprint(nn.CountElements(m.TrainableParameters())); n != count {
			t.Errorf("%s: %s parameters, MONAI has %s", file, n, count)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, dynunet.New, map[string]map[string]any{
		"init_filters is 0, must be 1 to 4096":                                 {"init_filters": 0},
		"did you mean init_filters?":                                           {"init_filter": 8},
		"init_filters is 8 but filters begins with 4":                          {"init_filters": 8, "filters": []int{4, 8, 16}},
		"0 filters at level 1, must be 1 to 4096":                              {"filters": []int{4, 0, 16}},
		"filters has 0 levels, strides has 6":                                  {"filters": []int{}},
		"filters has 3 levels, strides has 4":                                  {"filters": []int{4, 8, 16}, "strides": []int{1, 2, 2, 2}},
		"strides has 2 levels, must have 3 to 10":                              {"strides": []int{1, 2}},
		"strides has 0 levels":                                                 {"strides": []int{}},
		"strides begins with [2 2 2], must begin with 1":                       {"strides": []int{2, 2, 2}},
		`"[2,2]" must be a whole number or three of them`:                      {"strides": []any{1, []int{2, 2}, 2}},
		`"2.5" must be a whole number`:                                         {"strides": []any{1, 2.5, 2}},
		"stride [0 0 0] at level 1: 0 must be 1 to 8":                          {"strides": []int{1, 0, 2}},
		"stride [2 5 2] at level 2: 5 is too large for a kernel of 3":          {"strides": []any{1, 2, []int{2, 5, 2}}},
		"with res_block it must be at most 2":                                  {"strides": []int{1, 3, 2}, "res_block": true},
		"must have 3 to 10":                                                    {"kernel_size": []int{3, 3}},
		"kernel_size has 3 levels, strides has 4":                              {"kernel_size": []int{3, 3, 3}, "strides": []int{1, 2, 2, 2}},
		"kernel [4 4 4] at level 1: 4 must be odd, 1 to 15":                    {"kernel_size": []int{3, 4, 3}},
		"17 must be odd, 1 to 15":                                              {"kernel_size": []any{3, []int{3, 17, 3}, 3}},
		"upsample_kernel_size is [[2 2 2] [3 3 3]], must be [[2 2 2] [2 2 2]]": {"strides": []int{1, 2, 2}, "upsample_kernel_size": []int{2, 3}},
		"dropout is 1, must be at least 0 and below 1":                         {"dropout": 1.0},
		"deep_supr_num is 0, must be 1 to 4 with 6 levels":                     {"deep_supervision": true, "deep_supr_num": 0},
		"deep_supr_num is 5":                                                   {"deep_supervision": true, "deep_supr_num": 5},
		`norm is "layer"`:                                                      {"norm_name": "layer"},
		"32 channels cannot be normalised in 5 groups":                         {"norm_name": []any{"group", map[string]any{"num_groups": 5}}},
		`act is "softmax"`:                                                     {"act_name": "softmax"},
		"out_channels is -1":                                                   {"out_channels": -1},
		"in_channels is 5000, must be 1 to 4096":                               {"in_channels": 5000},
	})
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := dynunet.New(map[string]any{"init_filters": 4, "strides": []any{1, 2, []int{2, 2, 1}, []int{2, 3, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Config().Divisor, [3]int{8, 12, 2}; got != want {
		t.Errorf("sizes must be multiples of %v, want %v", got, want)
	}
	modeltest.RefusesSizes(t, m, map[string]nn.Shape{
		"multiples of 8; axis x has 12, 8 or 16 would fit": {1, 1, 12, 12, 2},
		"multiples of 12; axis y has 8, 12 would fit":      {1, 1, 8, 8, 2},
		"multiples of 2; axis z has 5, 4 or 6 would fit":   {1, 1, 8, 12, 5},
		"takes 1 channels, the image has 2":                {1, 2, 8, 12, 2},
	})
}

// MONAI drops elements, not channels, after each of its convolutions, the heads'
// included.
func TestDropoutFollowsEveryConvolution(t *testing.T) {
	t.Parallel()
	m, err := dynunet.New(map[string]any{
		"init_filters": 4, "strides": []int{1, 2, 2}, "dropout": 0.25, "res_block": true, "deep_supervision": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: nn.Shape{1, 1, 8, 8, 8}})
	if err != nil {
		t.Fatal(err)
	}
	convolutions := 0
	for i, n := range p.Nodes {
		switch n.Op.(type) {
		case nn.Conv, nn.ConvTranspose:
			convolutions++
			if next, ok := p.Nodes[i+1].Op.(nn.DropoutOp); !ok || next != (nn.DropoutOp{P: 0.25}) || p.Nodes[i+1].In[0] != n.Out {
				t.Errorf("node %d (%s in %s) is followed by %+v", i, n.Op.Kind(), n.Path, p.Nodes[i+1].Op)
			}
		}
	}
	if want := 3*3 + 2*3 + 2; convolutions != want {
		t.Errorf("%d convolutions, want %d", convolutions, want)
	}
}

// The levels that an option list leaves open follow from those given.
func TestLevelsFollowFromWhatIsGiven(t *testing.T) {
	t.Parallel()
	modeltest.SameModels(t, dynunet.New, [][2]map[string]any{
		{nil, {"filters": []int{32, 64, 128, 256, 320, 320}, "strides": []int{1, 2, 2, 2, 2, 2}, "kernel_size": []int{3, 3, 3, 3, 3, 3}}},
		{dynunet.Small(), {"filters": []int{8, 16, 32, 64}, "kernel_size": []int{3, 3, 3, 3}}},
		{{"kernel_size": []int{3, 3, 5}}, {"filters": []int{32, 64, 128}, "kernel_size": []int{3, 3, 5}, "upsample_kernel_size": []int{2, 2}}},
		{{"filters": []int{4, 5, 6, 7}, "strides": []int{1, 2, 2}}, {"init_filters": 4, "filters": []int{4, 5, 6}}},
		{{"init_filters": 400, "strides": []int{1, 2, 2}}, {"filters": []int{400, 400, 400}}},
	})
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	cases := keyed()
	maps.Copy(cases, map[string]map[string]any{
		"small":   dynunet.Small(),
		"far":     {"strides": []any{1, []int{3, 2, 4}, []int{1, 4, 2}}, "kernel_size": []any{3, []int{3, 5, 3}, []int{1, 3, 7}}},
		"group":   {"norm_name": []any{"group", map[string]any{"num_groups": 4}}, "res_block": true},
		"bare":    {"norm_name": []any{"batch", map[string]any{"affine": false}}},
		"biased":  {"trans_bias": true, "deep_supervision": true, "deep_supr_num": 3},
		"deepest": {"init_filters": 2, "strides": []int{1, 2, 2, 2, 2, 2, 2, 2, 1, 1}},
	})
	for _, options := range cases {
		m, err := dynunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Recognised(t, dynunet.New, dynunet.Recognise, modeltest.Shapes(m), m, "Init")
		modeltest.Unrecognised(t, dynunet.Recognise, m, map[string]func(map[string]nn.Shape){
			"a foreign tensor": func(s map[string]nn.Shape) { s["another"] = nn.Shape{1} },
			"no bottleneck":    func(s map[string]nn.Shape) { delete(s, "bottleneck.conv1.conv.weight") },
		})
	}
	if o, ok := dynunet.Recognise(nil); ok {
		t.Errorf("nothing is taken for %v", o)
	}
}
