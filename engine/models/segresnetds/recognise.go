package segresnetds

import (
	"fmt"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of the network that has exactly these
// parameters, or ok=false when none has. The resolution is one that gives the
// kernels seen. What leaves no trace in names and shapes is at its default:
// dropout, activations without parameters, the numbers of norm and act. Weights
// of a normalisation without running statistics are taken for group
// normalisation's, as instance's look the same, with the default number of
// groups where that divides init_filters and else with the largest power of two
// that does.
func Recognise(shapes map[string]nn.Shape) (options map[string]any, ok bool) {
	first := shapes["encoder.conv_init.weight"]
	down, up := counts(shapes, "encoder.layers"), counts(shapes, "up_layers")
	last := shapes[fmt.Sprintf("up_layers.%d.head.weight", max(len(up)-1, 0))]
	if len(first) != 5 || len(last) != 5 || len(down) == 0 {
		return nil, false
	}
	norm, option := blocks.RecogniseNorm(shapes, "encoder.layers.0.blocks.0.norm1", false)
	options = map[string]any{
		"in_channels": first[1], "out_channels": last[0], "init_filters": first[0],
		"blocks_down": down, "blocks_up": up, "dsdepth": max(heads(shapes, len(up)), 1), "norm": option,
	}
	if n := first[0]; norm == blocks.NormGroup && n%Defaults().NumGroups != 0 {
		options["num_groups"] = n & -n
	}
	if len(up) > 0 {
		options["upsample_mode"] = blocks.RecogniseUpsample(shapes, "up_layers.0.upsample")
	}
	if _, trained := shapes["encoder.layers.0.blocks.0.act1.weight"]; trained {
		options["act"] = blocks.PReLU
	}
	if r := resolution(shapes, len(down)); r != nil {
		options["resolution"] = r
	}
	m, err := New(options)
	if err != nil || !adapter.Fits(m.TrainableParameters(), shapes) {
		return nil, false
	}
	return options, true
}

// counts returns the number of residual blocks of every level.
func counts(shapes map[string]nn.Shape, layers string) []int {
	out := []int{}
	for {
		n := blocks.Count(shapes, fmt.Sprintf("%s.%d.", layers, len(out))+"blocks.%d.conv1.weight", 0)
		if n == 0 {
			return out
		}
		out = append(out, n)
	}
}

// heads counts the levels of the decoder that have one.
func heads(shapes map[string]nn.Shape, levels int) (n int) {
	for i := range levels {
		if _, ok := shapes[fmt.Sprintf("up_layers.%d.head.weight", i)]; ok {
			n++
		}
	}
	return n
}

// resolution returns voxel sizes, the finest 1, that give every level the
// kernel seen, nil when all are cubes: an axis is as many times coarser by 2 as
// there are levels that leave it alone.
func resolution(shapes map[string]nn.Shape, levels int) []float64 {
	out, cubes := []float64{1, 1, 1}, true
	for i := range levels {
		w := shapes[fmt.Sprintf("encoder.layers.%d.blocks.0.conv1.weight", i)]
		for axis := range out {
			if len(w) == 5 && w[2+axis] == 1 {
				out[axis] *= 2
				cubes = false
			}
		}
	}
	if cubes {
		return nil
	}
	return out
}
