package nn_test

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/nn"
)

func TestInitialiseNormal(t *testing.T) {
	t.Parallel()
	s, err := nn.Initialise([]nn.Param{{Name: "w", Shape: nn.Shape{50, 20, 3, 3, 3}, Init: nn.KaimingNormal(540, 0.5)}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := s.Get("w")
	values, err := w.Float32()
	if err != nil {
		t.Fatal(err)
	}
	want := math.Sqrt(2 / 1.25 / 540)
	if mean, deviation, largest := moments(values); math.Abs(mean) > 0.02*want || math.Abs(deviation-want) > 0.02*want || largest < 3*want {
		t.Errorf("mean %g, deviation %g, largest %g, want a deviation of %g", mean, deviation, largest, want)
	}
}

// Rows of a group start alike, groups do not.
func TestInitialiseRepeats(t *testing.T) {
	t.Parallel()
	init := nn.KaimingNormal(2, 0)
	init.Repeat = 3
	s, err := nn.Initialise([]nn.Param{{Name: "w", Shape: nn.Shape{6, 2}, Init: init}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := s.Get("w")
	v, err := w.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for row := range 6 {
		if first := row / 3 * 3; !cmp.Equal(v[2*row:2*row+2], v[2*first:2*first+2]) {
			t.Errorf("row %d is %v, row %d %v", row, v[2*row:2*row+2], first, v[2*first:2*first+2])
		}
	}
	if v[0] == v[6] || v[0] == v[1] || v[6] == 0 {
		t.Errorf("%v: the groups or the elements of a row are alike", v)
	}
	init.Repeat = 4
	for _, shape := range []nn.Shape{{6, 2}, {}} {
		if _, err := nn.Initialise([]nn.Param{{Name: "w", Shape: shape, Init: init}}, 3); !errors.Is(err, nn.ErrParam) {
			t.Errorf("%v in fours: %v", shape, err)
		}
	}
}
