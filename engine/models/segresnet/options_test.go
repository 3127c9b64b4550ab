package segresnet_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// MONAI's configurations spell options in several ways; ours say each in one.
func TestOptionsAsMONAISpellsThem(t *testing.T) {
	t.Parallel()
	pair := func(name string, arguments map[string]any) []any { return []any{name, arguments} }
	for _, c := range []struct {
		given, want map[string]any
	}{
		{map[string]any{"dropout_prob": nil}, map[string]any{"dropout": 0.0}},
		{map[string]any{"dropout_prob": 0.2}, map[string]any{"dropout": 0.2}},
		{map[string]any{"upsample": "trilinear"}, map[string]any{"upsample_mode": "nontrainable"}},
		{map[string]any{"norm": pair("GROUP", map[string]any{"num_groups": 4})}, map[string]any{"norm": "group", "num_groups": 4.0}},
		{map[string]any{"norm": "SyncBatch"}, map[string]any{"norm": "batch"}},
		{map[string]any{"norm": "instance_nvfuser"}, map[string]any{"norm": "instance"}},
		{
			map[string]any{"norm": pair("INSTANCE", map[string]any{"affine": true, "eps": 1e-3, "track_running_stats": false})},
			map[string]any{"norm": pair("instance", map[string]any{"affine": true, "eps": 1e-3})},
		},
		{map[string]any{"norm": pair("batch", map[string]any{"momentum": 0.2})}, map[string]any{"norm": pair("batch", map[string]any{"momentum": 0.2})}},
		{map[string]any{"act": pair("RELU", map[string]any{"inplace": true})}, map[string]any{"act": "relu"}},
		{map[string]any{"act": []any{"GELU"}}, map[string]any{"act": "gelu"}},
		{map[string]any{"act": "memswish"}, map[string]any{"act": "swish"}},
		{
			map[string]any{"act": pair("prelu", map[string]any{"num_parameters": 1, "init": 0.1})},
			map[string]any{"act": pair("prelu", map[string]any{"init": 0.1})},
		},
	} {
		m, err := segresnet.New(c.given)
		if err != nil {
			t.Fatalf("%v: %v", c.given, err)
		}
		for name, want := range c.want {
			if d := cmp.Diff(want, m.Config().Options[name]); d != "" {
				t.Errorf("%v (-want +got):\n%s", c.given, d)
			}
		}
	}
}

// MONAI keeps the last activation under two names. Both are exported, and either
// is enough to read.
func TestSharedActivationHasTwoNames(t *testing.T) {
	t.Parallel()
	const declared, second = "conv_final.1.weight", "act_mod.weight"
	m, err := segresnet.New(map[string]any{"act": "prelu", "blocks_down": []int{1}, "blocks_up": []int{}})
	if err != nil {
		t.Fatal(err)
	}
	weights, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prelu.safetensors")
	if err := adapter.Export(path, "safetensors", m, weights, nil); err != nil {
		t.Fatal(err)
	}
	saved, _, err := safetensors.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	slope, _ := weights.Get(declared)
	for _, name := range []string{declared, second} {
		if got, ok := saved.Get(name); !ok || !bytes.Equal(got.Data, slope.Data) {
			t.Errorf("%s is %v, want %v", name, got.Data, slope.Data)
		}
		less := &nn.State{}
		for w := range saved.All() {
			if w.Name != name {
				if err := less.Add(w); err != nil {
					t.Fatal(err)
				}
			}
		}
		one := filepath.Join(t.TempDir(), "one.safetensors")
		if err := safetensors.Write(one, less, nil); err != nil {
			t.Fatal(err)
		}
		loaded, err := m.LoadCheckpoint(one)
		if err != nil {
			t.Fatalf("without %s: %v", name, err)
		}
		if got, _ := loaded.Get(declared); !bytes.Equal(got.Data, slope.Data) {
			t.Errorf("without %s the slope is %v, want %v", name, got.Data, slope.Data)
		}
	}
	for _, names := range [][]string{{declared}, {second}, {declared, second}} {
		shapes := modeltest.Shapes(m)
		delete(shapes, declared)
		for _, name := range names {
			shapes[name] = nn.Shape{1}
		}
		if _, ok := segresnet.Recognise(shapes); !ok {
			t.Errorf("not recognised by %v", names)
		}
	}
}
