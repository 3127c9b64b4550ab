// Package onnx writes a network with its weights as an ONNX model, without
// libtorch and without Python: the same nn.Program, spelled in ONNX's operators
// and encoded as protocol buffers. It also reads what an ONNX file declares.
//
// Running such a model does not belong here; engine/nn/ort does that.
package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// Opset is the version of ONNX's operator set that is written. Group
// normalisation, which has an operator of its own only from 21 on, is written
// with older ones, so that more runtimes take the model.
const Opset = 17

// irVersion is the file format's version that belongs to the operator set.
const irVersion = 8

// The names of the model's input and output.
const (
	InputName  = "image"
	OutputName = "logits"
)

// What can go wrong beside the network's own errors.
var (
	// ErrUnsupported means that the network cannot be said in ONNX.
	ErrUnsupported = errors.New("cannot be exported to ONNX")
	// ErrTooLarge means that the file would exceed what protocol buffers allow.
	ErrTooLarge = errors.New("model is too large for one ONNX file")
)

// Network is the part of a model that is needed.
type Network interface {
	Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error)
	TrainableParameters() []nn.Param
	Config() nn.Config
}

// Spec says what is exported.
type Spec struct {
	// Patch is the image size (x, y, z) that the model must take. The batch is
	// always free; the size is free too when the network does not depend on it.
	Patch [3]int
	// Weights says how weights are stored; empty means Float32.
	Weights Precision
	// Metadata is stored beside the model's name and options: the run, digests,
	// spacing, normalisation.
	Metadata map[string]string
}

// Export writes the network with the weights of s, which must be exactly its
// own, as one file. Input "image" is float32 (N, C, X, Y, Z), output "logits"
// float32 (N, classes, X, Y, Z). Auxiliary heads are left out. A model of more
// than 2 GiB gives ErrTooLarge; ExportFile can write those.
func Export(w io.Writer, network Network, s *nn.State, spec Spec) error {
	g, metadata, err := build(network, s, spec)
	if err != nil {
		return err
	}
	where := make(placement, len(g.tensors))
	d := g.document(network.Config().Name, metadata, where)
	if d.size > largest {
		return fmt.Errorf("export: %w: %d bytes, the limit is %d; let weights lie in a file beside it", ErrTooLarge, d.size, largest)
	}
	if err := g.write(w, d, where); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// build spells the network.
func build(network Network, s *nn.State, spec Spec) (*graph, map[string]string, error) {
	if err := spec.Weights.Check(); err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	params := network.TrainableParameters()
	if err := nn.Compare(params, s).Err(); err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	p, free, err := trace(network, params, spec.Patch)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	g := newGraph(p, free)
	if err := g.weights(s, spec.Weights); err != nil {
		return nil, nil, fmt.Errorf("export: %w", err)
	}
	for _, n := range p.Nodes {
		if err := g.add(n); err != nil {
			return nil, nil, fmt.Errorf("export: %s: %w", n.Op.Kind(), err)
		}
	}
	g.node("Identity", []string{g.names[p.Outputs[0]]}, OutputName)
	g.tensors = append(g.tensors, g.parameters...)
	metadata, err := describe(network.Config(), spec.Metadata)
	return g, metadata, err
}

// trace records the network, and whether it is the same for another image size.
// A network that is not the same for another batch cannot be exported.
func trace(network Network, params []nn.Param, patch [3]int) (p *nn.Program, freeSize bool, err error) {
	config := network.Config()
	record := func(batch int, size [3]int) (*nn.Program, error) {
		image := nn.Shape{batch, config.InChannels, size[0], size[1], size[2]}
		p, err := nn.Trace(network.Forward, params, nn.InputShapes{Image: image})
		if err != nil {
			return nil, err
		}
		return p.LogitsOnly(), nil
	}
	if p, err = record(1, patch); err != nil {
		return nil, false, err
	}
	other, err := record(3, patch)
	if err != nil {
		return nil, false, err
	}
	if n := difference(p, other); n != "" {
		return nil, false, fmt.Errorf("%w: the network depends on the size of the batch%s; reshape with 0 or -1 for that axis", ErrUnsupported, n)
	}
	larger := patch
	for i := range larger {
		larger[i] += (2*i + 1) * max(1, config.Divisor[i])
	}
	other, err = record(1, larger)
	return p, err == nil && difference(p, other) == "", nil
}

// difference says where two programs differ in more than sizes; it is empty
// when they do not.
func difference(a, b *nn.Program) string {
	for i := range a.Nodes {
		if i >= len(b.Nodes) || !sameOp(a.Nodes[i].Op, b.Nodes[i].Op) || !slices.Equal(a.Nodes[i].In, b.Nodes[i].In) {
			return fmt.Sprintf(" (%s, %s)", a.Nodes[i].Path, a.Nodes[i].Op.Kind())
		}
	}
	if len(a.Nodes) != len(b.Nodes) {
		return " (its end)"
	}
	return ""
}

func sameOp(a, b nn.Op) bool {
	x, ok := a.(nn.Constant)
	if !ok {
		return reflect.DeepEqual(a, b)
	}
	y, ok := b.(nn.Constant) // can be large
	return ok && x.Shape.Equal(y.Shape) && slices.EqualFunc(x.Values, y.Values, func(v, w float32) bool {
		return math.Float32bits(v) == math.Float32bits(w)
	})
}
