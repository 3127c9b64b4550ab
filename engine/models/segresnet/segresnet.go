// Package segresnet is the segmentation network of Myronenko, "3D MRI brain
// tumor segmentation using autoencoder regularization" (2018), without its
// autoencoder branch, as MONAI 1.4.0 implements it: the same parameter names,
// so MONAI's weights load, and the same numbers.
package segresnet

import (
	"fmt"
	"io"
	"math"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Name is the model's name.
const Name = "segresnet"

// epsilon is PyTorch's default for group normalisation.
const epsilon = 1e-5

// The ways of enlarging feature maps in the decoder.
const (
	Trilinear = "trilinear" // MONAI's "nontrainable"
	Deconv    = "deconv"    // a transposed convolution of size and stride 2
)

// Options are what can be chosen. The defaults are MONAI's.
type Options struct {
	// InitFilters is the number of channels of the first convolution; each
	// level below has twice as many. A multiple of NumGroups.
	InitFilters int `json:"init_filters"`
	InChannels  int `json:"in_channels"`
	OutChannels int `json:"out_channels"`
	// BlocksDown and BlocksUp count the residual blocks at each level of the
	// encoder and decoder. The decoder has one level less.
	BlocksDown []int `json:"blocks_down"`
	BlocksUp   []int `json:"blocks_up"`
	// Dropout is the probability that a channel is dropped after the first
	// convolution while training.
	Dropout float64 `json:"dropout"`
	// NumGroups is the number of groups of every normalisation.
	NumGroups int `json:"num_groups"`
	// Upsample is Trilinear or Deconv.
	Upsample string `json:"upsample"`
}

// Defaults returns MONAI's defaults.
func Defaults() Options {
	return Options{
		InitFilters: 8, InChannels: 1, OutChannels: 2,
		BlocksDown: []int{1, 2, 2, 4}, BlocksUp: []int{1, 1, 1}, NumGroups: 8, Upsample: Trilinear,
	}
}

// Model is a configured SegResNet. It holds no weights and may be shared.
type Model struct {
	options Options
	config  adapter.Config
	params  []nn.Param
}

// New makes the network that the options describe; those left out keep their
// defaults.
func New(options map[string]any) (*Model, error) {
	o := Defaults()
	if err := adapter.Decode(Name, options, &o); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", adapter.ErrOption, Name, err)
	}
	resolved, err := adapter.Encode(o)
	if err != nil {
		return nil, err
	}
	d := 1 << (len(o.BlocksDown) - 1)
	m := &Model{options: o, config: adapter.Config{
		Name: Name, Options: resolved, InChannels: o.InChannels, OutChannels: o.OutChannels, Divisor: [3]int{d, d, d},
	}}
	m.params = declare(o)
	return m, nil
}

func (o Options) check() error {
	const mostLevels, mostBlocks, mostChannels = 8, 64, 4096
	switch {
	case o.InChannels < 1 || o.InChannels > mostChannels:
		return fmt.Errorf("in_channels is %d, must be 1 to %d", o.InChannels, mostChannels)
	case o.OutChannels < 1 || o.OutChannels > mostChannels:
		return fmt.Errorf("out_channels is %d, must be 1 to %d", o.OutChannels, mostChannels)
	case o.NumGroups < 1:
		return fmt.Errorf("num_groups is %d, must be at least 1", o.NumGroups)
	case o.InitFilters < 1 || o.InitFilters > mostChannels || o.InitFilters%o.NumGroups != 0:
		return fmt.Errorf("init_filters is %d, must be a multiple of num_groups (%d), at most %d",
			o.InitFilters, o.NumGroups, mostChannels)
	case len(o.BlocksDown) < 1 || len(o.BlocksDown) > mostLevels:
		return fmt.Errorf("blocks_down has %d levels, must have 1 to %d", len(o.BlocksDown), mostLevels)
	case len(o.BlocksUp) != len(o.BlocksDown)-1:
		return fmt.Errorf("blocks_up has %d levels, must have one less than blocks_down (%d)", len(o.BlocksUp), len(o.BlocksDown))
	case !(o.Dropout >= 0 && o.Dropout < 1) || math.IsNaN(o.Dropout):
		return fmt.Errorf("dropout is %g, must be at least 0 and below 1", o.Dropout)
	case o.Upsample != Trilinear && o.Upsample != Deconv:
		return fmt.Errorf("upsample is %q, must be %s or %s", o.Upsample, Trilinear, Deconv)
	}
	for _, blocks := range [][]int{o.BlocksDown, o.BlocksUp} {
		for _, n := range blocks {
			if n < 1 || n > mostBlocks {
				return fmt.Errorf("%d blocks at one level, must be 1 to %d", n, mostBlocks)
			}
		}
	}
	return nil
}

// Config describes the model.
func (m *Model) Config() adapter.Config { return m.config }

// TrainableParameters lists the parameters under MONAI's names.
func (m *Model) TrainableParameters() []nn.Param { return m.params }

// LoadCheckpoint reads weights that fit this network exactly.
func (m *Model) LoadCheckpoint(path string) (*nn.State, error) {
	return adapter.LoadCheckpoint(path, m.config, m.params)
}

// SaveCheckpoint writes weights, atomically.
func (m *Model) SaveCheckpoint(path string, s *nn.State, meta map[string]string) error {
	return adapter.SaveCheckpoint(path, m.config, m.params, s, meta)
}

// ExportONNX writes the network with its weights as an ONNX model.
func (m *Model) ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error {
	return onnx.Export(w, m, s, spec)
}
