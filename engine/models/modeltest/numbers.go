package modeltest

import (
	"math"
	"testing"

	"github.com/minivess/minivess/engine/nn"
)

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= tolerance) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// same compares gradients, relative to the largest of all.
func same(t *testing.T, got, want *nn.State, tolerance float64) {
	t.Helper()
	var largest float64
	for w := range want.All() {
		for _, v := range floats(t, w) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	if got.Len() != want.Len() {
		t.Errorf("%d gradients, want %d", got.Len(), want.Len())
	}
	for w := range want.All() {
		g, ok := got.Get(w.Name)
		if !ok {
			t.Errorf("no gradient of %s", w.Name)
			continue
		}
		near(t, w.Name, floats(t, g), floats(t, w), tolerance*largest)
	}
}

// ascent is the direction of the gradients with length 1, and how steep it is.
func ascent(t *testing.T, gradients *nn.State) (map[string][]float32, float64) {
	t.Helper()
	direction, length := make(map[string][]float32), 0.0
	for g := range gradients.All() {
		direction[g.Name] = floats(t, g)
		for _, v := range direction[g.Name] {
			length += float64(v) * float64(v)
		}
	}
	length = math.Sqrt(length)
	for _, d := range direction {
		for i := range d {
			d[i] = float32(float64(d[i]) / length)
		}
	}
	return direction, length
}

// along moves weights by a multiple of the direction.
func along(t *testing.T, start *nn.State, direction map[string][]float32, by float64) *nn.State {
	t.Helper()
	out := &nn.State{}
	for w := range start.All() {
		if d, ok := direction[w.Name]; ok {
			values := floats(t, w)
			for i := range values {
				values[i] += float32(by * float64(d[i]))
			}
			moved, err := nn.FloatTensor(w.Name, w.Shape, values)
			if err != nil {
				t.Fatal(err)
			}
			w = moved
		}
		if err := out.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func floats(t *testing.T, tensor nn.Tensor) []float32 {
	t.Helper()
	v, err := tensor.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
