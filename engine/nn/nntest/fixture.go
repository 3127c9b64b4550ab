package nntest

import (
	"encoding/json"
	"fmt"
	"math"
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

// samplesKept is the most elements of a gradient that a fixture stores.
const samplesKept = 24

// Fixture is what the upstream implementation computed for weights, image and
// cotangent of the formula.
type Fixture struct {
	Options map[string]any
	Shape   nn.Shape
	Image   string // name of the image in the formula
	results *nn.State
}

// ReadFixture reads a file that scripts/peers wrote.
func ReadFixture(path string) (Fixture, error) {
	s, meta, err := safetensors.Read(path)
	if err != nil {
		return Fixture{}, err
	}
	f := Fixture{results: s, Image: meta["image"]}
	if err := json.Unmarshal([]byte(meta["options"]), &f.Options); err != nil {
		return Fixture{}, fmt.Errorf("fixture %q: options: %w", path, err)
	}
	if err := json.Unmarshal([]byte(meta["shape"]), &f.Shape); err != nil {
		return Fixture{}, fmt.Errorf("fixture %q: shape: %w", path, err)
	}
	return f, nil
}

// CheckLogits compares logits with the fixture's and returns the largest
// difference.
func (f Fixture) CheckLogits(t *testing.T, got []float32) (worst float64) {
	t.Helper()
	want := values(t, f.results, "logits")
	if len(got) != len(want) {
		t.Fatalf("%d logits, want %d", len(got), len(want))
	}
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		if math.IsNaN(float64(got[i])) {
			t.Fatalf("logit %d is not a number", i)
		}
	}
	if worst > LogitTolerance {
		t.Errorf("logits differ by up to %g", worst)
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
		if !(difference <= GradientTolerance) {
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
