package config

import (
	"errors"
	"strings"
	"testing"
)

// Any bytes are either settings or errors with the file's name, never a panic.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"train:\n  epochs: 3\n", "a: &x [1]\nb: *x\n", "? [a]\n: b\n", "<<: {a: 1}\n", "- 1\n- 2\n", "tags: {a: b}\n",
		"train: {patch_size: 48x48x48}\n", "\x00", "!!int 3", "a: |\n  text\n", "---\n---\n", "seed: 0x10\n", "train:\n", "\"a\": .nan\n", "{}",
		"model:\n  options:\n    a: {b: 1}\n    init_filters: 3\n", "train:\n  groups: [{pattern: a}, b:1]\n  freeze: [a, [b]]\n",
	} {
		f.Add([]byte(seed))
	}
	s := newSchema()
	f.Fuzz(func(t *testing.T, b []byte) {
		settings, err := s.fromYAML("file.yaml", b)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("%v does not wrap ErrInvalid", err)
		}
		if err != nil && !strings.Contains(err.Error(), "file.yaml") {
			t.Fatalf("%v does not name the file", err)
		}
		for _, set := range settings {
			if !strings.HasPrefix(set.where, "file.yaml:") {
				t.Fatalf("%s comes from %q", set.key, set.where)
			}
		}
		_, _ = Resolve(Layer{read: func(schema) ([]setting, error) { return settings, nil }})
	})
}

// An override never panics, and one that is accepted has left its trace.
func FuzzOverride(f *testing.F) {
	for _, seed := range []string{"epochs=3", "patch_size=[48,48,48]", "a=b=c", "=", "tags.x=", "model=x", "train.patch_size=9999999999x1x1", "seed=1e400", "model.options.a={b: [1, x]}", "model.options.a=null", "groups=a:1:2", "freeze=[a,b]", "model.options.dropout=0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, o string) {
		r, err := Resolve(OverridesLayer([]string{o}))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		for _, source := range r.Sources {
			if source == "override" {
				return
			}
		}
		t.Fatalf("%q changed nothing", o)
	})
}
