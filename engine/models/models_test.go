package models_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
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
		{"segrestnet", nil, models.ErrUnknown, `unknown model "segrestnet"; did you mean segresnet? (there is segresnet)`},
		{"", nil, models.ErrUnknown, `unknown model "" (there is segresnet)`},
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
