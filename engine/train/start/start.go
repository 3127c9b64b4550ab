// Package start finds the weights that a training begins with, when they are
// not random, and takes them: what a file says about its network, and what of
// it a network can use. It is pure Go, so that a launch can be refused before a
// worker starts. Reading the formats belongs to engine/nn/weights, matching
// names to engine/models/adapter.
package start

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// optimiserPrefix begins the names of tensors in a run's last checkpoint that
// are not weights.
const optimiserPrefix = "optimizer."

// Source is what a file of weights tells about its network.
type Source struct {
	Format string
	// Own tells that minivess saved the file: Model and Options are what it says.
	// Otherwise they are what its tensors fit, if they fit any model.
	Own     bool
	Model   string
	Options map[string]any
	// Guesses are all models that the tensors of a foreign file fit.
	Guesses []models.Guess
	Notes   []string
}

// Look reads a file's header. Of a foreign file whose tensors fit several
// models, the one called prefer is taken.
func Look(file, prefer string) (s Source, err error) {
	f, err := weights.Open(file, weights.Options{})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s = Source{Format: f.Format(), Notes: f.Notes()}
	if name, options := f.Metadata()["model"], f.Metadata()["options"]; name != "" && s.Format == weights.Safetensors {
		s.Own, s.Model = true, name
		if err := json.Unmarshal([]byte(options), &s.Options); err != nil && options != "" {
			return s, fmt.Errorf("%q: the metadata's options: %w: %w", file, weights.ErrUnknown, err)
		}
		return s, nil
	}
	shapes := make(map[string]nn.Shape)
	for _, t := range f.Tensors() {
		if !strings.HasPrefix(t.Name, optimiserPrefix) {
			shapes[t.Name] = t.Shape
		}
	}
	s.Guesses = models.Recognise(shapes)
	for _, g := range s.Guesses {
		if s.Model == "" || g.Model == prefer {
			s.Model, s.Options = g.Model, g.Options
		}
	}
	return s, nil
}

// Script lists the parameters and buffers of a TorchScript file, as far as the
// file alone tells: which of them are trained, only running it does, so that
// statistics of normalisations are told by their names.
func Script(file string) (params []nn.Param, err error) {
	f, err := weights.Open(file, weights.Options{KeepPrefixes: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if f.Format() != weights.TorchScript {
		return nil, fmt.Errorf("%q: %w: it is in the format %s, not TorchScript; save the network with torch.jit.script or torch.jit.trace", file, weights.ErrUnknown, f.Format())
	}
	for _, t := range f.Tensors() {
		p := nn.Param{Name: t.Name, Shape: t.Shape, DType: t.DType, Buffer: !t.DType.Float()}
		switch t.Name[strings.LastIndexByte(t.Name, '.')+1:] {
		case "running_mean", "running_var", "num_batches_tracked":
			p.Buffer = true
		}
		params = append(params, p)
	}
	return params, nil
}
