package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/strictyaml"
)

// ErrInvalid is what every error of this package about a wrong key or value
// wraps.
var ErrInvalid = errors.New("invalid configuration")

// DefaultSource is the source of a value that nobody set.
const DefaultSource = "default"

// Error is one wrong key or value. Where is "file:line:column" or the name of
// the layer; Hint is what to do, or empty.
type Error strictyaml.Error

// Error puts the hint on a second line.
func (e *Error) Error() string { return (*strictyaml.Error)(e).Error() }

// Unwrap lets errors.Is find ErrInvalid.
func (e *Error) Unwrap() error { return ErrInvalid }

// Layer is one source of values. Later layers win over earlier ones.
type Layer struct {
	read func(schema) ([]setting, error)
}

// setting is a value for one leaf. Of value's two forms, text (from the
// command line) is read by the leaf's type; anything else must fit it.
type setting struct {
	leaf  leaf
	label string // of a map leaf
	key   string // as it was written
	value any    // text, string, number, bool, []any, map[string]any
	where string
}

// text is a value whose type is not known from how it is written.
type text string

// number is a numeral as it was written.
type number string

// Resolved is an experiment with where each value came from: dotted key →
// "default", "file:line:column" or the name of a layer.
type Resolved struct {
	Experiment Experiment
	Sources    map[string]string
}

// Resolve reads the layers over the defaults, in order, and checks the result.
// The error joins every mistake it found, each an *Error.
func Resolve(layers ...Layer) (Resolved, error) {
	s := newSchema()
	r := Resolved{Experiment: Default(), Sources: map[string]string{}}
	for _, l := range s.leaves {
		r.Sources[l.key] = DefaultSource
	}
	var errs []error
	v := reflect.ValueOf(&r.Experiment).Elem()
	for _, layer := range layers {
		settings, err := layer.read(s)
		if err != nil {
			errs = append(errs, err)
		}
		for _, set := range settings {
			for _, set := range s.spread(set) {
				if err := set.assign(v.FieldByIndex(set.leaf.index)); err != nil {
					errs = append(errs, err)
					continue
				}
				r.Sources[set.leaf.key] = set.where
				if set.leaf.isOptions() {
					r.Sources[set.leaf.key+"."+set.label] = set.where
				}
			}
		}
	}
	r.follow()
	if len(errs) == 0 {
		errs = r.validate()
	}
	if len(errs) > 0 {
		return Resolved{}, errors.Join(errs...)
	}
	return r, nil
}

// follow gives what nobody set the default that goes with what somebody did.
func (r *Resolved) follow() {
	t := &r.Experiment.Train
	if t.Optimizer != "sgd" {
		return
	}
	const source = "nnU-Net's value with sgd"
	for key, set := range map[string]func(){
		"train.learning_rate": func() { t.LearningRate = 1e-2 },
		"train.weight_decay":  func() { t.WeightDecay = 3e-5 },
		"train.schedule":      func() { t.Schedule = "poly" },
	} {
		if r.Sources[key] == DefaultSource {
			set()
			r.Sources[key] = source
		}
	}
}

// validate checks the ranges and says where a value out of range came from.
func (r Resolved) validate() []error {
	err := r.Experiment.Validate()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error }) // Validate joins its errors
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, err := range joined.Unwrap() {
		if bad, ok := errors.AsType[*ValueError](err); ok {
			err = &Error{Where: r.Sources[bad.Key], Message: bad.Error()}
		}
		errs = append(errs, err)
	}
	return errs
}

// ExperimentLayer sets every value to that of e: for a run that repeats
// another.
func ExperimentLayer(name string, e Experiment) Layer {
	return Layer{read: func(s schema) ([]setting, error) {
		e := e.clone()
		v := reflect.ValueOf(&e).Elem()
		var all []setting
		for _, l := range s.leaves {
			all = append(all, setting{leaf: l, key: l.key, value: v.FieldByIndex(l.index).Interface(), where: name})
		}
		return all, nil
	}}
}

// OverridesLayer reads "key=value" pairs as given on a command line. A key may
// be shortened to its last part where that is unambiguous.
func OverridesLayer(overrides []string) Layer {
	return Layer{read: func(s schema) ([]setting, error) {
		var all []setting
		var errs []error
		for _, o := range overrides {
			key, value, ok := strings.Cut(o, "=")
			key = strings.TrimSpace(key)
			if !ok || key == "" {
				errs = append(errs, &Error{Where: "override", Message: fmt.Sprintf("%q is not key=value", o), Hint: "for example train.learning_rate=1e-3"})
				continue
			}
			set, err := s.setting("override", key, text(value))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			all = append(all, set)
		}
		return all, errors.Join(errs...)
	}}
}

// MapLayer reads values as a JSON decoder gives them, with dotted, shortened
// or nested keys. Name says where they came from ("argument").
func MapLayer(name string, values map[string]any) Layer {
	return Layer{read: func(s schema) ([]setting, error) { return s.fromMap(name, "", values) }}
}

func (s schema) fromMap(name, section string, values map[string]any) ([]setting, error) {
	var all []setting
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if inner, ok := values[key].(map[string]any); ok && slices.Contains(s.sections, section+key) {
			nested, err := s.fromMap(name, section+key+".", inner)
			all, errs = append(all, nested...), append(errs, err)
			continue
		}
		set, err := s.setting(name, section+key, values[key])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, set)
	}
	return all, errors.Join(errs...)
}

// setting finds the leaf that a possibly shortened key means.
func (s schema) setting(where, key string, value any) (setting, error) {
	l, label, candidates := s.find(key)
	if l.key == "" {
		return setting{}, s.unknown(where, key, candidates)
	}
	return setting{leaf: l, label: label, key: key, value: value, where: where}, nil
}

// unknown is the error for a key that the schema does not have.
func (s schema) unknown(where, key string, candidates []string) error {
	if len(candidates) > 0 {
		return &Error{Where: where, Message: fmt.Sprintf("key %q could mean several", key), Hint: "write " + strings.Join(candidates, " or ")}
	}
	e := &Error{Where: where, Message: fmt.Sprintf("unknown key %q", key)}
	section := key[:strings.LastIndexByte(key, '.')+1]
	if names := s.suggest(section, key); len(names) > 0 {
		e.Hint = "did you mean " + strings.Join(names, " or ") + "?"
	} else if slices.Contains(s.sections, key) {
		e.Message = fmt.Sprintf("%q is a group of keys, not a value", key)
	}
	return e
}
