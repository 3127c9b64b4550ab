package models_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

func TestNew(t *testing.T) {
	t.Parallel()
	for _, name := range models.Names() {
		m, err := models.New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Config().Name != name {
			t.Errorf("%s calls itself %s", name, m.Config().Name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options map[string]any
		is      error
		says    string
	}{
		{"segrestnet", nil, models.ErrUnknown, `unknown model "segrestnet"; did you mean segresnet? (there is segresnet, `},
		{"", nil, models.ErrUnknown, `unknown model "" (there is segresnet, `},
		{"x\x1b[2J", nil, models.ErrUnknown, `"x\x1b[2J"`},
		{"segresnet", map[string]any{"filters": 8}, adapter.ErrOption, `no option "filters"`},
		{"segresnet", map[string]any{"init_filters": "many"}, adapter.ErrOption, "init_filters"},
		{"segresnet", map[string]any{"init_filters": func() {}}, adapter.ErrOption, "func()"},
	} {
		m, err := models.New(c.name, c.options)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || m != nil {
			t.Errorf("%q, %v: got %v, %v, want it to say %q", c.name, c.options, m, err, c.says)
		}
	}
}

// Every model explains its options, has a small configuration that can be made,
// and is recognised, first or later, by its own parameters.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, name := range models.Names() {
		d, err := models.Describe(name)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != name || d.Summary == "" || len(d.Options) == 0 {
			t.Errorf("%s is described as %+v", name, d)
		}
		for _, o := range d.Options {
			if o.Doc == "" {
				t.Errorf("option %s of %s is not explained", o.Name, name)
			}
		}
		m, err := models.New(name, d.Small)
		if err != nil {
			t.Fatalf("the small configuration of %s: %v", name, err)
		}
		shapes := map[string]nn.Shape{}
		for _, p := range m.TrainableParameters() {
			shapes[p.Name] = p.Shape
		}
		guesses := models.Recognise(shapes)
		if !slices.ContainsFunc(guesses, func(g models.Guess) bool { return g.Model == name }) {
			t.Errorf("%s is recognised as %v", name, guesses)
		}
		for _, g := range guesses {
			again, err := models.New(g.Model, g.Options)
			if err != nil || !adapter.Fits(again.TrainableParameters(), shapes) {
				t.Errorf("%s is taken for %s, which it does not fit: %v", name, g.Model, err)
			}
		}
	}
	if _, err := models.Describe("nothing"); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("nothing: %v", err)
	}
}
