package plainunet_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
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
	for name, options := range map[string]map[string]any{
		"small": {"init_filters": 4, "n_stages": 3},
		"everything": {
			"features_per_stage": []int{4, 6, 8}, "in_channels": 2, "out_channels": 3, "axes": "zyx", "conv_bias": false,
			"kernel_sizes": []any{[]int{1, 3, 3}, 3, 3}, "strides": []any{1, []int{1, 2, 2}, 2}, "n_conv_per_stage": []int{1, 2, 1},
			"n_conv_per_stage_decoder": []int{2, 1}, "deep_supervision": true, "nonlin_first": true, "nonlin": "prelu",
			"norm_op": []any{"group", map[string]any{"num_groups": 2}},
		},
		"batch": {"features_per_stage": []int{4, 6}, "norm_op": "batch", "nonlin": "elu"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
				m, err := plainunet.New(o)
				if err != nil {
					return nil, err
				}
				return m, nil
			}, options)
		})
	}
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
		keys, count := readKeys(t, file)
		declared := make(map[string]string)
		var got, want []string
		elements := int64(0)
		for _, p := range m.TrainableParameters() {
			declared[p.Name] = describe(p)
			got = append(got, p.Name+" "+describe(p))
			if !strings.Contains(p.Name, ".running_") && p.Type() == nn.F32 {
				elements += p.Shape.Elements()
			}
		}
		for _, line := range keys {
			name, rest, _ := strings.Cut(line, " ")
			if first := m.Rename(name); first == name {
				want = append(want, line)
			} else if declared[first] != rest {
				t.Errorf("%s: %s leads to %s, which is %s", file, line, first, declared[first])
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-nnU-Net +ours):\n%s", file, d)
		}
		if n := fmt.Sprint(elements); n != count {
			t.Errorf("%s: %s parameters, nnU-Net has %s", file, n, count)
		}
	}
}

// readKeys reads a key file: the lines of tensors, and the last one.
func readKeys(t *testing.T, file string) (lines []string, count string) {
	t.Helper()
	text, err := os.ReadFile("testdata/keys/" + file + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// describe writes shape and type as Python does.
func describe(p nn.Param) string {
	sizes := strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]int(p.Shape))), ", "), "[]")
	if len(p.Shape) == 1 {
		sizes += ","
	}
	if p.Type() == nn.I64 {
		return fmt.Sprintf("(%s) torch.int64", sizes)
	}
	return fmt.Sprintf("(%s) torch.float32", sizes)
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
	for _, c := range []struct {
		options map[string]any
		says    string
	}{
		{map[string]any{"init_filters": 0}, "init_filters is 0, must be 1 to 4096"},
		{map[string]any{"init_filter": 8}, "did you mean init_filters?"},
		{map[string]any{"num_classes": 2, "out_channels": 2}, "num_classes is another name of out_channels"},
		{map[string]any{"init_filters": 8, "features_per_stage": []int{4, 8}}, "init_filters is 8 but features_per_stage begins with 4"},
		{map[string]any{"features_per_stage": []int{4, 0}}, "0 features at stage 1, must be 1 to 4096"},
		{map[string]any{"features_per_stage": []int{}}, "features_per_stage has 0 entries, must have 6 for 6 stages"},
		{map[string]any{"n_stages": 1}, "there are 1 stages, must be 2 to 10"},
		{map[string]any{"n_stages": 11}, "there are 11 stages"},
		{map[string]any{"n_stages": 3, "strides": []int{1, 2}}, "strides has 2 entries, must have 3 for 3 stages"},
		{map[string]any{"strides": []int{1, 2}, "kernel_sizes": []int{3, 3, 3}}, "kernel_sizes has 3 entries, must have 2 for 2 stages"},
		{map[string]any{"n_stages": 3, "n_conv_per_stage": []int{2, 2}}, "n_conv_per_stage has 2 entries, must have 3"},
		{map[string]any{"n_stages": 3, "n_conv_per_stage_decoder": []int{2, 2, 2}}, "n_conv_per_stage_decoder has 3 entries, must have 2"},
		{map[string]any{"n_stages": 2, "n_conv_per_stage": []int{2, 0}}, "n_conv_per_stage: 0 blocks at one level"},
		{map[string]any{"n_stages": 2, "n_conv_per_stage_decoder": []int{65}}, "n_conv_per_stage_decoder: 65 blocks"},
		{map[string]any{"strides": []int{2, 2}}, "strides begins with [2 2 2], must begin with 1"},
		{map[string]any{"strides": []any{1, []int{1, 2}}}, `"[1,2]" must be a whole number or three of them`},
		{map[string]any{"strides": []int{1, -2}}, "stride [-2 -2 -2] at level 1: -2 must be 1 to 8"},
		{map[string]any{"kernel_sizes": []int{3, 2}}, "kernel [2 2 2] at level 1: 2 must be odd, 1 to 15"},
		{map[string]any{"strides": []int{1, 9}}, "9 must be 1 to 8"},
		{map[string]any{"axes": "xyx"}, `axes is "xyx", must be xyz, zyx or another order`},
		{map[string]any{"axes": ""}, `axes is ""`},
		{map[string]any{"dropout": -0.1}, "dropout is -0.1"},
		{map[string]any{"norm_op": "layer"}, `norm is "layer"`},
		{map[string]any{"nonlin": "softmax"}, `act is "softmax"`},
		{map[string]any{"out_channels": -1}, "out_channels is -1"},
		{map[string]any{"in_channels": 5000}, "in_channels is 5000, must be 1 to 4096"},
	} {
		_, err := plainunet.New(c.options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.options, err, c.says)
		}
	}
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
	for _, c := range []struct {
		shape nn.Shape
		says  string
	}{
		{nn.Shape{1, 1, 8, 8, 1}, "multiples of 6; axis x has 8, 6 or 12 would fit"},
		{nn.Shape{1, 1, 12, 6, 1}, "multiples of 4; axis y has 6, 4 or 8 would fit"},
		{nn.Shape{1, 2, 12, 8, 1}, "takes 1 channels, the image has 2"},
	} {
		_, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: c.shape})
		if !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.shape, err, c.says)
		}
	}
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
	for _, c := range []struct{ given, same map[string]any }{
		{nil, map[string]any{"n_stages": 6, "features_per_stage": []int{32, 64, 128, 256, 320, 320}, "strides": []int{1, 2, 2, 2, 2, 2}}},
		{plainunet.Small(), map[string]any{"features_per_stage": []int{8, 16, 32, 64}, "n_conv_per_stage": []int{2, 2, 2, 2}}},
		{map[string]any{"kernel_sizes": []int{3, 5}}, map[string]any{"n_stages": 2, "kernel_sizes": []int{3, 5}, "n_conv_per_stage_decoder": []int{2}}},
		{map[string]any{"features_per_stage": []int{3, 4, 5}}, map[string]any{"init_filters": 3, "n_stages": 3, "features_per_stage": []int{3, 4, 5}}},
	} {
		got, err := plainunet.New(c.given)
		if err != nil {
			t.Fatal(err)
		}
		same, err := plainunet.New(c.same)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(same.Config(), got.Config()); d != "" {
			t.Errorf("%v (-want +got):\n%s", c.given, d)
		}
	}
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
		shapes := make(map[string]nn.Shape)
		for _, p := range m.TrainableParameters() {
			shapes[p.Name] = p.Shape
		}
		recognised(t, name, shapes, m, "xyz")
		shapes["another"] = nn.Shape{1}
		if o, ok := plainunet.Recognise(shapes); ok {
			t.Errorf("%s with a foreign tensor is taken for %v", name, o)
		}
		delete(shapes, "another")
		delete(shapes, "encoder.stages.1.0.convs.0.conv.weight")
		if o, ok := plainunet.Recognise(shapes); ok {
			t.Errorf("%s without its second stage is taken for %v", name, o)
		}
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
		byName := make(map[string]nn.Shape)
		for _, p := range m.TrainableParameters() {
			byName[p.Name] = p.Shape
		}
		all, lastNames := make(map[string]nn.Shape), make(map[string]string)
		keys, _ := readKeys(t, name)
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
	o, ok := plainunet.Recognise(shapes)
	if !ok {
		t.Errorf("%s is not recognised", name)
		return
	}
	again, err := plainunet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Config().Options["axes"]; got != axes {
		t.Errorf("%s is recognised with axes %v, want %s", name, got, axes)
	}
	// Neither how parameters start nor which heads are trained shows.
	same := cmp.Comparer(func(a, b nn.Param) bool {
		return a.Name == b.Name && a.Shape.Equal(b.Shape) && a.Type() == b.Type()
	})
	if d := cmp.Diff(m.TrainableParameters(), again.TrainableParameters(), same); d != "" {
		t.Errorf("%s is recognised as %v:\n%s", name, o, d)
	}
	for key := range shapes {
		if again.Rename(key) != m.Rename(key) {
			t.Errorf("%s: the network recognised takes %s for %s", name, key, again.Rename(key))
		}
	}
}
