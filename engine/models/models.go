// Package models lists the segmentation models by name. A model is an Adapter:
// its forward pass written once against nn.Graph, its parameters under their
// upstream names, its checkpoints. Adding one means a folder beside this file,
// a line in the list below, and the conformance suite of modeltest.
//
// No model links libtorch; whoever wants to run one hands it to an interpreter
// (engine/nn/torch, engine/nn/cost, engine/nn/onnx).
package models

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/basicunet"
	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/models/unet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// ErrUnknown means that there is no model of that name.
var ErrUnknown = errors.New("unknown model")

// Config describes a configured model.
type Config = adapter.Config

// Adapter is what every segmentation model implements.
type Adapter interface {
	// Forward describes the network. Spatial sizes must be multiples of
	// Config().Divisor.
	Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error)
	// Config describes the model with all its options.
	Config() Config
	// LoadCheckpoint reads weights that fit the model exactly.
	LoadCheckpoint(path string) (*nn.State, error)
	// SaveCheckpoint writes weights and metadata, atomically.
	SaveCheckpoint(path string, s *nn.State, meta map[string]string) error
	// TrainableParameters lists the parameters (and buffers, marked as such) in
	// the order of the upstream state_dict.
	TrainableParameters() []nn.Param
	// ExportONNX writes the model with the weights given as one ONNX file.
	ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error
}

// entry is one model of the list.
type entry struct {
	name, summary string
	defaults      any // the options struct with upstream's defaults
	make          func(options map[string]any) (Adapter, error)
	small         func() map[string]any
	recognise     func(shapes map[string]nn.Shape) (map[string]any, bool)
}

// entries is the list of models.
func entries() []entry {
	return []entry{
		{
			name: segresnet.Name, summary: "residual encoder-decoder with group normalisation (Myronenko 2018): light and fast",
			defaults: segresnet.Defaults(), make: construct(segresnet.New), small: segresnet.Small, recognise: segresnet.Recognise,
		},
		{
			name: swinunetr.Name, summary: "transformer of shifted windows with a convolutional decoder (Hatamizadeh 2022)",
			defaults: swinunetr.Defaults(), make: construct(swinunetr.New), small: swinunetr.Small, recognise: swinunetr.Recognise,
		},
		{
			name: segresnetds.Name, summary: "SegResNet with deep supervision and anisotropic levels (MONAI's Auto3DSeg)",
			defaults: segresnetds.Defaults(), make: construct(segresnetds.New), small: segresnetds.Small, recognise: segresnetds.Recognise,
		},
		{
			name: dynunet.Name, summary: "U-Net whose kernels and strides follow the data, as nnU-Net plans it (MONAI's DynUNet)",
			defaults: dynunet.Defaults(), make: construct(dynunet.New), small: dynunet.Small, recognise: dynunet.Recognise,
		},
		{
			name: plainunet.Name, summary: "nnU-Net v2's own plain U-Net: its checkpoints load",
			defaults: plainunet.Defaults(), make: construct(plainunet.New), small: plainunet.Small, recognise: plainunet.Recognise,
		},
		{
			name: unet.Name, summary: "residual U-Net of strided convolutions (Kerfoot 2018): what most MONAI bundles use",
			defaults: unet.Defaults(), make: construct(unet.New), small: unet.Small, recognise: unet.Recognise,
		},
		{
			name: basicunet.Name, summary: "plain U-Net with max pooling (Falk 2019)",
			defaults: basicunet.Defaults(), make: construct(basicunet.New), small: basicunet.Small, recognise: basicunet.Recognise,
		},
	}
}

// construct hides a model's own type, without making a nil pointer look like a
// model.
func construct[M Adapter](build func(map[string]any) (M, error)) func(map[string]any) (Adapter, error) {
	return func(options map[string]any) (Adapter, error) {
		m, err := build(options)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}

// Names lists the models.
func Names() []string {
	var names []string
	for _, e := range entries() {
		names = append(names, e.name)
	}
	return names
}

// New makes a model. Options left out keep their defaults; unknown ones are
// refused.
func New(name string, options map[string]any) (Adapter, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	return e.make(options)
}

// find looks a model up. The error wraps ErrUnknown and names what there is.
func find(name string) (entry, error) {
	for _, e := range entries() {
		if e.name == name {
			return e, nil
		}
	}
	hint := ""
	if near := adapter.Nearest(name, Names()); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return entry{}, fmt.Errorf("%w %q%s (there is %s)", ErrUnknown, name, hint, strings.Join(Names(), ", "))
}
