package swinunetr_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/nn"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Conforms(t, swinunetr.New, map[string]map[string]any{
		"plain": {"feature_size": 12, "depths": []int{1, 1, 1, 1}, "num_heads": []int{1, 2, 2, 2}},
		"options": {
			"init_filters": 12, "in_channels": 2, "out_channels": 3, "depths": []int{1, 2, 1, 1}, "num_heads": []int{1, 1, 1, 2},
			"dropout": 0.1, "attn_drop_rate": 0.1, "dropout_path_rate": 0.2, "normalize": false, "use_v2": true, "patch_merging": "legacy",
			"norm_name": []any{"group", map[string]any{"num_groups": 4}},
		},
	})
}

// The key files list MONAI 1.4.0's state_dict: name, shape, type.
func TestParametersAreMONAIs(t *testing.T) {
	t.Parallel()
	modeltest.Keys(t, swinunetr.New, "testdata/keys_swinunetr_%s.txt", modeltest.KeyLines, map[string]map[string]any{
		"24": {"feature_size": 24}, "48": {"feature_size": 48}, "v2_48": {"feature_size": 48, "use_v2": true},
	})
}

// The counts of MONAI 1.4.0 for one input channel and two classes.
func TestParameterCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]any
		trained int64
		buffers int64
	}{
		{nil, 15_703_004, 941_192},
		{map[string]any{"feature_size": 48}, 62_186_708, 941_192},
		{map[string]any{"feature_size": 48, "use_v2": true}, 72_762_068, 941_192},
	} {
		m, err := swinunetr.New(c.options)
		if err != nil {
			t.Fatal(err)
		}
		var buffers int64
		for _, p := range m.TrainableParameters() {
			if p.Buffer {
				buffers += p.Shape.Elements()
			}
		}
		if got := nn.CountElements(m.TrainableParameters()); got != c.trained || buffers != c.buffers {
			t.Errorf("%v: %d parameters and %d elements of buffers, want %d and %d", c.options, got, buffers, c.trained, c.buffers)
		}
	}
}
