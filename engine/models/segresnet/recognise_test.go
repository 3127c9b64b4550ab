package segresnet_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/nn"
)

// again makes the network once more from its parameters' names and shapes. What
// a parameter starts with cannot be seen there, nor can whether it is trained.
func again(t rapid.TB, m *segresnet.Model) {
	t.Helper()
	modeltest.Recognised(t, segresnet.New, segresnet.Recognise, modeltest.Shapes(m), m, "Init", "Buffer")
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.IntRange(1, 3)
		down := rapid.SliceOfN(blocks, 1, 4).Draw(t, "down")
		filters := rapid.IntRange(1, 24).Draw(t, "filters")
		m, err := segresnet.New(map[string]any{
			"in_channels": rapid.IntRange(1, 3).Draw(t, "in"), "out_channels": rapid.IntRange(1, 4).Draw(t, "out"),
			"init_filters": filters, "blocks_down": down, "num_groups": filters,
			"blocks_up":     rapid.SliceOfN(blocks, len(down)-1, len(down)-1).Draw(t, "up"),
			"norm":          rapid.SampledFrom([]any{"group", "instance", "batch", []any{"instance", map[string]any{"affine": true}}}).Draw(t, "norm"),
			"act":           rapid.SampledFrom([]string{"relu", "prelu", "gelu"}).Draw(t, "act"),
			"upsample_mode": rapid.SampledFrom([]string{"deconv", "deconvgroup", "nontrainable", "pixelshuffle"}).Draw(t, "mode"),
		})
		if err != nil {
			t.Fatal(err)
		}
		again(t, m)
	})
}

func TestOthersAreNotRecognised(t *testing.T) {
	t.Parallel()
	m, err := segresnet.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Unrecognised(t, segresnet.Recognise, m, map[string]func(map[string]nn.Shape){
		"nothing":              func(s map[string]nn.Shape) { clear(s) },
		"a tensor too many":    func(s map[string]nn.Shape) { s["vae_down.0.weight"] = nn.Shape{8} },
		"a tensor less":        func(s map[string]nn.Shape) { delete(s, "up_layers.1.0.norm2.bias") },
		"another shape":        func(s map[string]nn.Shape) { s["conv_final.0.weight"] = nn.Shape{9} },
		"two dimensions":       func(s map[string]nn.Shape) { s["convInit.conv.weight"] = nn.Shape{8, 1, 3, 3} },
		"no channels":          func(s map[string]nn.Shape) { s["convInit.conv.weight"] = nn.Shape{0, 0, 3, 3, 3} },
		"a level of no blocks": func(s map[string]nn.Shape) { delete(s, "down_layers.0.1.conv1.conv.weight") },
	})
}
