package segresnetds_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/models/modeltest"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/nn"
)

// again makes the network once more from its parameters' names and shapes. What
// a parameter starts with cannot be seen there.
func again(t rapid.TB, m *segresnetds.Model) {
	t.Helper()
	other := modeltest.Recognised(t, segresnetds.New, segresnetds.Recognise, modeltest.Shapes(m), m, "Init")
	if d := cmp.Diff(m.Config().Divisor, other.Config().Divisor); d != "" {
		t.Errorf("%v divides the image differently:\n%s", other.Config().Options, d)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	bare := func(norm string) any { return []any{norm, map[string]any{"affine": false}} }
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.IntRange(1, 3)
		down := rapid.SliceOfN(blocks, 1, 4).Draw(t, "down")
		filters := rapid.IntRange(1, 24).Draw(t, "filters")
		m, err := segresnetds.New(map[string]any{
			"in_channels": rapid.IntRange(1, 3).Draw(t, "in"), "out_channels": rapid.IntRange(1, 4).Draw(t, "out"),
			"init_filters": filters, "blocks_down": down, "num_groups": filters,
			"blocks_up":     rapid.SliceOfN(blocks, len(down)-1, len(down)-1).Draw(t, "up"),
			"dsdepth":       rapid.IntRange(1, 4).Draw(t, "depth"),
			"resolution":    rapid.SliceOfN(rapid.Float64Range(0.1, 10), 3, 3).Draw(t, "resolution"),
			"norm":          rapid.SampledFrom([]any{"group", "instance", "batch", bare("batch"), bare("group")}).Draw(t, "norm"),
			"act":           rapid.SampledFrom([]string{"relu", "prelu", "gelu"}).Draw(t, "act"),
			"upsample_mode": rapid.SampledFrom([]string{"deconv", "deconvgroup", "nontrainable"}).Draw(t, "mode"),
		})
		if err != nil {
			t.Fatal(err)
		}
		again(t, m)
	})
}

func TestOthersAreNotRecognised(t *testing.T) {
	t.Parallel()
	m, err := segresnetds.New(map[string]any{"dsdepth": 2})
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Unrecognised(t, segresnetds.Recognise, m, map[string]func(map[string]nn.Shape){
		"nothing":           func(s map[string]nn.Shape) { clear(s) },
		"a tensor too many": func(s map[string]nn.Shape) { s["up_layers_2.0.head.weight"] = nn.Shape{8} },
		"a tensor less":     func(s map[string]nn.Shape) { delete(s, "up_layers.1.blocks.0.norm2.bias") },
		"another shape":     func(s map[string]nn.Shape) { s["up_layers.2.head.bias"] = nn.Shape{9} },
		"two dimensions":    func(s map[string]nn.Shape) { s["encoder.conv_init.weight"] = nn.Shape{32, 1, 3, 3} },
		"no encoder":        func(s map[string]nn.Shape) { delete(s, "encoder.layers.0.blocks.0.conv1.weight") },
	})
}
