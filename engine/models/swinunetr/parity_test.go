package swinunetr_test

import (
	"path"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// The fixtures are written by scripts/peers/swinunetr_fixture.py with MONAI
// 1.4.0; where patches are merged as from 1.5 on, MONAI 1.5.0 gave the same bits.
// Recomputation, and ONNX Runtime given the exported network, must agree too.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	r := orttest.Open(t)
	again := map[string]func(*testing.T, *swinunetr.Model, nntest.Fixture, *ort.Runtime){
		"legacy": recomputed, "shifted": exported, "batch": exported, "options": exported,
	}
	modeltest.EachFixture(t, swinunetr.New, "testdata/monai/*.safetensors", 10, func(t *testing.T, m *swinunetr.Model, f nntest.Fixture) {
		t.Helper()
		name := path.Base(t.Name())
		// PyTorch's own batch normalisation of channels that lie together in
		// memory is off by 1e-4 where a channel has few voxels.
		modeltest.Parity(t, m, f, torch.WithContiguous(name == "batch"))
		if check, ok := again[name]; ok {
			check(t, m, f, r)
		}
	})
}

func recomputed(t *testing.T, m *swinunetr.Model, f nntest.Fixture, _ *ort.Runtime) {
	t.Helper()
	modeltest.Parity(t, m, f, torch.WithCheckpointing(true))
}

func exported(t *testing.T, m *swinunetr.Model, f nntest.Fixture, r *ort.Runtime) {
	t.Helper()
	modeltest.ONNX(t, r, m, f)
}
