package plainunet_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/nn"
)

// keyed are the options of the lists in testdata/keys.
func keyed() map[string]map[string]any {
	return map[string]map[string]any{
		"default": nil,
		"options": {
			"features_per_stage": []int{4, 6, 8}, "kernel_sizes": []any{[]int{1, 3, 3}, 3, 3}, "strides": []any{1, []int{1, 2, 2}, 2},
			"n_conv_per_stage": []int{1, 2, 2}, "n_conv_per_stage_decoder": []int{2, 1}, "deep_supervision": true,
			"norm_op": "batch", "nonlin": "prelu", "nonlin_first": true, "dropout": 0.1,
		},
		"plain": {"features_per_stage": []int{4, 4}, "norm_op": "instance", "conv_bias": false, "num_classes": 3, "input_channels": 2},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Conforms(t, plainunet.New, map[string]map[string]any{
		"small": {"init_filters": 4, "n_stages": 3},
		"everything": {
			"features_per_stage": []int{4, 6, 8}, "in_channels": 2, "out_channels": 3, "axes": "zyx", "conv_bias": false,
			"kernel_sizes": []any{[]int{1, 3, 3}, 3, 3}, "strides": []any{1, []int{1, 2, 2}, 2}, "n_conv_per_stage": []int{1, 2, 1},
			"n_conv_per_stage_decoder": []int{2, 1}, "deep_supervision": true, "nonlin_first": true, "nonlin": "prelu",
			"norm_op": []any{"group", map[string]any{"num_groups": 2}},
		},
		"batch": {"features_per_stage": []int{4, 6}, "norm_op": "batch", "nonlin": "elu"},
	})
}

// The key files are the state_dict of nnU-Net's network (name, shape, type) and
// the number of its parameters. What it repeats leads to a declared parameter;
// the rest are the declared parameters, in that order.
func TestParametersAreNNUNets(t *testing.T) {
	t.Parallel()
	for file, options := range keyed() {
		m, err := plainunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		keys, count := modeltest.ReadCountedKeys(t, "testdata/keys/"+file+".txt")
		modeltest.RepeatedKeys(t, file, m, keys)
		elements := int64(0)
		for _, p := range m.TrainableParameters() {
			if !strings.Contains(p.Name, ".running_") && p.Type() == nn.F32 {
				elements += p.Shape.Elements()
			}
		}
		if n := fmt.Sprint(elements); n != count {
			t.Errorf("%s: %s parameters, nnU-Net has %s", file, n, count)
		}
	}
}

// The heads that no output uses are kept with the weights but not trained.
func TestUnusedHeadsAreNotTrained(t *testing.T) {
	t.Parallel()
	for _, deep := range []bool{false, true} {
		m, err := plainunet.New(map[string]any{"init_filters": 2, "n_stages": 4, "deep_supervision": deep})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.TrainableParameters() {
			head := strings.HasPrefix(p.Name, "decoder.seg_layers.")
			if last := strings.HasPrefix(p.Name, "decoder.seg_layers.2."); p.Buffer != (head && !last && !deep) {
				t.Errorf("deep supervision %v: buffer %v for %s", deep, p.Buffer, p.Name)
			}
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, plainunet.New, map[string]map[string]any{
		"init_filters is 0, must be 1 to 4096":                       {"init_filters": 0},
		"did you mean init_filters?":                                 {"init_filter": 8},
		"num_classes is another name of out_channels":                {"num_classes": 2, "out_channels": 2},
		"init_filters is 8 but features_per_stage begins with 4":     {"init_filters": 8, "features_per_stage": []int{4, 8}},
		"0 features at stage 1, must be 1 to 4096":                   {"features_per_stage": []int{4, 0}},
		"features_per_stage has 0 entries, must have 6 for 6 stages": {"features_per_stage": []int{}},
		"there are 1 stages, must be 2 to 10":                        {"n_stages": 1},
		"there are 11 stages":                                        {"n_stages": 11},
		"strides has 2 entries, must have 3 for 3 stages":            {"n_stages": 3, "strides": []int{1, 2}},
		"kernel_sizes has 3 entries, must have 2 for 2 stages":       {"strides": []int{1, 2}, "kernel_sizes": []int{3, 3, 3}},
		"n_conv_per_stage has 2 entries, must have 3":                {"n_stages": 3, "n_conv_per_stage": []int{2, 2}},
		"n_conv_per_stage_decoder has 3 entries, must have 2":        {"n_stages": 3, "n_conv_per_stage_decoder": []int{2, 2, 2}},
		"n_conv_per_stage: 0 blocks at one level":                    {"n_stages": 2, "n_conv_per_stage": []int{2, 0}},
		"n_conv_per_stage_decoder: 65 blocks":                        {"n_stages": 2, "n_conv_per_stage_decoder": []int{65}},
		"strides begins with [2 2 2], must begin with 1":             {"strides": []int{2, 2}},
		`"[1,2]" must be a whole number or three of them`:            {"strides": []any{1, []int{1, 2}}},
		"stride [-2 -2 -2] at level 1: -2 must be 1 to 8":            {"strides": []int{1, -2}},
		"kernel [2 2 2] at level 1: 2 must be odd, 1 to 15":          {"kernel_sizes": []int{3, 2}},
		"9 must be 1 to 8":                                           {"strides": []int{1, 9}},
		`axes is "xyx", must be xyz, zyx or another order`:           {"axes": "xyx"},
		`axes is ""`:                             {"axes": ""},
		"dropout is -0.1":                        {"dropout": -0.1},
		`norm is "layer"`:                        {"norm_op": "layer"},
		`act is "softmax"`:                       {"nonlin": "softmax"},
		"out_channels is -1":                     {"out_channels": -1},
		"in_channels is 5000, must be 1 to 4096": {"in_channels": 5000},
	})
}

// Sizes are those of the image, whatever order of axes the network sees.
func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := plainunet.New(map[string]any{"init_filters": 4, "strides": []any{1, []int{1, 2, 2}, []int{1, 2, 3}}, "axes": "zyx"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Config().Divisor, [3]int{6, 4, 1}; got != want {
		t.Errorf("sizes must be multiples of %v, want %v", got, want)
	}
	modeltest.RefusesSizes(t, m, map[string]nn.Shape{
		"multiples of 6; axis x has 8, 6 or 12 would fit": {1, 1, 8, 8, 1},
		"multiples of 4; axis y has 6, 4 or 8 would fit":  {1, 1, 12, 6, 1},
		"takes 1 channels, the image has 2":               {1, 2, 12, 8, 1},
	})
}

// Channels are dropped between each convolution and its normalisation, and
// nowhere else.
func TestDropoutIsWithinBlocks(t *testing.T) {
	t.Parallel()
	m, err := plainunet.New(map[string]any{"init_filters": 4, "n_stages": 2, "dropout": 0.25})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: nn.Shape{1, 1, 8, 8, 8}})
	if err != nil {
		t.Fatal(err)
	}
	dropped := 0
	for i, n := range p.Nodes {
		if d, ok := n.Op.(nn.DropoutOp); ok {
			dropped++
			before, after := p.Nodes[i-1].Op.Kind(), p.Nodes[i+1].Op.Kind()
			if d != (nn.DropoutOp{P: 0.25, Channels: true}) || before != "conv3d" || after != "instance_norm" {
				t.Errorf("%+v between %s and %s", d, before, after)
			}
		}
	}
	if dropped != 6 {
		t.Errorf("%d dropouts, want one for each of 6 blocks", dropped)
	}
}

// The stages that an option list leaves open follow from those given.
func TestStagesFollowFromWhatIsGiven(t *testing.T) {
	t.Parallel()
	modeltest.SameModels(t, plainunet.New, [][2]map[string]any{
		{nil, {"n_stages": 6, "features_per_stage": []int{32, 64, 128, 256, 320, 320}, "strides": []int{1, 2, 2, 2, 2, 2}}},
		{plainunet.Small(), {"features_per_stage": []int{8, 16, 32, 64}, "n_conv_per_stage": []int{2, 2, 2, 2}}},
		{{"kernel_sizes": []int{3, 5}}, {"n_stages": 2, "kernel_sizes": []int{3, 5}, "n_conv_per_stage_decoder": []int{2}}},
		{{"features_per_stage": []int{3, 4, 5}}, {"init_filters": 3, "n_stages": 3, "features_per_stage": []int{3, 4, 5}}},
	})
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	cases := keyed()
	maps.Copy(cases, map[string]map[string]any{
		"small": plainunet.Small(),
		"far":   {"strides": []any{1, []int{3, 2, 4}, []int{1, 4, 2}}, "kernel_sizes": []any{3, []int{3, 5, 3}, []int{1, 3, 7}}},
		"group": {"norm_op": []any{"group", map[string]any{"num_groups": 4}}, "conv_bias": false},
		"bare":  {"norm_op": []any{"batch", map[string]any{"affine": false}}, "n_stages": 2},
		"uneven": {
			"n_stages": 4, "n_conv_per_stage": []int{1, 2, 3, 4}, "n_conv_per_stage_decoder": []int{3, 2, 1},
		},
	})
	for name, options := range cases {
		m, err := plainunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		recognised(t, name, modeltest.Shapes(m), m, "xyz")
		modeltest.Unrecognised(t, plainunet.Recognise, m, map[string]func(map[string]nn.Shape){
			"a foreign tensor": func(s map[string]nn.Shape) { s["another"] = nn.Shape{1} },
			"no second stage":  func(s map[string]nn.Shape) { delete(s, "encoder.stages.1.0.convs.0.conv.weight") },
		})
	}
	if o, ok := plainunet.Recognise(nil); ok {
		t.Errorf("nothing is taken for %v", o)
	}
}

// nnU-Net's own state_dicts have every tensor several times; one name of each is
// enough. What has them is taken for trained with nnU-Net's order of axes.
func TestRecogniseStateDicts(t *testing.T) {
	t.Parallel()
	for name, options := range keyed() {
		m, err := plainunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		byName := modeltest.Shapes(m)
		all, lastNames := make(map[string]nn.Shape), make(map[string]string)
		keys, _ := modeltest.ReadCountedKeys(t, "testdata/keys/"+name+".txt")
		for _, line := range keys {
			key, _, _ := strings.Cut(line, " ")
			all[key] = byName[m.Rename(key)]
			lastNames[m.Rename(key)] = key
		}
		recognised(t, name, all, m, "zyx")
		last := make(map[string]nn.Shape)
		for declared, key := range lastNames {
			last[key] = byName[declared]
		}
		recognised(t, name+" by last names", last, m, "zyx")
		for key := range all {
			if m.Rename(key) != key {
				all[key] = nn.Shape{9}
				break
			}
		}
		if o, ok := plainunet.Recognise(all); ok {
			t.Errorf("%s with two shapes of one tensor is taken for %v", name, o)
		}
	}
}

// recognised checks that the shapes are taken for those of a network with the
// same parameters.
func recognised(t *testing.T, name string, shapes map[string]nn.Shape, m *plainunet.Model, axes string) {
	t.Helper()
	// Neither how parameters start nor which heads are trained shows.
	again := modeltest.Recognised(t, plainunet.New, plainunet.Recognise, shapes, m, "Init", "Buffer")
	if got := again.Config().Options["axes"]; got != axes {
		t.Errorf("%s is recognised with axes %v, want %s", name, got, axes)
	}
	for key := range shapes {
		if again.Rename(key) != m.Rename(key) {
			t.Errorf("%s: the network recognised takes %s for %s", name, key, again.Rename(key))
		}
	}
}
