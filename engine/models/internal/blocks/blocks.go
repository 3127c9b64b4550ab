// Package blocks holds what several models are built of: convolutions,
// normalisations, activations and ways of enlarging feature maps, chosen by the
// names that MONAI gives them. Each is a small description with two methods,
// Declare for its parameters under a prefix and Apply for its place in a graph,
// so that the two cannot disagree.
//
// Whole networks do not belong here, nor does anything that only one model uses.
package blocks

import "github.com/minivess/minivess/engine/nn"

// Declaration collects the parameters of a network in the order in which they
// are declared, which is that of the upstream state_dict.
type Declaration struct{ params []nn.Param }

// Params returns what was declared.
func (d *Declaration) Params() []nn.Param { return d.params }

// Add declares one trained parameter.
func (d *Declaration) Add(name string, shape nn.Shape, init nn.Init) {
	d.params = append(d.params, nn.Param{Name: name, Shape: shape, Init: init})
}

// Keep declares parameters that travel with the weights although the network
// does not use them: they are not trained.
func (d *Declaration) Keep(params ...nn.Param) {
	for _, p := range params {
		p.Buffer = true
		d.params = append(d.params, p)
	}
}
