package plainunet_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
)

// The fixtures are written by scripts/peers/plainunet_fixture.py with
// dynamic-network-architectures 0.4.4 on PyTorch 2.1.0. Both memory layouts,
// recomputation and the exported model under ONNX Runtime must agree.
func TestParityWithNNUNet(t *testing.T) {
	t.Parallel()
	runtime := orttest.Open(t)
	modeltest.EachFixture(t, plainunet.New, "testdata/nnunet/*.safetensors", 13, func(t *testing.T, m *plainunet.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.ParityEveryWay(t, m, f)
		modeltest.ONNX(t, runtime, m, f)
	})
}
