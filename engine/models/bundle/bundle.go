// Package bundle reads MONAI bundles: the folders in which the MONAI Model Zoo
// shares trained networks. It finds out which of our models the bundle's
// network is, with which options, and where its weights lie. Python expressions
// in a bundle's configuration are never evaluated.
//
// Loading the weights belongs to adapter, pre- and post-processing to others.
package bundle

import (
	"errors"

	"github.com/minivess/minivess/engine/nn"
)

// What can be wrong with a bundle.
var (
	// ErrFormat means that a folder is not a bundle or that its files are
	// malformed.
	ErrFormat = errors.New("not a MONAI bundle that can be read")
	// ErrUnsupported means that a bundle's network or one of its settings has no
	// counterpart here, or would need Python to be known.
	ErrUnsupported = errors.New("bundle needs something that minivess does not have")
)

// Bundle is what a MONAI bundle says about its network.
type Bundle struct {
	Name        string `json:"name"`
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	// Model is our model's name, Options are our names of its settings.
	Model   string         `json:"model"`
	Options map[string]any `json:"options"`
	// Target is the class that the bundle names.
	Target string `json:"target"`
	// WeightsPath is the file of weights.
	WeightsPath string `json:"weights_path"`
	// ImageChannels and Classes are the sizes of the network's input and output.
	ImageChannels int `json:"image_channels"`
	Classes       int `json:"classes"`
	// ChannelNames and ClassNames tell what they mean, where the bundle says so.
	ChannelNames []string `json:"channel_names,omitempty"`
	ClassNames   []string `json:"class_names,omitempty"`
	// Spacing is the voxel size, along x, y and z, to which images are resampled
	// first; nil when the bundle gives none.
	Spacing []float64 `json:"spacing,omitempty"`
	// PatchSize is the size of the network's input; nil when it is free.
	PatchSize nn.Shape `json:"patch_size,omitempty"`
	// Notes say what was left out of the options and why that does not matter.
	Notes []string `json:"notes,omitempty"`
}
