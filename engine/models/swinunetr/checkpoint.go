package swinunetr

import (
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// LoadCheckpoint reads weights that fit this network exactly.
func (m *Model) LoadCheckpoint(path string) (*nn.State, error) {
	return adapter.LoadCheckpoint(path, m.config, m.params)
}

// SaveCheckpoint writes weights, atomically.
func (m *Model) SaveCheckpoint(path string, s *nn.State, meta map[string]string) error {
	return adapter.SaveCheckpoint(path, m.settled().config, m.params, s, meta)
}
