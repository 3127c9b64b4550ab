package unet_test

import (
	"testing"

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
	modeltest.Conforms(t, unet.New, configurations())
}

// The fixtures are written by scripts/peers/unet_fixture.py with MONAI.
func TestParityWithMONAI(t *testing.T) {
	t.Parallel()
	modeltest.EachFixture(t, unet.New, "testdata/monai/*.safetensors", 5, func(t *testing.T, m *unet.Model, f nntest.Fixture) {
		t.Helper()
		modeltest.Parity(t, m, f)
	})
}

// MONAI 1.4.0's network of the tutorials has as many.
func TestParameterCount(t *testing.T) {
	t.Parallel()
	modeltest.Counts(t, unet.New, map[int64]map[string]any{4_806_481: nil})
}

// A checkpoint's names and shapes give the network back, but for strides.
func TestRecognise(t *testing.T) {
	t.Parallel()
	for _, options := range configurations() {
		m, err := unet.New(options)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Recognised(t, unet.New, unet.Recognise, modeltest.Shapes(m), m)
		modeltest.Unrecognised(t, unet.Recognise, m, map[string]func(map[string]nn.Shape){
			"without its first weights": func(s map[string]nn.Shape) {
				delete(s, "model.1.submodule.conv.weight")
				delete(s, "model.0.conv.unit0.conv.weight")
			},
		})
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	modeltest.Refuses(t, unet.New, map[string]map[string]any{
		"channels has 2 levels, must have one more than strides (4)": {"channels": []int{8, 16}},
		"strides has 0 levels": {"strides": []int{}},
		"strides has 9":        {"strides": []int{9}},
		"num_res_units is -1":  {"num_res_units": -1},
		"dropout is 1":         {"dropout": 1.0},
		"relo":                 {"act": "relo"},
		"layer":                {"norm": "layer"},
		"init_filters is 5000": {"init_filters": 5000},
	})
}
