package dynunet

import (
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of the network that has exactly these
// parameters, or ok=false when none has. MONAI's repetitions under skip_layers
// may be there. What leaves no trace in names and shapes is at its default:
// dropout, activations without parameters, the numbers of norm_name and
// act_name. Weights of a normalisation without running statistics are taken for
// instance normalisation's, as group's look the same.
func Recognise(shapes map[string]nn.Shape) (options map[string]any, ok bool) {
	deepest := 1 + blocks.Count(shapes, "downsamples.%d.conv1.conv.weight", 0)
	names := make(aliases.Map)
	for name := range shapes {
		names[name] = declared(name, deepest)
	}
	shapes, ok = names.Shapes(shapes)
	if !ok {
		return nil, false
	}
	o := Defaults()
	o.Filters, o.Strides, o.KernelSize = nil, nil, nil
	for level := range deepest + 1 {
		w := shapes[blockName(level, deepest)+".conv1.conv.weight"]
		if len(w) != 5 {
			return nil, false
		}
		if level == 0 {
			o.InChannels = w[1]
		}
		o.Filters = append(o.Filters, w[0])
		o.KernelSize = append(o.KernelSize, [3]int(w[2:]))
		stride := nn.Shape{0, 0, 1, 1, 1}
		if level > 0 {
			stride = shapes[upName(level-1, deepest)+".transp_conv.conv.weight"]
		}
		if len(stride) != 5 {
			return nil, false
		}
		o.Strides = append(o.Strides, [3]int(stride[2:]))
	}
	_, o.ResBlock = shapes["bottleneck.conv3.conv.weight"]
	_, o.TransBias = shapes["upsamples.0.transp_conv.conv.bias"]
	options = map[string]any{
		"in_channels": o.InChannels, "filters": o.Filters, "strides": o.Strides, "kernel_size": o.KernelSize,
		"res_block": o.ResBlock, "trans_bias": o.TransBias, "norm_name": norm(shapes),
	}
	if out := shapes["output_block.conv.conv.weight"]; len(out) > 0 {
		options["out_channels"] = out[0]
	}
	if n := blocks.Count(shapes, "deep_supervision_heads.%d.conv.conv.weight", 0); n > 0 {
		options["deep_supervision"], options["deep_supr_num"] = true, n
	}
	if _, trained := shapes["input_block.lrelu.weight"]; trained {
		options["act_name"] = blocks.PReLU
	}
	m, err := New(options)
	if err != nil || !adapter.Fits(m.TrainableParameters(), shapes) {
		return nil, false
	}
	return options, true
}

// norm is the normalisation that left these weights.
func norm(shapes map[string]nn.Shape) blocks.Norm {
	const first = "input_block.norm1"
	_, affine := shapes[first+".weight"]
	n := blocks.Norm{Name: blocks.NormInstance}
	if _, batch := shapes[first+".running_mean"]; batch {
		n.Name = blocks.NormBatch
	}
	return n.WithAffine(affine)
}
