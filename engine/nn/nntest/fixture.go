package nntest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// Tolerances of agreement with the upstream implementation: the largest
// absolute difference of the logits, and of gradients relative to the largest
// element of that parameter's gradient.
const (
	LogitTolerance    = 1e-4
	GradientTolerance = 1e-4
)

// mostTolerance is the most that a fixture may tolerate of gradients, where
// PyTorch itself differs by more than GradientTolerance between its own ways of
// computing them.
const mostTolerance = 1e-3

// samplesKept is the most elements of a gradient that a fixture stores.
const samplesKept = 24

// Fixture is what the upstream implementation computed for weights, image and
// cotangent of the formula.
type Fixture struct {
	Options map[string]any
	Shape   nn.Shape
	Image   string // name of the image in the formula
	every   int    // of logits, every one of this many elements is stored
	// GradientTolerance is that of this fixture; 0 means the constant above.
	// Convolutions with a bias that a normalisation takes away again have
	// gradients that are nothing but rounding, and may need more.
	GradientTolerance float64
	results           *nn.State
}

// ReadFixture reads a file that scripts/peers wrote.
func ReadFixture(path string) (Fixture, error) {
	s, meta, err := safetensors.Read(path)
	if err != nil {
		return Fixture{}, err
	}
	f := Fixture{results: s, Image: meta["image"], every: 1}
	if step, ok := meta["step"]; ok {
		if f.every, err = strconv.Atoi(step); err != nil || f.every < 1 {
			return Fixture{}, fmt.Errorf("fixture %q: step %q must be a positive number", path, step)
		}
	}
	if own, ok := meta["gradient_tolerance"]; ok {
		if f.GradientTolerance, err = strconv.ParseFloat(own, 64); err != nil || !(f.GradientTolerance > 0 && f.GradientTolerance <= mostTolerance) {
			return Fixture{}, fmt.Errorf("fixture %q: gradient tolerance %q must be positive, at most %g", path, own, mostTolerance)
		}
	}
	if err := json.Unmarshal([]byte(meta["options"]), &f.Options); err != nil {
		return Fixture{}, fmt.Errorf("fixture %q: options: %w", path, err)
	}
	if err := json.Unmarshal([]byte(meta["shape"]), &f.Shape); err != nil {
		return Fixture{}, fmt.Errorf("fixture %q: shape: %w", path, err)
	}
	return f, nil
}

// CheckLogits compares the logits of a training pass with the fixture's and
// returns the largest difference.
func (f Fixture) CheckLogits(t *testing.T, got []float32) (worst float64) {
	t.Helper()
	return f.check(t, "logits", f.stored(got))
}

// stored returns the elements that the fixture has.
func (f Fixture) stored(logits []float32) []float32 {
	var out []float32
	for i := 0; i < len(logits); i += f.every {
		out = append(out, logits[i])
	}
	return out
}

// CheckPrediction compares logits computed without training, which are others
// when the network holds batch norms.
func (f Fixture) CheckPrediction(t *testing.T, got []float32) (worst float64) {
	t.Helper()
	const predicted = "predicted"
	if _, ok := f.results.Get(predicted); ok {
		return f.check(t, predicted, f.stored(got))
	}
	return f.check(t, "logits", f.stored(got))
}

// CheckAuxiliary compares the auxiliary heads of a training pass, finest first.
func (f Fixture) CheckAuxiliary(t *testing.T, got [][]float32) (worst float64) {
	t.Helper()
	for i, head := range got {
		worst = max(worst, f.check(t, fmt.Sprintf("auxiliary/%d", i), head))
	}
	if _, ok := f.results.Get(fmt.Sprintf("auxiliary/%d", len(got))); ok {
		t.Errorf("%d auxiliary heads, the fixture has more", len(got))
	}
	return worst
}

// AuxiliaryCotangent is the formula's name of the weights that a fixture's loss
// gives to the elements of an auxiliary head.
func AuxiliaryCotangent(head int) string { return fmt.Sprintf("cotangent-%d", head) }

// CheckBuffers compares what a training pass left in the buffers, such as
// running statistics, with the fixture's.
func (f Fixture) CheckBuffers(t *testing.T, got *nn.State) (worst float64) {
	t.Helper()
	compared := 0
	for want := range f.results.All() {
		name, ok := strings.CutPrefix(want.Name, "buffer/")
		if !ok {
			continue
		}
		compared++
		b, ok := got.Get(name)
		switch {
		case !ok:
			t.Fatalf("no buffer %q", name)
		case want.DType.Float():
			worst = max(worst, f.check(t, want.Name, values(t, got, name)))
		case !b.Shape.Equal(want.Shape) || b.DType != want.DType || !bytes.Equal(b.Data, want.Data):
			t.Errorf("buffer %s is %s %v %v, want %s %v %v", name, b.DType, b.Shape, b.Data, want.DType, want.Shape, want.Data)
		}
	}
	if compared == 0 {
		t.Error("the fixture has no buffers")
	}
	return worst
}

// check compares all elements of one result.
func (f Fixture) check(t *testing.T, name string, got []float32) (worst float64) {
	t.Helper()
	want := values(t, f.results, name)
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		if math.IsNaN(float64(got[i])) {
			t.Fatalf("%s: element %d is not a number", name, i)
		}
	}
	if worst > LogitTolerance {
		t.Errorf("%s differ by up to %g", name, worst)
	}
	return worst
}

// CheckGradients compares every parameter's gradient with the fixture's and
// returns the largest relative difference.
func (f Fixture) CheckGradients(t *testing.T, got *nn.State) (worst float64) {
	t.Helper()
	const prefix, norm = "gradient/", "norm/"
	var overall float64
	for g := range got.All() {
		overall = max(overall, largest(values(t, got, g.Name)))
	}
	compared := 0
	for want := range f.results.All() {
		name, ok := strings.CutPrefix(want.Name, prefix)
		if !ok {
			continue
		}
		compared++
		g, samples := values(t, got, name), values(t, f.results, want.Name)
		// Some gradients are zero but for rounding, such as a bias's that a
		// normalisation takes away again: those are judged by all gradients' size.
		scale := max(largest(g), 1e-2*overall)
		step := (len(g) + samplesKept - 1) / samplesKept
		var sum, difference float64
		for i, v := range g {
			sum += float64(v) * float64(v)
			if i%step == 0 {
				difference = max(difference, math.Abs(float64(v)-float64(samples[i/step]))/scale)
			}
		}
		if len(samples) < len(g) { // else all elements were compared
			length := float64(values(t, f.results, norm+name)[0])
			difference = max(difference, math.Abs(math.Sqrt(sum)-length)/max(length, scale))
		}
		if !(difference <= cmp.Or(f.GradientTolerance, GradientTolerance)) {
			t.Errorf("gradient of %s differs by %g", name, difference)
		}
		worst = max(worst, difference)
	}
	if compared != got.Len() {
		t.Errorf("%d gradients in the fixture, %d computed", compared, got.Len())
	}
	return worst
}

func largest(values []float32) (most float64) {
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

func values(t *testing.T, s *nn.State, name string) []float32 {
	t.Helper()
	tensor, ok := s.Get(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	v, err := tensor.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
