package segresnet

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of the network that has exactly these
// parameters, or ok=false when none has. What leaves no trace in names and
// shapes is at its default: dropout, use_conv_final, activations without
// parameters, the numbers of norm and act. Weights of a normalisation without
// running statistics are taken for group normalisation's, as instance's look the
// same, with the default number of groups where that divides init_filters and
// else with the largest power of two that does.
func Recognise(shapes map[string]nn.Shape) (options map[string]any, ok bool) {
	first, last := shapes["convInit.conv.weight"], shapes["conv_final.2.conv.weight"]
	if len(first) != 5 || len(last) != 5 {
		return nil, false
	}
	down, up := counts(shapes, "down_layers", 1), counts(shapes, "up_layers", 0)
	norm, option := blocks.RecogniseNorm(shapes, "conv_final.0", true)
	options = map[string]any{
		"in_channels": first[1], "out_channels": last[0], "init_filters": first[0],
		"blocks_down": down, "blocks_up": up, "norm": option,
		"upsample_mode": blocks.RecogniseUpsample(shapes, "up_samples.0.1"),
	}
	if norm == blocks.NormGroup && first[0]%Defaults().NumGroups != 0 {
		options["num_groups"] = first[0] & -first[0]
	}
	for _, name := range []string{finalAct, secondAct} {
		if _, trained := shapes[name+".weight"]; trained {
			options["act"] = blocks.PReLU
		}
	}
	m, err := New(options)
	if err != nil {
		return nil, false
	}
	declared, same := m.Names.Shapes(shapes)
	if !same || !adapter.Fits(m.TrainableParameters(), declared) {
		return nil, false
	}
	return options, true
}

// counts returns the number of residual blocks of every level; the first has
// that index.
func counts(shapes map[string]nn.Shape, layers string, first int) []int {
	out := []int{}
	for {
		level := fmt.Sprintf("%s.%d.", layers, len(out))
		n := blocks.Count(shapes, level+"%d.conv1.conv.weight", first)
		if n == 0 {
			return out
		}
		out = append(out, n)
	}
}
