package segresnetds_test

import (
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
)

// eachFixture runs the check on what MONAI 1.4.0 on PyTorch 2.1.0 computed for
// every option; scripts/peers/segresnetds_fixture.py wrote it.
func eachFixture(t *testing.T, check func(*testing.T, *segresnetds.Model, nntest.Fixture)) {
	t.Helper()
	modeltest.EachFixture(t, segresnetds.New, "testdata/monai/*.safetensors", 19, check)
}

// Both memory layouts and recomputation must agree with MONAI.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	eachFixture(t, func(t *testing.T, m *segresnetds.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.ParityEveryWay(t, m, f)
	})
}

func TestONNXRuntimeAgreesWithMONAI(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	eachFixture(t, func(t *testing.T, m *segresnetds.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.ONNX(t, r, m, f)
	})
}

// What a checkpoint's names and shapes tell is enough to make its network again.
func TestRecogniseFixtures(t *testing.T) {
	t.Parallel()
	eachFixture(t, func(t *testing.T, m *segresnetds.Model, _ nntest.Fixture) {
		t.Helper()
		again(t, m)
	})
}
