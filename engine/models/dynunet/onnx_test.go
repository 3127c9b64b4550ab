package dynunet_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/models/dynunet"
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
		"plain": {"filters": []int{2, 3, 4}, "kernel_size": []any{[]int{3, 3, 1}, 3, 3}, "strides": []any{1, []int{2, 2, 1}, 2}},
		"options": {
			"filters": []int{2, 4, 6}, "in_channels": 2, "out_channels": 3, "dropout": 0.2, "res_block": true, "trans_bias": true,
			"deep_supervision": true, "norm_name": "batch", "act_name": "prelu",
		},
		"group": {"filters": []int{2, 4, 4}, "norm_name": []any{"group", map[string]any{"num_groups": 2}}, "act_name": "elu"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := dynunet.New(options)
			if err != nil {
				t.Fatal(err)
			}
			weights, err := nntest.Weights(m.TrainableParameters())
			if err != nil {
				t.Fatal(err)
			}
			d := m.Config().Divisor
			var b bytes.Buffer
			err = m.ExportONNX(&b, weights, onnx.Spec{Patch: [3]int{2 * d[0], 2 * d[1], 2 * d[2]}, Metadata: map[string]string{"run": "golden"}})
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
