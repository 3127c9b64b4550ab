package basicunet_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/basicunet"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
		return basicunet.New(o)
	}, map[string]any{"init_filters": 4, "in_channels": 2, "out_channels": 3, "dropout": 0.2})
}

// The fixtures are written by scripts/peers/basicunet_fixture.py with MONAI.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/monai/*.safetensors")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	for _, file := range files {
		f, err := nntest.ReadFixture(file)
		if err != nil {
			t.Fatal(err)
		}
		f.GradientTolerance = 1e-3 // every convolution has a bias that the normalisation removes
		m, err := basicunet.New(f.Options)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Parity(t, m, f)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	options := map[string]any{"init_filters": 12, "in_channels": 2, "out_channels": 4}
	m, err := basicunet.New(options)
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]nn.Shape{}
	for _, p := range m.TrainableParameters() {
		shapes[p.Name] = p.Shape
	}
	if got, ok := basicunet.Recognise(shapes); !ok || cmp.Diff(options, got) != "" {
		t.Errorf("recognised as %v, %t", got, ok)
	}
	delete(shapes, "final_conv.bias")
	if got, ok := basicunet.Recognise(shapes); ok {
		t.Errorf("without a bias still recognised as %v", got)
	}
}
