package config_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
)

// Settings that only a model knows keep their type and where they came from;
// those that every model has go where they belong.
func TestModelOptions(t *testing.T) {
	t.Parallel()
	path := write(t, "model:\n  name: swinunetr\n  options:\n    feature_size: 24\n    depths: [2, 2, 2, 2]\n    out_channels: 3\n    norm: [group, {num_groups: 8}]\n    gone: 1\n")
	r, err := config.Resolve(
		config.FileLayer(path),
		config.OverridesLayer([]string{"model.options.patch_merging=fixed", "model.options.use_v2 = true", "model.options.init_filters=12", "model.options.gone=null", `model.options.quoted="24"`}),
		config.MapLayer("argument", map[string]any{"model": map[string]any{"options": map[string]any{"num_heads": []any{3, 6}}}, "model.options.qkv_bias": false}),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"feature_size": 24.0, "depths": []any{2.0, 2.0, 2.0, 2.0}, "norm": []any{"group", map[string]any{"num_groups": 8.0}},
		"patch_merging": "fixed", "use_v2": true, "quoted": "24", "num_heads": []any{3.0, 6.0}, "qkv_bias": false,
	}
	if diff := cmp.Diff(want, r.Experiment.Model.Extra); diff != "" {
		t.Error(diff)
	}
	want["init_filters"], want["in_channels"], want["out_channels"] = 12, 1, 3
	if diff := cmp.Diff(want, r.Experiment.Model.Options()); diff != "" {
		t.Error(diff)
	}
	for key, source := range map[string]string{
		"model.options.feature_size": path + ":4:19", "model.options.patch_merging": "override", "model.options.num_heads": "argument",
		"model.out_channels": path + ":6:19", "model.init_filters": "override",
	} {
		if r.Sources[key] != source {
			t.Errorf("source of %s is %q, want %q", key, r.Sources[key], source)
		}
	}
}

func TestSetOption(t *testing.T) {
	t.Parallel()
	var m config.Model
	for name, value := range map[string]any{"strides": []int{1, 2}, "init_filters": 8.0, "dropout": 0.5, "norm": "batch", "bias": true} {
		if err := m.Set(name, value); err != nil {
			t.Error(err)
		}
	}
	want := config.Model{InitFilters: 8, Dropout: 0.5, Extra: map[string]any{"strides": []any{1.0, 2.0}, "norm": "batch", "bias": true}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if err := m.Set("norm", nil); err != nil || m.Extra["norm"] != nil {
		t.Errorf("%v, %v", m.Extra, err)
	}
	for name, value := range map[string]any{"": 1, "init_filters": "many", "f": func() {}} {
		if err := m.Set(name, value); !errors.Is(err, config.ErrInvalid) {
			t.Errorf("%s = %v: %v", name, value, err)
		}
	}
}

// A model is asked for what was set and nothing else.
func TestOptionsLeaveOutWhatWasNotSet(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(map[string]any{"in_channels": 1, "out_channels": 2}, config.Default().Model.Options()); diff != "" {
		t.Error(diff)
	}
	m := config.Model{Name: "x", Dropout: 0.5}
	if diff := cmp.Diff(map[string]any{"dropout": 0.5}, m.Options()); diff != "" {
		t.Error(diff)
	}
}

// Lists read alike from files, arguments and the command line.
func TestLists(t *testing.T) {
	t.Parallel()
	decay := 0.5
	want := config.Default()
	want.Train.Freeze = []string{"swinViT.*", "encoder1.*"}
	want.Train.Groups = []config.Group{{Pattern: "decoder*", LearningRateScale: 0.1}, {Pattern: "out.*", LearningRateScale: 2, WeightDecay: &decay}}
	path := write(t, "train:\n  freeze: [swinViT.*, \"encoder1.*\"]\n  groups:\n    - {pattern: decoder*, learning_rate_scale: 0.1}\n    - pattern: out.*\n      learning_rate_scale: 2\n      weight_decay: 0.5\n")
	for name, layer := range map[string]config.Layer{
		"file":     config.FileLayer(path),
		"override": config.OverridesLayer([]string{"freeze=swinViT.*, encoder1.*", "groups=decoder*:0.1,out.*:2:0.5"}),
		"as JSON":  config.OverridesLayer([]string{`freeze=["swinViT.*", "encoder1.*"]`, `groups=[{"pattern":"decoder*","learning_rate_scale":0.1},{"pattern":"out.*","learning_rate_scale":2,"weight_decay":0.5}]`}),
		"JSON":     config.OverridesLayer([]string{`freeze=["swinViT.*","encoder1.*"]`, `groups=[{"pattern":"decoder*","learning_rate_scale":0.1},{"pattern":"out.*","learning_rate_scale":2,"weight_decay":0.5}]`}),
		"argument": config.MapLayer("argument", map[string]any{"freeze": []any{"swinViT.*", "encoder1.*"}, "groups": []any{"decoder*:0.1", "out.*:2:0.5"}}),
	} {
		r, err := config.Resolve(layer)
		if diff := cmp.Diff(want, r.Experiment); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// Stochastic gradient descent brings nnU-Net's values, unless others are said.
func TestDefaultsFollowTheOptimizer(t *testing.T) {
	t.Parallel()
	r, err := config.Resolve(config.OverridesLayer([]string{"optimizer=sgd", "schedule=cosine"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Experiment.Train; got.LearningRate != 1e-2 || got.WeightDecay != 3e-5 || got.Schedule != "cosine" || got.Momentum != 0.99 {
		t.Errorf("%+v", got)
	}
	if got := r.Sources["train.learning_rate"]; got != "nnU-Net's value with sgd" {
		t.Errorf("learning rate from %q", got)
	}
}

// Experiments that an older program wrote are read as they were meant.
func TestFormerSchema(t *testing.T) {
	t.Parallel()
	var e config.Experiment
	old := `{"name":"","dataset":"toy","fold":0,"seed":3,"device":"cpu","threads":1,"model":{"name":"segresnet","init_filters":8,"in_channels":1,"out_channels":2,"dropout":0.1},` +
		`"train":{"epochs":2,"max_steps":0,"patches_per_volume":2,"batch_size":1,"patch_size":[8,8,8],"foreground_fraction":0.5,"loss":"dice_ce","include_background":false,"optimizer":"adamw",` +
		`"learning_rate":0.001,"weight_decay":0,"gradient_clip":0,"schedule":"constant","warmup_steps":0,"precision":"float32","gradient_checkpointing":false,"patience":0,"validate_every":0,` +
		`"checkpoint_every":0,"cache_megabytes":10},"augment":{"flip":0},"normalise":"none","infer":{"window":[0,0,0],"overlap":0.5,"mode":"constant","window_batch":1}}`
	if err := json.Unmarshal([]byte(old), &e); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Dataset, want.Seed, want.Device, want.Threads = "toy", 3, "cpu", 1
	want.Model.InitFilters, want.Model.Dropout = 8, 0.1
	want.Train = config.Train{
		Epochs: 2, PatchesPerVolume: 2, BatchSize: 1, PatchSize: [3]int{8, 8, 8}, ForegroundFraction: 0.5, Loss: "dice_ce", OutputWeights: "nnunet",
		Optimizer: "adamw", LearningRate: 1e-3, Momentum: 0.99, Schedule: "constant", Precision: "float32", CacheMegabytes: 10,
	}
	want.Augment.Flip, want.Normalise, want.Infer = 0, "none", config.Infer{Overlap: 0.5, Mode: "constant", WindowBatch: 1}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
}
