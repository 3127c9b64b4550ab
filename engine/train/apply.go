package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/nn/torch"
)

// The names of arrays in the files of Apply.
const (
	applyImage     = "image"     // float32 (N, C, X, Y, Z)
	applyCotangent = "cotangent" // as the logits; optional
	applyLogits    = "logits"
	applyTraining  = "training/logits"
	applyGradient  = "gradient/"
)

// ApplyRequest asks for one pass of a network over arrays, to be compared with
// what another implementation makes of the same weights and arrays.
type ApplyRequest struct {
	Model   string
	Options map[string]any
	Weights string // any checkpoint that the model loads
	Input   string // safetensors with "image" and, for gradients, "cotangent"
	Output  string // safetensors
	Save    string // where the weights are written again, by its ending; "" for nowhere
	ONNX    string // where the network is exported to; "" for nowhere
	Threads int
}

// Apply loads the weights, predicts the image, and writes "logits" to Output.
// With a cotangent it also makes a training pass and writes its logits
// ("training/logits") and the gradient of Σ logits·cotangent by every parameter
// ("gradient/NAME"). Save gets the weights as they were loaded.
func Apply(ctx context.Context, r ApplyRequest) (err error) {
	m, err := models.New(r.Model, r.Options)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	state, err := m.LoadCheckpoint(r.Weights)
	if err != nil {
		return err
	}
	in, _, err := safetensors.Read(r.Input)
	if err != nil {
		return err
	}
	if err := torch.Configure(max(1, r.Threads)); err != nil {
		return err
	}
	net, err := torch.NewModule(m.Forward, m.TrainableParameters(), gotch.CPU, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if _, err := net.LoadState(state, true); err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), r.write(m, net, in)); err != nil {
		return err
	}
	out, err := pass(net, in)
	if err != nil {
		return err
	}
	return safetensors.Write(r.Output, out, nil)
}

// write gives the weights back in the forms that were asked for.
func (r ApplyRequest) write(m models.Adapter, net *torch.Module, in *nn.State) error {
	state, err := net.State()
	if err != nil {
		return err
	}
	if r.Save != "" {
		if err := adapter.Export(r.Save, strings.TrimPrefix(filepath.Ext(r.Save), "."), m, state, nil); err != nil {
			return err
		}
	}
	if r.ONNX == "" {
		return nil
	}
	image, _ := in.Get(applyImage)
	if len(image.Shape) != 5 {
		return fmt.Errorf("%w: the image has shape %v, must be (N, C, X, Y, Z)", ErrBadSpec, image.Shape)
	}
	return atomicfile.Write(r.ONNX, 0o644, func(w io.Writer) error {
		return m.ExportONNX(w, state, onnx.Spec{Patch: [3]int(image.Shape[2:])})
	})
}

// pass computes what the arrays ask for.
func pass(net *torch.Module, in *nn.State) (*nn.State, error) {
	out := &nn.State{}
	add := func(name string, shape nn.Shape, values []float32) error {
		t, err := nn.FloatTensor(name, shape, values)
		if err != nil {
			return err
		}
		return out.Add(t)
	}
	image, shape, err := array(in, applyImage)
	if err != nil {
		return nil, err
	}
	logits, size, err := net.Predict(image, shape)
	if err != nil {
		return nil, err
	}
	if err := add(applyLogits, size, logits); err != nil {
		return nil, err
	}
	if _, ok := in.Get(applyCotangent); !ok {
		return out, nil
	}
	cotangent, _, err := array(in, applyCotangent)
	if err != nil {
		return nil, err
	}
	trained, err := net.Differentiate(image, shape, cotangent)
	if err != nil {
		return nil, err
	}
	if err := add(applyTraining, size, trained); err != nil {
		return nil, err
	}
	gradients, err := net.Gradients()
	if err != nil {
		return nil, err
	}
	for g := range gradients.All() {
		g.Name = applyGradient + g.Name
		if err := out.Add(g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func array(s *nn.State, name string) ([]float32, nn.Shape, error) {
	t, ok := s.Get(name)
	if !ok {
		return nil, nil, fmt.Errorf("%w: the input has no array %q", ErrBadSpec, name)
	}
	values, err := t.Float32()
	return values, t.Shape, err
}
