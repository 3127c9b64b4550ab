// Package onnx writes a network with its weights as an ONNX model, without
// libtorch and without Python: the same nn.Program, spelled in ONNX's operators
// and encoded as protocol buffers.
//
// Running such a model does not belong here.
package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"

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
	// Metadata is stored beside the model's name and options: the run, digests,
	// spacing, normalisation.
	Metadata map[string]string
}

// Export writes the network with the weights of s, which must be exactly its
// own. Input "image" is float32 (N, C, X, Y, Z), output "logits" float32
// (N, classes, X, Y, Z).
func Export(w io.Writer, network Network, s *nn.State, spec Spec) error {
	params := network.TrainableParameters()
	if err := nn.Compare(params, s).Err(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	p, free, err := trace(network, params, spec.Patch)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	g := newGraph(p, free)
	for _, n := range p.Nodes {
		if err := g.add(n); err != nil {
			return fmt.Errorf("export: %s: %w", n.Op.Kind(), err)
		}
	}
	g.node("Identity", []string{g.names[p.Outputs[0]]}, OutputName)
	for _, q := range p.Params {
		if !q.Type().Float() {
			continue // counts training passes; no operator reads it
		}
		t, _ := s.Get(q.Name)
		if err := g.weight(t); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return g.write(w, network.Config(), spec.Metadata)
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
	if !sameOps(p, other) {
		return nil, false, fmt.Errorf("%w: the network depends on the size of the batch; reshape with 0 or -1 for that axis", ErrUnsupported)
	}
	larger := patch
	for i := range larger {
		larger[i] += (2*i + 1) * max(1, config.Divisor[i])
	}
	other, err = record(1, larger)
	return p, err == nil && sameOps(p, other), nil
}

// sameOps reports whether two programs are the same but for sizes.
func sameOps(a, b *nn.Program) bool {
	if len(a.Nodes) != len(b.Nodes) {
		return false
	}
	for i := range a.Nodes {
		if !reflect.DeepEqual(a.Nodes[i].Op, b.Nodes[i].Op) || !reflect.DeepEqual(a.Nodes[i].In, b.Nodes[i].In) {
			return false
		}
	}
	return true
}

// write puts the model together. Weights are written straight from the state.
func (g *graph) write(w io.Writer, config nn.Config, extra map[string]string) error {
	options, err := json.Marshal(config.Options)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	metadata := map[string]string{"model": config.Name, "options": string(options)}
	maps.Copy(metadata, extra)
	head, body, tail := g.encode(config.Name, metadata)
	size := int64(len(head) + len(tail))
	for _, part := range body {
		size += int64(len(part))
	}
	if size > math.MaxInt32 {
		return fmt.Errorf("export: %w: %d bytes, the limit is %d", ErrTooLarge, size, math.MaxInt32)
	}
	parts := append(append([][]byte{head}, body...), tail)
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}
