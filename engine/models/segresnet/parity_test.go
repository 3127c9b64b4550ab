package segresnet_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// eachFixture runs the check on what MONAI 1.4.0 on PyTorch 2.1.0 computed for
// every option; scripts/peers/segresnet_fixture.py wrote it.
func eachFixture(t *testing.T, check func(*testing.T, *segresnet.Model, nntest.Fixture)) {
	t.Helper()
	modeltest.EachFixture(t, segresnet.New, "testdata/monai/*.safetensors", 31, check)
}

// Both memory layouts and recomputation must agree with MONAI; a large network
// shows nothing there that a small one does not.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	eachFixture(t, func(t *testing.T, m *segresnet.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.Parity(t, m, f)
		if nn.CountElements(m.TrainableParameters()) > 2_000_000 {
			return
		}
		modeltest.Parity(t, m, f, torch.WithContiguous(true))
		modeltest.Parity(t, m, f, torch.WithCheckpointing(true))
	})
}

func TestONNXRuntimeAgreesWithMONAI(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	eachFixture(t, func(t *testing.T, m *segresnet.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.ONNX(t, r, m, f)
	})
}

// What a checkpoint's names and shapes tell is enough to make its network again.
func TestRecogniseFixtures(t *testing.T) {
	t.Parallel()
	eachFixture(t, func(t *testing.T, m *segresnet.Model, _ nntest.Fixture) {
		t.Helper()
		again(t, m)
	})
}
