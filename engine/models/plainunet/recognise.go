package plainunet

import (
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/models/internal/levels"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of the network that has exactly these
// parameters, or ok=false when none has. nnU-Net's repetitions may be there; if
// they are, the weights are taken for nnU-Net's own and axes is "zyx". What
// leaves no trace in names and shapes is at its default: activations without
// parameters, the numbers of norm_op and nonlin, whether the other heads were
// trained. Weights of a normalisation without running statistics are taken for
// instance normalisation's, as group's look the same. Dropout and nonlin_first
// show only in the numbers of repeated layers, and alike: the former is assumed,
// with PyTorch's default of 0.5, unless trained activations tell.
func Recognise(shapes map[string]nn.Shape) (options map[string]any, ok bool) {
	for _, first := range []bool{false, true} {
		for _, dropout := range []float64{0, 0.5} {
			numbers := Options{Dropout: dropout, NonlinFirst: first}.modules()
			names, repeated := make(aliases.Map), false
			for name := range shapes {
				names[name] = numbers.declared(name)
				repeated = repeated || names[name] != name
			}
			declared, ok := names.Shapes(shapes)
			if !ok {
				continue
			}
			options := read(declared)
			if repeated {
				options["axes"], options["dropout"], options["nonlin_first"] = "zyx", dropout, first
			}
			if m, err := New(options); err == nil && adapter.Fits(m.TrainableParameters(), declared) {
				return options, true
			}
		}
	}
	return nil, false
}

// read takes the options from the shapes of the declared parameters, as far as
// they are there.
func read(shapes map[string]nn.Shape) map[string]any {
	var features, convolutions, decoding []int
	var kernels, strides []levels.Size
	for {
		n := 0
		for shapes[encoderBlock(len(features), n)+".conv.weight"] != nil {
			n++
		}
		w := shapes[encoderBlock(len(features), 0)+".conv.weight"]
		if len(w) != 5 {
			break
		}
		features, kernels, convolutions = append(features, w[0]), append(kernels, levels.Size(w[2:])), append(convolutions, n)
	}
	options := map[string]any{"n_stages": len(features)}
	for s := range len(features) - 1 {
		n := 0
		for shapes[decoderBlock(s, n)+".conv.weight"] != nil {
			n++
		}
		decoding = append(decoding, n)
	}
	strides = append(strides, levels.Size(blocks.Cube(1)))
	for s := len(features) - 2; s >= 0; s-- {
		if w := shapes[upName(s)+".weight"]; len(w) == 5 {
			strides = append(strides, levels.Size(w[2:]))
		}
	}
	first := encoderBlock(0, 0)
	if w := shapes[first+".conv.weight"]; len(w) == 5 {
		options["in_channels"] = w[1]
	}
	if w := shapes[headName(0)+".weight"]; len(w) == 5 {
		options["out_channels"] = w[0]
	}
	_, options["conv_bias"] = shapes[first+".conv.bias"]
	_, affine := shapes[first+".norm.weight"]
	norm := blocks.Norm{Name: blocks.NormInstance}
	if _, batch := shapes[first+".norm.running_mean"]; batch {
		norm.Name = blocks.NormBatch
	}
	options["norm_op"] = norm.WithAffine(affine)
	if _, trained := shapes[first+".nonlin.weight"]; trained {
		options["nonlin"] = blocks.PReLU
	}
	options["features_per_stage"], options["kernel_sizes"], options["strides"] = features, kernels, strides
	options["n_conv_per_stage"], options["n_conv_per_stage_decoder"] = convolutions, decoding
	return options
}
