package unet

import (
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Recognise returns the options of a network whose parameters have exactly these
// names and shapes. How large a stride above 1 is leaves no trace and is
// taken for 2; nor does an activation without parameters, taken for ReLU.
func Recognise(shapes map[string]nn.Shape) (map[string]any, bool) {
	name, unit := "model", ".0.conv"
	if _, residual := shapes["model.0.conv.unit0.conv.weight"]; residual {
		unit = ".0.conv.unit0.conv"
	}
	var channels, strides []int
	for {
		w, ok := shapes[name+unit+".weight"]
		if !ok || len(w) != 5 || len(channels) == mostLevels {
			break
		}
		stride := 2
		if short := shapes[name+".0.residual.weight"]; unit != ".0.conv" && (len(short) != 5 || short[2] == 1) {
			stride = 1 // only a short cut that keeps the size is so small, or left out
		}
		channels, strides = append(channels, w[0]), append(strides, stride)
		name += ".1.submodule"
	}
	bottom, ok := shapes[name+unit[len(".0"):]+".weight"]
	if len(channels) == 0 || !ok || len(bottom) != 5 {
		return nil, false
	}
	first := shapes["model"+unit+".weight"]
	options := map[string]any{
		"in_channels": first[1], "channels": append(channels, bottom[0]), "strides": strides,
		"num_res_units": blocks.Count(shapes, "model.0.conv.unit%d.conv.weight", 0), "act": blocks.ReLU,
	}
	activated := "model.0" // where the first normalisation and activation are
	out := "model.2.conv.weight"
	if unit != ".0.conv" {
		activated, out = "model.0.conv.unit0", "model.2.0.conv.weight"
	}
	if len(shapes[out]) != 5 {
		return nil, false
	}
	options["out_channels"] = shapes[out][1]
	if _, ok := shapes[activated+".adn.A.weight"]; ok {
		options["act"] = blocks.PReLU
	}
	_, options["bias"] = shapes["model"+unit+".bias"]
	norm, option := blocks.RecogniseNorm(shapes, activated+".adn.N", true)
	options["norm"] = option
	if norm == blocks.NormGroup {
		// Groups leave no trace either; instance normalisation is the usual one.
		options["norm"] = []any{blocks.NormInstance, map[string]any{"affine": true}}
	}
	m, err := New(options)
	return options, err == nil && adapter.Fits(m.TrainableParameters(), shapes)
}
