package adapter

import "github.com/minivess/minivess/engine/nn"

// Base is the part of a model that is the same for all: a model embeds it and
// adds Forward and ExportONNX.
type Base struct {
	config Config
	params []nn.Param
}

// NewBase makes the common part out of the description and the parameters in
// the order of the upstream state_dict.
func NewBase(config Config, params []nn.Param) Base { return Base{config: config, params: params} }

// Config describes the model with all its options.
func (b *Base) Config() Config { return b.config }

// TrainableParameters lists the parameters under their upstream names.
func (b *Base) TrainableParameters() []nn.Param { return b.params }

// LoadCheckpoint reads weights that fit this network exactly.
func (b *Base) LoadCheckpoint(path string) (*nn.State, error) {
	return LoadCheckpoint(path, b.config, b.params)
}

// SaveCheckpoint writes weights with the model's name and options, atomically.
func (b *Base) SaveCheckpoint(path string, s *nn.State, meta map[string]string) error {
	return SaveCheckpoint(path, b.config, b.params, s, meta)
}

// Fits reports whether tensors of these names and shapes are exactly the
// parameters declared.
func Fits(params []nn.Param, shapes map[string]nn.Shape) bool {
	if len(params) != len(shapes) {
		return false
	}
	for _, p := range params {
		if s, ok := shapes[p.Name]; !ok || !s.Equal(p.Shape) {
			return false
		}
	}
	return true
}
