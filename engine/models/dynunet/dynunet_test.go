package dynunet_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
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
	for name, options := range map[string]map[string]any{
		"small": {"init_filters": 4, "strides": []int{1, 2, 2, 2}},
		"everything": {
			"init_filters": 4, "in_channels": 2, "out_channels": 3, "strides": []any{1, []int{2, 2, 1}, 2},
			"kernel_size": []any{[]int{3, 3, 1}, 3, 3}, "res_block": true, "trans_bias": true, "deep_supervision": true,
			"norm_name": []any{"group", map[string]any{"num_groups": 2}}, "act_name": "prelu",
		},
		"batch": {"filters": []int{4, 6, 8}, "norm_name": "batch", "act_name": "elu"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
				m, err := dynunet.New(o)
				if err != nil {
					return nil, err
				}
				return m, nil
			}, options)
		})
	}
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
		text, err := os.ReadFile("testdata/keys/" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		keys, count := lines[:len(lines)-1], lines[len(lines)-1]
		declared := make(map[string]string)
		var got, want []string
		for _, p := range m.TrainableParameters() {
			declared[p.Name] = describe(p)
			got = append(got, p.Name+" "+describe(p))
		}
		repeated := make(map[string]bool)
		for _, line := range keys {
			name, rest, _ := strings.Cut(line, " ")
			switch first := m.Rename(name); {
			case first == name:
				want = append(want, line)
			case declared[first] != rest || repeated[first]:
				t.Errorf("%s: %s leads to %s, which is %s", file, line, first, declared[first])
			default:
				repeated[first] = true
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-MONAI +ours):\n%s", file, d)
		}
		if n := fmt.Sprint(nn.CountElements(m.TrainableParameters())); n != count {
			t.Errorf("%s: %s parameters, MONAI has %s", file, n, count)
		}
	}
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

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]any
		says    string
	}{
		{map[string]any{"init_filters": 0}, "init_filters is 0, must be 1 to 4096"},
		{map[string]any{"init_filter": 8}, "did you mean init_filters?"},
		{map[string]any{"init_filters": 8, "filters": []int{4, 8, 16}}, "init_filters is 8 but filters begins with 4"},
		{map[string]any{"filters": []int{4, 0, 16}}, "0 filters at level 1, must be 1 to 4096"},
		{map[string]any{"filters": []int{}}, "filters has 0 levels, strides has 6"},
		{map[string]any{"filters": []int{4, 8, 16}, "strides": []int{1, 2, 2, 2}}, "filters has 3 levels, strides has 4"},
		{map[string]any{"strides": []int{1, 2}}, "strides has 2 levels, must have 3 to 10"},
		{map[string]any{"strides": []int{}}, "strides has 0 levels"},
		{map[string]any{"strides": []int{2, 2, 2}}, "strides begins with [2 2 2], must begin with 1"},
		{map[string]any{"strides": []any{1, []int{2, 2}, 2}}, `"[2,2]" must be a whole number or three of them`},
		{map[string]any{"strides": []any{1, 2.5, 2}}, `"2.5" must be a whole number`},
		{map[string]any{"strides": []int{1, 0, 2}}, "stride [0 0 0] at level 1: 0 must be 1 to 8"},
		{map[string]any{"strides": []any{1, 2, []int{2, 5, 2}}}, "stride [2 5 2] at level 2: 5 is too large for a kernel of 3"},
		{map[string]any{"strides": []int{1, 3, 2}, "res_block": true}, "with res_block it must be at most 2"},
		{map[string]any{"kernel_size": []int{3, 3}}, "must have 3 to 10"},
		{map[string]any{"kernel_size": []int{3, 3, 3}, "strides": []int{1, 2, 2, 2}}, "kernel_size has 3 levels, strides has 4"},
		{map[string]any{"kernel_size": []int{3, 4, 3}}, "kernel [4 4 4] at level 1: 4 must be odd, 1 to 15"},
		{map[string]any{"kernel_size": []any{3, []int{3, 17, 3}, 3}}, "17 must be odd, 1 to 15"},
		{map[string]any{"strides": []int{1, 2, 2}, "upsample_kernel_size": []int{2, 3}}, "upsample_kernel_size is [[2 2 2] [3 3 3]], must be [[2 2 2] [2 2 2]]"},
		{map[string]any{"dropout": 1.0}, "dropout is 1, must be at least 0 and below 1"},
		{map[string]any{"deep_supervision": true, "deep_supr_num": 0}, "deep_supr_num is 0, must be 1 to 4 with 6 levels"},
		{map[string]any{"deep_supervision": true, "deep_supr_num": 5}, "deep_supr_num is 5"},
		{map[string]any{"norm_name": "layer"}, `norm is "layer"`},
		{map[string]any{"norm_name": []any{"group", map[string]any{"num_groups": 5}}}, "32 channels cannot be normalised in 5 groups"},
		{map[string]any{"act_name": "softmax"}, `act is "softmax"`},
		{map[string]any{"out_channels": -1}, "out_channels is -1"},
		{map[string]any{"in_channels": 5000}, "in_channels is 5000, must be 1 to 4096"},
	} {
		_, err := dynunet.New(c.options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.options, err, c.says)
		}
	}
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
	for _, c := range []struct {
		shape nn.Shape
		says  string
	}{
		{nn.Shape{1, 1, 12, 12, 2}, "multiples of 8; axis x has 12, 8 or 16 would fit"},
		{nn.Shape{1, 1, 8, 8, 2}, "multiples of 12; axis y has 8, 12 would fit"},
		{nn.Shape{1, 1, 8, 12, 5}, "multiples of 2; axis z has 5, 4 or 6 would fit"},
		{nn.Shape{1, 2, 8, 12, 2}, "takes 1 channels, the image has 2"},
	} {
		_, err := nn.Trace(m.Forward, m.TrainableParameters(), nn.InputShapes{Image: c.shape})
		if !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.shape, err, c.says)
		}
	}
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
	for _, c := range []struct{ given, same map[string]any }{
		{nil, map[string]any{"filters": []int{32, 64, 128, 256, 320, 320}, "strides": []int{1, 2, 2, 2, 2, 2}, "kernel_size": []int{3, 3, 3, 3, 3, 3}}},
		{dynunet.Small(), map[string]any{"filters": []int{8, 16, 32, 64}, "kernel_size": []int{3, 3, 3, 3}}},
		{map[string]any{"kernel_size": []int{3, 3, 5}}, map[string]any{"filters": []int{32, 64, 128}, "kernel_size": []int{3, 3, 5}, "upsample_kernel_size": []int{2, 2}}},
		{map[string]any{"filters": []int{4, 5, 6, 7}, "strides": []int{1, 2, 2}}, map[string]any{"init_filters": 4, "filters": []int{4, 5, 6}}},
		{map[string]any{"init_filters": 400, "strides": []int{1, 2, 2}}, map[string]any{"filters": []int{400, 400, 400}}},
	} {
		got, err := dynunet.New(c.given)
		if err != nil {
			t.Fatal(err)
		}
		same, err := dynunet.New(c.same)
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
		"small":   dynunet.Small(),
		"far":     {"strides": []any{1, []int{3, 2, 4}, []int{1, 4, 2}}, "kernel_size": []any{3, []int{3, 5, 3}, []int{1, 3, 7}}},
		"group":   {"norm_name": []any{"group", map[string]any{"num_groups": 4}}, "res_block": true},
		"bare":    {"norm_name": []any{"batch", map[string]any{"affine": false}}},
		"biased":  {"trans_bias": true, "deep_supervision": true, "deep_supr_num": 3},
		"deepest": {"init_filters": 2, "strides": []int{1, 2, 2, 2, 2, 2, 2, 2, 1, 1}},
	})
	for name, options := range cases {
		m, err := dynunet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		shapes := make(map[string]nn.Shape)
		for _, p := range m.TrainableParameters() {
			shapes[p.Name] = p.Shape
		}
		check := func(what string) {
			t.Helper()
			o, ok := dynunet.Recognise(shapes)
			if !ok {
				t.Errorf("%s %s is not recognised", name, what)
				return
			}
			again, err := dynunet.New(o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(m.TrainableParameters(), again.TrainableParameters(), cmp.Comparer(sameParam)); d != "" {
				t.Errorf("%s %s is recognised as %v:\n%s", name, what, o, d)
			}
		}
		check("alone")
		shapes["another"] = nn.Shape{1}
		if o, ok := dynunet.Recognise(shapes); ok {
			t.Errorf("%s with a foreign tensor is taken for %v", name, o)
		}
		delete(shapes, "another")
		delete(shapes, "bottleneck.conv1.conv.weight")
		if o, ok := dynunet.Recognise(shapes); ok {
			t.Errorf("%s without a bottleneck is taken for %v", name, o)
		}
	}
	if o, ok := dynunet.Recognise(nil); ok {
		t.Errorf("nothing is taken for %v", o)
	}
}

// sameParam ignores how parameters start, which a checkpoint does not show.
func sameParam(a, b nn.Param) bool {
	return a.Name == b.Name && a.Shape.Equal(b.Shape) && a.Type() == b.Type() && a.Buffer == b.Buffer
}
