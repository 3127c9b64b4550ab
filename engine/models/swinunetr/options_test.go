package swinunetr_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, swinunetr.New, map[string]map[string]any{
		"feature_size is 20, must be a multiple of 12":                 {"feature_size": 20},
		"feature_size is 0":                                            {"feature_size": 0},
		"feature_size is 16":                                           {"init_filters": 16},
		"init_filters is another name of feature_size":                 {"init_filters": 12, "feature_size": 24},
		"did you mean feature_size?":                                   {"feature_sise": 24},
		"depths has 3 stages, must have 4":                             {"depths": []int{2, 2, 2}},
		"depths: 0 blocks at one level":                                {"depths": []int{2, 2, 0, 2}},
		"num_heads has 3 stages, must have 4":                          {"num_heads": []int{3, 6, 12}},
		"num_heads is 7 at stage 2, must divide its 48 channels":       {"num_heads": []int{3, 7, 12, 24}},
		"num_heads is 0 at stage 1":                                    {"num_heads": []int{0, 6, 12, 24}},
		"drop_rate is 1, must be at least 0 and below 1":               {"dropout": 1.0},
		"attn_drop_rate is -0.1":                                       {"attn_drop_rate": -0.1},
		"dropout_path_rate is 1":                                       {"dropout_path_rate": 1},
		`patch_merging is "merging", must be legacy, fixed or v2`:      {"patch_merging": "merging"},
		`norm_name: norm is "layer", must be group, instance or batch`: {"norm_name": "layer"},
		"24 channels cannot be normalised in 5 groups":                 {"norm_name": []any{"group", map[string]any{"num_groups": 5}}},
		"normalize":            {"normalize": "yes"},
		"in_channels is 0":     {"in_channels": 0},
		"out_channels is 5000": {"out_channels": 5000},
	})
}

func TestSizesRefused(t *testing.T) {
	t.Parallel()
	m, err := swinunetr.New(swinunetr.Small())
	if err != nil {
		t.Fatal(err)
	}
	modeltest.RefusesSizes(t, m, map[string]nn.Shape{
		"multiples of 32; axis x has 48, 32 or 64 would fit": {1, 1, 48, 64, 32},
		"axis z has 5, 32 would fit":                         {1, 1, 64, 64, 5},
		"takes 1 channels, the image has 3":                  {1, 3, 32, 32, 32},
	})
}

// The names that every model understands mean MONAI's.
func TestAliases(t *testing.T) {
	t.Parallel()
	alias, err := swinunetr.New(map[string]any{"init_filters": 36, "dropout": 0.25})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := swinunetr.New(map[string]any{"feature_size": 36, "drop_rate": 0.25})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(theirs.Config(), alias.Config()); d != "" {
		t.Error(d)
	}
	if o := alias.Config().Options; o["feature_size"] != 36.0 || o["drop_rate"] != 0.25 {
		t.Errorf("options %v", o)
	}
}

// An exported file says how patches are merged even if nobody chose it.
func TestExportNamesTheMerging(t *testing.T) {
	t.Parallel()
	m := narrow(t, "")
	var b bytes.Buffer
	if err := m.ExportONNX(&b, weightsOf(t, m), onnx.Spec{Patch: [3]int{32, 32, 32}}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte(`"patch_merging":"fixed"`)) {
		t.Error("the metadata do not say how patches are merged")
	}
	if got := m.Config().Options["patch_merging"]; got != "" {
		t.Errorf("the export decided for the network: %v", got)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	group := []any{"group", map[string]any{"num_groups": 6}}
	for what, options := range map[string]map[string]any{
		"defaults":     nil,
		"small":        swinunetr.Small(),
		"wide":         {"feature_size": 48, "in_channels": 4, "out_channels": 14},
		"v2":           {"use_v2": true, "patch_merging": "v2"},
		"deep":         {"feature_size": 12, "depths": []int{1, 3, 2, 1}, "num_heads": []int{2, 4, 3, 6}},
		"batch":        {"feature_size": 12, "norm_name": "batch"},
		"batch plain":  {"feature_size": 12, "norm_name": []any{"batch", map[string]any{"affine": false}}},
		"affine":       {"feature_size": 12, "norm_name": []any{"instance", map[string]any{"affine": true}}},
		"group":        {"feature_size": 12, "norm_name": group},
		"no trace":     {"feature_size": 12, "dropout": 0.5, "normalize": false, "dropout_path_rate": 0.1},
		"legacy":       {"feature_size": 12, "patch_merging": "legacy"},
		"all at once":  {"feature_size": 12, "use_v2": true, "norm_name": "batch", "depths": []int{2, 1, 1, 1}, "in_channels": 2},
		"single class": {"feature_size": 12, "out_channels": 1},
	} {
		m, err := swinunetr.New(options)
		if err != nil {
			t.Fatal(err)
		}
		shapes := modeltest.Shapes(m)
		found, ok := swinunetr.Recognise(shapes)
		if !ok {
			t.Errorf("%s: not recognised", what)
			continue
		}
		if _, guessed := found["patch_merging"]; guessed {
			t.Errorf("%s: the way of merging was guessed", what)
		}
		again, err := swinunetr.New(found)
		if err != nil {
			t.Fatal(err)
		}
		if !adapter.Fits(again.TrainableParameters(), shapes) {
			t.Errorf("%s: recognised as %v, which has other parameters", what, found)
		}
		modeltest.Unrecognised(t, swinunetr.Recognise, m, map[string]func(map[string]nn.Shape){
			"one tensor more":    func(s map[string]nn.Shape) { s["extra"] = nn.Shape{1} },
			"one tensor less":    func(s map[string]nn.Shape) { delete(s, "encoder10.layer.conv2.conv.weight") },
			"another shape":      func(s map[string]nn.Shape) { s["out.conv.conv.bias"] = nn.Shape{99} },
			"no last layer":      func(s map[string]nn.Shape) { delete(s, "out.conv.conv.weight") },
			"no table":           func(s map[string]nn.Shape) { delete(s, "swinViT.layers3.0.blocks.0.attn.relative_position_bias_table") },
			"a width of nothing": func(s map[string]nn.Shape) { s["swinViT.patch_embed.proj.weight"] = nn.Shape{0, 1, 2, 2, 2} },
		})
	}
}

// Whatever a file calls its tensors, what is renamed is the transformer's.
func FuzzRenameSelfSupervised(f *testing.F) {
	for _, name := range []string{"module.layers1.0.blocks.0.mlp.fc1.weight", "encoder.layers1c.0.0.layer.conv1", "layers.0.", "layers-1.0.blocks", ".0.0.", "encoder."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := swinunetr.RenameSelfSupervised(name)
		if !ok {
			return
		}
		if !strings.HasPrefix(got, "swinViT.patch_embed.proj.") && !strings.HasPrefix(got, "swinViT.layers") {
			t.Errorf("%q became %q", name, got)
		}
		if again, ok := swinunetr.RenameSelfSupervised(got); !ok || again != got {
			t.Errorf("%q became %q and then %q, %v", name, got, again, ok)
		}
	})
}
