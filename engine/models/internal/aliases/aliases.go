// Package aliases deals with state_dicts that hold one tensor under several
// names. PyTorch writes a module once for every attribute that leads to it, so
// the checkpoints of networks that keep their blocks in two places repeat the
// weights, and programs that write shared tensors once keep any one of the names.
//
// Which names a network repeats is known to the model, not here.
package aliases

import (
	"fmt"
	"maps"
	"slices"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Map leads from the further names of tensors to those that are declared.
type Map map[string]string

// Of collects the further names of all parameters.
func Of(params []nn.Param, further func(name string) []string) Map {
	m := make(Map)
	for _, p := range params {
		for _, alias := range further(p.Name) {
			m[alias] = p.Name
		}
	}
	return m
}

// Name returns the declared name of a tensor, or the name itself when it is
// nobody's further name.
func (m Map) Name(name string) string {
	if declared, ok := m[name]; ok {
		return declared
	}
	return name
}

// Shapes renames the shapes of a checkpoint's tensors. It returns false when two
// that should be one tensor have different shapes.
func (m Map) Shapes(shapes map[string]nn.Shape) (map[string]nn.Shape, bool) {
	out := make(map[string]nn.Shape, len(shapes))
	for name, shape := range shapes {
		name = m.Name(name)
		if other, ok := out[name]; ok && !other.Equal(shape) {
			return nil, false
		}
		out[name] = shape
	}
	return out, true
}

// Repeat returns a state that holds every tensor under all of its names, the
// declared ones first.
func (m Map) Repeat(s *nn.State) (*nn.State, error) {
	out := &nn.State{}
	for t := range s.All() {
		if err := out.Add(t); err != nil {
			return nil, err
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(m)) {
		t, ok := s.Get(m[alias])
		if !ok {
			return nil, fmt.Errorf("%w: %q is missing", nn.ErrState, m[alias])
		}
		t.Name = alias
		if err := out.Add(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Base is adapter.Base for a model whose upstream implementation holds tensors
// under several names.
type Base struct {
	adapter.Base
	// Names lead from the further names to the declared ones.
	Names Map
}

// NewBase makes the common part; further returns the other names of a declared
// tensor.
func NewBase(config adapter.Config, params []nn.Param, further func(name string) []string) Base {
	return Base{Base: adapter.NewBase(config, params), Names: Of(params, further)}
}

// Rename returns the declared name of a tensor that upstream's state_dict
// repeats, and any other name as it is.
func (b *Base) Rename(name string) string { return b.Names.Name(name) }

// LoadCheckpoint reads weights that fit this network exactly. Tensors that
// upstream's state_dict repeats may be there under any of their names, and must be
// equal where there are several.
func (b *Base) LoadCheckpoint(path string) (*nn.State, error) {
	s, _, err := b.Load(path, adapter.LoadOptions{Strict: true})
	return s, err
}

// Load reads weights as adapter.Load does, with Rename after a renaming that the
// options ask for. What it returns has the declared names alone.
func (b *Base) Load(path string, o adapter.LoadOptions) (*nn.State, nn.KeyReport, error) {
	first := o.Rename
	o.Rename = func(name string) string {
		if first != nil {
			name = first(name)
		}
		return b.Names.Name(name)
	}
	return adapter.Load(path, b.Config(), b.TrainableParameters(), o)
}

// Upstream returns the weights under all of their names, as upstream's
// load_state_dict(strict=True) wants them. See adapter.Export.
func (b *Base) Upstream(s *nn.State) (*nn.State, error) { return b.Names.Repeat(s) }
