package segresnet_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// update is a flag of the test binary: go test -run ONNX -update rewrites the
// golden models. Check them then with scripts/peers/onnx_check.py.
var update = flag.Bool("update", false, "rewrite the golden files")

// The golden models were accepted by onnx.checker, and ONNX Runtime's logits
// agreed with MONAI's, when scripts/peers/onnx_check.py was run on them. As long
// as the bytes are the same, that still holds.
func TestONNXGolden(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]map[string]any{
		"tiny":    {"init_filters": 4, "num_groups": 2, "blocks_down": []int{1, 2}, "blocks_up": []int{1}},
		"deconv":  {"init_filters": 4, "num_groups": 4, "in_channels": 2, "out_channels": 3, "blocks_down": []int{1, 1}, "blocks_up": []int{1}, "upsample": "deconv", "dropout": 0.2},
		"shuffle": {"init_filters": 4, "norm": "batch", "act": "prelu", "blocks_down": []int{1, 1}, "blocks_up": []int{1}, "upsample_mode": "pixelshuffle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := segresnet.New(options)
			if err != nil {
				t.Fatal(err)
			}
			weights, err := nntest.Weights(m.TrainableParameters())
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			err = m.ExportONNX(&b, weights, onnx.Spec{Patch: [3]int{8, 8, 8}, Metadata: map[string]string{"run": "golden", onnx.MetaDivisor: "2,2,2"}})
			if err != nil {
				t.Fatal(err)
			}
			path := "testdata/onnx/" + name + ".onnx"
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%d bytes written, the golden file has %d and they differ", b.Len(), len(want))
			}
		})
	}
}
