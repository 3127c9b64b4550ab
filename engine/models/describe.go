package models

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Description says what a model is before one is made.
type Description struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Options []Option `json:"options"`
	// Small are the options of a configuration that a computer without an
	// accelerator trains in minutes; empty when the defaults are that already.
	Small map[string]any `json:"small,omitempty"`
}

// Option is one setting of a model. Default is upstream's.
type Option struct {
	Name    string `json:"name"`
	Default any    `json:"default"`
	Doc     string `json:"doc"`
}

// Describe tells about the model of that name. The error wraps ErrUnknown.
func Describe(name string) (Description, error) {
	e, err := find(name)
	if err != nil {
		return Description{}, err
	}
	options, err := optionsOf(e.defaults)
	if err != nil {
		return Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	return Description{Name: e.name, Summary: e.summary, Options: options, Small: maps.Clone(e.small())}, nil
}

// optionsOf lists the fields of an options struct: its json names, its values,
// and its jsonschema tags as their documentation.
func optionsOf(defaults any) ([]Option, error) {
	values, err := adapter.Encode(defaults)
	if err != nil {
		return nil, err
	}
	var out []Option
	for _, f := range reflect.VisibleFields(reflect.TypeOf(defaults)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || f.Anonymous {
			continue
		}
		out = append(out, Option{Name: name, Default: values[name], Doc: f.Tag.Get("jsonschema")})
	}
	return out, nil
}

// Guess is a model that a checkpoint's tensors fit.
type Guess struct {
	Model string `json:"model"`
	// Options give exactly this network. What leaves no trace in the weights,
	// such as an activation, is at its default.
	Options map[string]any `json:"options"`
}

// Recognise lists the models whose parameters have exactly these names and
// shapes, in the order of Names.
func Recognise(shapes map[string]nn.Shape) []Guess {
	var out []Guess
	for _, e := range entries() {
		if options, ok := e.recognise(shapes); ok {
			out = append(out, Guess{Model: e.name, Options: options})
		}
	}
	return out
}
