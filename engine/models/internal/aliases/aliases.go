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

// Load reads a checkpoint that names any tensor by any of its names, several at
// once included: those must then be equal. What it returns has the declared
// names alone.
func (m Map) Load(path string, config adapter.Config, params []nn.Param) (*nn.State, error) {
	s, _, err := adapter.Load(path, config, params, adapter.LoadOptions{Strict: true, Rename: m.Name})
	return s, err
}

// Save writes a checkpoint that holds every tensor under all of its names, which
// is what load_state_dict(strict=True) asks for.
func (m Map) Save(path string, config adapter.Config, params []nn.Param, s *nn.State, meta map[string]string) error {
	if err := nn.Compare(params, s).Err(); err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	params, all := slices.Clone(params), &nn.State{}
	for t := range s.All() {
		if err := all.Add(t); err != nil {
			return err
		}
	}
	declared := make(map[string]nn.Param, len(params))
	for _, p := range params {
		declared[p.Name] = p
	}
	for _, alias := range slices.Sorted(maps.Keys(m)) {
		p := declared[m[alias]]
		t, _ := s.Get(p.Name)
		p.Name, t.Name = alias, alias
		params = append(params, p)
		if err := all.Add(t); err != nil {
			return err
		}
	}
	return adapter.SaveCheckpoint(path, config, params, all, meta)
}
