package plainunet_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// The fixtures are written by scripts/peers/plainunet_fixture.py with
// dynamic-network-architectures 0.4.4 on PyTorch 2.1.0. Both memory layouts,
// recomputation and the exported model under ONNX Runtime must agree.
func TestParityWithNNUNet(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/nnunet/*.safetensors")
	if err != nil || len(files) != 13 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	runtime := orttest.Open(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".safetensors"), func(t *testing.T) {
			t.Parallel()
			f, err := nntest.ReadFixture(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := plainunet.New(f.Options)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Parity(t, m, f)
			modeltest.Parity(t, m, f, torch.WithContiguous(true))
			modeltest.Parity(t, m, f, torch.WithCheckpointing(true))
			modeltest.ONNX(t, runtime, m, f)
		})
	}
}
