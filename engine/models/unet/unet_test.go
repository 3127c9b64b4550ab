package unet_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/unet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

// configurations cover every option.
func configurations() map[string]map[string]any {
	return map[string]map[string]any{
		"residual": {"init_filters": 4, "strides": []int{2, 2}, "dropout": 0.2},
		"plain":    {"channels": []int{4, 8}, "strides": []int{2}, "num_res_units": 0, "in_channels": 2, "out_channels": 3, "act": "relu"},
		"batch":    {"channels": []int{4, 8, 12}, "strides": []int{2, 1}, "norm": "batch", "num_res_units": 1},
		"affine":   {"channels": []int{4, 6}, "strides": []int{3}, "norm": []any{"instance", map[string]any{"affine": true}}, "bias": false},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range configurations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, func(o map[string]any) (modeltest.Adapter, error) {
				m, err := unet.New(o)
				if err != nil {
					return nil, err
				}
				return m, nil
			}, options)
		})
	}
}

// The fixtures are written by scripts/peers/unet_fixture.py with MONAI.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/monai/*.safetensors")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".safetensors"), func(t *testing.T) {
			t.Parallel()
			f, err := nntest.ReadFixture(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := unet.New(f.Options)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Parity(t, m, f)
		})
	}
}

// MONAI 1.4.0's network of the tutorials has as many.
func TestParameterCount(t *testing.T) {
	t.Parallel()
	m, err := unet.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := nn.CountElements(m.TrainableParameters()); got != 4_806_481 {
		t.Errorf("%d parameters", got)
	}
}

// A checkpoint's names and shapes give the network back, but for strides.
func TestRecognise(t *testing.T) {
	t.Parallel()
	for name, options := range configurations() {
		m, err := unet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		shapes := map[string]nn.Shape{}
		for _, p := range m.TrainableParameters() {
			shapes[p.Name] = p.Shape
		}
		found, ok := unet.Recognise(shapes)
		if !ok {
			t.Errorf("%s: not recognised", name)
			continue
		}
		again, err := unet.New(found)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m.TrainableParameters(), again.TrainableParameters()); d != "" {
			t.Errorf("%s: recognised as another network:\n%s", name, d)
		}
		delete(shapes, "model.1.submodule.conv.weight")
		delete(shapes, "model.0.conv.unit0.conv.weight")
		if found, ok := unet.Recognise(shapes); ok {
			t.Errorf("%s: recognised without its first weights as %v", name, found)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]any
		says    string
	}{
		{map[string]any{"channels": []int{8, 16}}, "channels has 2 levels, must have one more than strides (4)"},
		{map[string]any{"strides": []int{}}, "strides has 0 levels"},
		{map[string]any{"strides": []int{9}}, "strides has 9"},
		{map[string]any{"num_res_units": -1}, "num_res_units is -1"},
		{map[string]any{"dropout": 1.0}, "dropout is 1"},
		{map[string]any{"act": "relo"}, "relo"},
		{map[string]any{"norm": "layer"}, "layer"},
		{map[string]any{"init_filters": 5000}, "init_filters is 5000"},
	} {
		_, err := unet.New(c.options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want it to say %q", c.options, err, c.says)
		}
	}
}
