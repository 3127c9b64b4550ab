package runs

import (
	"fmt"
	"path/filepath"
	"strings"
)

// KindPredict is a job that predicts label volumes for images, with a trained
// run's checkpoint or with a model file. It judges nothing and needs no labels.
const KindPredict Kind = "predict"

// PredictSpec is the part of a specification that only KindPredict has. All
// paths are absolute. The specification's experiment says how images are
// normalised and which windows are laid over them.
type PredictSpec struct {
	// Run is the trained run that predicts, and Checkpoint its weights; both are
	// empty when Model is given.
	Run        string `json:"run,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"`
	// Model is a network in a file, .onnx or TorchScript (.ts, .pt): one float32
	// input (N, C, X, Y, Z), one output (N, classes, X, Y, Z) of logits.
	Model string `json:"model,omitempty"`
	// Inputs are the images, in the order in which they are predicted.
	Inputs []PredictInput `json:"inputs"`
}

// PredictInput is one image and where its labels go.
type PredictInput struct {
	// ID names the volume in events.
	ID    string `json:"id"`
	Image string `json:"image"`
	// ImageSHA256 pins the image; empty when it was not computed.
	ImageSHA256 string `json:"image_sha256,omitempty"`
	// Output is the label volume that is written, whole or not at all. Its
	// folder exists; the file does not, unless Overwrite is set.
	Output    string `json:"output"`
	Overwrite bool   `json:"overwrite,omitempty"`
	// Probabilities, if not empty, is a second volume that is written: for each
	// voxel, as a float32, the probability that it is not background.
	Probabilities string `json:"probabilities,omitempty"`
}

// The endings of model files that KindPredict takes.
const (
	ModelONNX        = ".onnx"
	ModelTorchScript = ".ts"
	ModelPyTorch     = ".pt"
)

// IsModelFile reports whether a path ends like a model file.
func IsModelFile(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ModelONNX, ModelTorchScript, ModelPyTorch:
		return true
	}
	return false
}

// Validate checks what can be told without opening a file. The error wraps
// ErrBadSpec.
func (p PredictSpec) Validate() error {
	switch {
	case (p.Checkpoint == "") == (p.Model == ""):
		return fmt.Errorf("%w: predict needs either a checkpoint or a model file", ErrBadSpec)
	case p.Model == "" && !ValidID(p.Run):
		return fmt.Errorf("%w: the predicting run's id %q: use 1 to %d of a-z, 0-9 and '-'", ErrBadSpec, p.Run, maxID)
	case p.Model != "" && !IsModelFile(p.Model):
		return fmt.Errorf("%w: model file %q: must end in %s, %s or %s", ErrBadSpec, p.Model, ModelONNX, ModelTorchScript, ModelPyTorch)
	case len(p.Inputs) == 0:
		return fmt.Errorf("%w: predict has no images", ErrBadSpec)
	}
	outputs := make(map[string]string, len(p.Inputs))
	for _, in := range p.Inputs {
		for _, out := range in.Writes() {
			switch other, taken := outputs[out]; {
			case !filepath.IsAbs(in.Image), !filepath.IsAbs(out):
				return fmt.Errorf("%w: image %q and output %q must be absolute paths", ErrBadSpec, in.Image, out)
			case in.Image == out:
				return fmt.Errorf("%w: image %q would be overwritten by its own labels", ErrBadSpec, in.Image)
			case taken:
				return fmt.Errorf("%w: images %q and %q would both be written to %q", ErrBadSpec, other, in.Image, out)
			}
			outputs[out] = in.Image
		}
	}
	return nil
}

// Writes lists the files that an image's prediction writes.
func (p PredictInput) Writes() []string {
	if p.Probabilities == "" {
		return []string{p.Output}
	}
	return []string{p.Output, p.Probabilities}
}
