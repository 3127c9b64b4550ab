package dynunet_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
)

// The fixtures are written by scripts/peers/dynunet_fixture.py with MONAI 1.4.0
// on PyTorch 2.1.0. Both memory layouts, recomputation and the exported model
// under ONNX Runtime must agree.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	runtime := orttest.Open(t)
	modeltest.EachFixture(t, dynunet.New, "testdata/monai/*.safetensors", 21, func(t *testing.T, m *dynunet.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.ParityEveryWay(t, m, f)
		modeltest.ONNX(t, runtime, m, f)
	})
}
