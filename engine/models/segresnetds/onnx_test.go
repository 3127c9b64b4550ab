package segresnetds_test

import (
	"flag"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnetds"
)

// update is a flag of the test binary: go test -run ONNX -update rewrites the
// golden models. Check them then with scripts/peers/onnx_check.py.
var update = flag.Bool("update", false, "rewrite the golden files")

// The golden models were accepted by onnx.checker, and ONNX Runtime's logits
// agreed with MONAI's, when scripts/peers/onnx_check.py was run on them. As long
// as the bytes are the same, that still holds.
func TestONNXGolden(t *testing.T) {
	t.Parallel()
	modeltest.Golden(t, segresnetds.New, "4,4,2", *update, map[string]map[string]any{
		"anisotropic": {
			"init_filters": 4, "norm": "instance", "act": "mish", "blocks_down": []int{1, 1, 1}, "resolution": []float64{1, 1, 2},
			"dsdepth": 2, "upsample_mode": "deconvgroup",
		},
	})
}
