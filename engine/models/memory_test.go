package models_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// TestMemoryIsForetold holds what engine/nn/cost says of a network against the
// bytes that libtorch allocates, for every kind of network. It counts the whole
// process and so runs alone.
func TestMemoryIsForetold(t *testing.T) { //nolint:paralleltest // counts the process's memory
	if err := torch.Configure(2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model     string
		options   map[string]any
		batch     int
		patch     [3]int
		precision nn.DType
	}{
		{"segresnet", map[string]any{"init_filters": 8}, 2, [3]int{32, 24, 16}, nn.F32},
		{"segresnet", map[string]any{"init_filters": 16, "dropout_prob": 0.2}, 1, [3]int{24, 16, 8}, nn.F32},
		{"segresnet", map[string]any{"init_filters": 8}, 2, [3]int{32, 32, 16}, nn.BF16},
		{"segresnetds", map[string]any{"init_filters": 8, "norm": "instance", "dsdepth": 2}, 2, [3]int{16, 32, 16}, nn.F32},
		{"dynunet", map[string]any{"init_filters": 8, "strides": []int{1, 2, 2, 2}}, 2, [3]int{32, 16, 24}, nn.F32},
		{"dynunet", map[string]any{"init_filters": 8, "strides": []int{1, 2, 2}, "res_block": true}, 3, [3]int{16, 16, 12}, nn.F32},
		{"plainunet", map[string]any{"init_filters": 8, "n_stages": 4}, 1, [3]int{32, 16, 16}, nn.F32},
		{"unet", map[string]any{"init_filters": 8, "strides": []int{2, 2}}, 2, [3]int{32, 32, 16}, nn.F32},
		{"dynunet", map[string]any{"init_filters": 8, "strides": []int{1, 2, 2}, "norm_name": "batch"}, 2, [3]int{32, 24, 16}, nn.F32},
		{"basicunet", map[string]any{"init_filters": 8}, 2, [3]int{32, 16, 16}, nn.F32},
		{"swinunetr", map[string]any{"feature_size": 12, "use_v2": true, "patch_merging": "v2", "depths": []int{1, 2, 1, 1}}, 1, [3]int{32, 32, 32}, nn.F32},
		{"swinunetr", map[string]any{"feature_size": 12, "depths": []int{1, 1, 1, 1}}, 1, [3]int{32, 32, 32}, nn.BF16},
	} {
		m, err := models.New(c.model, c.options)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.MemoryAgrees(t, m, c.batch, c.patch, c.precision)
	}
}
