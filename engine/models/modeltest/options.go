package modeltest

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Refuses checks that options are refused; the keys of the table are what the
// error must say of them.
func Refuses[M Adapter](t *testing.T, build Build[M], table map[string]map[string]any) {
	t.Helper()
	for says, options := range table {
		_, err := build(options)
		if !errors.Is(err, adapter.ErrOption) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: got %v, want it to say %q", options, err, says)
		}
	}
}

// RefusesSizes checks that images of these shapes are refused; the keys of the
// table are what the error must say of them.
func RefusesSizes(t *testing.T, a Adapter, table map[string]nn.Shape) {
	t.Helper()
	for says, shape := range table {
		_, err := nn.Trace(a.Forward, a.TrainableParameters(), nn.InputShapes{Image: shape})
		if !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: got %v, want it to say %q", shape, err, says)
		}
	}
}

// SameModels checks that both sets of options of each pair make the same model.
func SameModels[M Adapter](t *testing.T, build Build[M], pairs [][2]map[string]any) {
	t.Helper()
	for _, p := range pairs {
		got, want := build.make(t, p[0]), build.make(t, p[1])
		if d := cmp.Diff(want.Config(), got.Config()); d != "" {
			t.Errorf("%v (-want +got):\n%s", p[0], d)
		}
	}
}

// Recognise is the function of a model's package that finds the options of a
// foreign checkpoint.
type Recognise func(shapes map[string]nn.Shape) (options map[string]any, ok bool)

// Recognised checks that the shapes are taken for those of a network with the
// same parameters, but for the fields of nn.Param that a checkpoint does not
// show, and returns the network found.
func Recognised[M Adapter](t reporter, build Build[M], recognise Recognise, shapes map[string]nn.Shape, want M, unseen ...string) M {
	t.Helper()
	options, ok := recognise(shapes)
	if !ok {
		t.Fatalf("%v: not recognised", want.Config().Options)
	}
	got := build.make(t, options)
	if d := cmp.Diff(want.TrainableParameters(), got.TrainableParameters(), cmpopts.IgnoreFields(nn.Param{}, unseen...)); d != "" {
		t.Errorf("%v was taken for %v:\n%s", want.Config().Options, options, d)
	}
	return got
}

// Unrecognised checks that each of the changes, by what they do, makes of the
// model's shapes what is no longer recognised.
func Unrecognised(t *testing.T, recognise Recognise, a Adapter, changes map[string]func(map[string]nn.Shape)) {
	t.Helper()
	shapes := Shapes(a)
	for what, change := range changes {
		changed := maps.Clone(shapes)
		change(changed)
		if options, ok := recognise(changed); ok {
			t.Errorf("%v, %s: taken for %v", a.Config().Options, what, options)
		}
	}
}
