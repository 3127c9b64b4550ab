package segresnet_test

import (
	"math"
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// A network whose blocks add nothing and that ends before the last convolution
// puts out what the first convolution and the dropout make of the image, here 1
// everywhere: whole channels must vanish as often as was asked for, and the
// others grow, so that the mean stays.
func TestDropoutDropsChannels(t *testing.T) {
	t.Parallel()
	const channels, passes, p = 64, 60, 0.3
	m, err := segresnet.New(map[string]any{
		"init_filters": channels, "blocks_down": []int{1}, "blocks_up": []int{}, "dropout": p, "use_conv_final": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	module, err := torch.NewModule(m.Forward, m.TrainableParameters(), gotch.CPU, 7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := module.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := module.LoadState(passingOn(t, m.TrainableParameters()), true); err != nil {
		t.Fatal(err)
	}
	shape := nn.Shape{1, 1, 2, 3, 2}
	image := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	if out, _, err := module.Predict(image, shape); err != nil || out[0] != 1 || out[len(out)-1] != 1 {
		t.Fatalf("a prediction gives %v: %v", out, err)
	}
	dropped := 0
	for range passes {
		out, err := module.Differentiate(image, shape, make([]float32, channels*len(image)))
		if err != nil {
			t.Fatal(err)
		}
		for c := range channels {
			kept := out[c*len(image)] != 0
			if !kept {
				dropped++
			}
			for _, v := range out[c*len(image) : (c+1)*len(image)] {
				if kept != (math.Abs(float64(v)-1/(1-p)) < 1e-6) || !kept && v != 0 {
					t.Fatalf("channel %d has %v", c, out[c*len(image):(c+1)*len(image)])
				}
			}
		}
	}
	const draws = channels * passes
	deviation := math.Sqrt(draws * p * (1 - p))
	if math.Abs(float64(dropped)-p*draws) > 5*deviation {
		t.Errorf("%d of %d channels dropped, want about %.0f", dropped, draws, p*draws)
	}
}

// passingOn are weights with which the first convolution copies the image to
// every channel and all others give zero.
func passingOn(t *testing.T, params []nn.Param) *nn.State {
	t.Helper()
	s := &nn.State{}
	for _, p := range params {
		values := make([]float32, p.Shape.Elements())
		if p.Name == "convInit.conv.weight" {
			const kernel, centre = 27, 13
			for i := centre; i < len(values); i += kernel {
				values[i] = 1
			}
		}
		w, err := nn.FloatTensor(p.Name, p.Shape, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	return s
}
