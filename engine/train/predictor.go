package train

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/runs"
)

// open makes the network that predicts: a run's checkpoint, or a model file.
func (p *prediction) open(device gotch.Device) error {
	request := p.spec.Predict
	if p.config = p.experiment; !p.described {
		p.config = config.Default()
	}
	switch {
	case request.Model == "":
		return p.openCheckpoint(request.Checkpoint, device)
	case strings.EqualFold(filepath.Ext(request.Model), runs.ModelONNX):
		return p.openONNX(request.Model)
	default:
		return p.openScript(request.Model, device)
	}
}

// openCheckpoint makes the network as it was trained. How images are normalised
// is the checkpoint's business; which windows are laid, this job's.
func (p *prediction) openCheckpoint(path string, device gotch.Device) error {
	c, err := readCheckpoint(path)
	if err != nil {
		return fail(CodeCheckpoint, "predict with another checkpoint of the run, or train it again", err)
	}
	p.config = p.asTrained(c.meta.Experiment)
	p.step = c.meta.Position.Step
	net, err := newNetwork(p.config, device)
	if err != nil {
		return err
	}
	if _, err := net.LoadState(c.weights, true); err != nil {
		return errors.Join(fail(CodeCheckpoint, "", fmt.Errorf("checkpoint %q: %w", path, err)), net.Close())
	}
	p.net, p.classes = net, p.config.Model.OutChannels
	return nil
}

// openScript runs a TorchScript file, whose classes are as many as it gives for
// a window of zeros.
func (p *prediction) openScript(path string, device gotch.Device) error {
	s, err := torch.LoadScript(path, device, p.config.Seed)
	if err != nil {
		return fmt.Errorf("%w: model file: %w", ErrBadSpec, err)
	}
	return p.try(s, path)
}

// openONNX runs an ONNX file.
func (p *prediction) openONNX(path string) error {
	runtime, err := ort.Open(ort.LibraryPath(p.Native))
	if err != nil {
		return err
	}
	m, err := runtime.Load(path)
	if err != nil {
		return errors.Join(fmt.Errorf("%w: model file: %w", ErrBadSpec, err), runtime.Close())
	}
	window := p.config.WindowSize()
	if m.Check(nn.Shape{2, 1, window[0], window[1], window[2]}) != nil {
		p.config.Infer.WindowBatch = 1 // a file may be made for one image at a time
	}
	return p.try(onnxFile{m, runtime}, path)
}

// onnxFile closes the runtime with the model.
type onnxFile struct {
	*ort.Model

	runtime *ort.Runtime
}

// Close frees the model and gives the library back.
func (f onnxFile) Close() error { return errors.Join(f.Model.Close(), f.runtime.Close()) }

// try keeps a network that gives logits of a window, and closes any other.
func (p *prediction) try(net predictor, path string) error {
	classes, err := tryWindow(net, path, p.config.WindowSize())
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrBadSpec, err), net.Close())
	}
	p.net, p.classes = net, classes
	return nil
}
