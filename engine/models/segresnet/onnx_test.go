package segresnet_test

import (
	"flag"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
)

// update is a flag of the test binary: go test -run ONNX -update rewrites the
// golden models. Check them then with scripts/peers/onnx_check.py.
var update = flag.Bool("update", false, "rewrite the golden files")

// The golden models were accepted by onnx.checker, and ONNX Runtime's logits
// agreed with MONAI's, when scripts/peers/onnx_check.py was run on them. As long
// as the bytes are the same, that still holds.
func TestONNXGolden(t *testing.T) {
	t.Parallel()
	modeltest.Golden(t, segresnet.New, "2,2,2", *update, map[string]map[string]any{
		"tiny":    {"init_filters": 4, "num_groups": 2, "blocks_down": []int{1, 2}, "blocks_up": []int{1}},
		"deconv":  {"init_filters": 4, "num_groups": 4, "in_channels": 2, "out_channels": 3, "blocks_down": []int{1, 1}, "blocks_up": []int{1}, "upsample": "deconv", "dropout": 0.2},
		"shuffle": {"init_filters": 4, "norm": "batch", "act": "prelu", "blocks_down": []int{1, 1}, "blocks_up": []int{1}, "upsample_mode": "pixelshuffle"},
	})
}
